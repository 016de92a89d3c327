"""What each operator costs within a network, learned from operators alone and whole networks.

An operator alone is told precisely by the clock, but finds its weights in the caches and is started
by itself; whole networks know what it costs among others, but not which of them costs what. So:

    time of a network = start + sum of the prices of its operators
    price = times(kind) * alone * (1 + own) + plus(kind) + weight * weights + map * maps

with normal priors on all that is unknown, above all on how far an operator's `own` price is from
that of its kind. The posterior mean is one linear system of as many unknowns as there are networks
(Rasmussen and Williams 2006, equations 2.11 and 2.12), and it is again a price an operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketnas.errors import DeviceError
from pocketnas.latency.operators import Operator

Array = NDArray[np.float64]

FEWEST = 8  # networks; fewer do not tell a scale from noise

_OWN = 0.1  # deviation of an operator's own factor, one measured alone
_GUESSED = 0.3  # one whose time alone is that of its kin
_TIMES = 0.3  # deviation of a kind's factor, as a share of what is usual
_STARTS = 0.5  # deviation of what an operator costs besides, in starts of a run
_TRAFFIC = 0.05  # deviation of what all weights, or all maps, cost besides, as a share of a network
_NOISE = 0.02  # of a network's time, beside what its interval says: spells, addresses
_OUTLIER = 1.5  # deviations; beyond them a network counts for less (Huber)
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Context:
    """What a network makes of an operator's time alone, by kind; times are milliseconds.

    Attributes:
        start: of a run without operators.
        usual: factor of a kind that no network had.
        times: factor of a kind.
        plus: what an operator of a kind costs besides.
        per_weight: for each million weights.
        per_map: for each million values read and written.
    """

    start: float
    usual: float
    times: dict[str, float]
    plus: dict[str, float]
    per_weight: float
    per_map: float

    def price(self, operator: Operator, alone: float, own: float = 0.0) -> float:
        """Milliseconds within a network of an operator that takes `alone` by itself."""
        kind = operator.kind
        found = self.times.get(kind, self.usual) * (1 + own) * max(0.0, alone - self.start)
        found += self.plus.get(kind, 0.0)
        found += (self.per_weight * operator.weights + self.per_map * operator.maps) / 1e6
        return max(0.0, found)


def fit(
    operators: Sequence[Operator],
    alone: Sequence[float],
    measured: Sequence[bool],
    counts: Array,
    times: Sequence[float],
    sure: Sequence[float],
) -> tuple[Context, list[float]]:
    """The context, and the price of each operator in it.

    Args:
        operators: of the networks, each once.
        alone: milliseconds of each by itself.
        measured: whether that was measured, or guessed from its kin.
        counts: how often each network has each operator, (networks, operators).
        times: milliseconds of the networks.
        sure: relative half-widths of their 95 % intervals.

    Raises:
        DeviceError: there are fewer than `FEWEST` networks.
    """
    y = np.asarray(times, float)
    if len(y) < FEWEST:
        raise DeviceError(f"latency table: needs at least {FEWEST} measured networks, got {len(y)}")
    start = min(a for a, known in zip(alone, measured, strict=True) if known)
    a = np.maximum(np.asarray(alone, float) - start, 0.0)
    kinds = sorted({operator.kind for operator in operators})
    belongs = np.array([[operator.kind == kind for kind in kinds] for operator in operators], float)
    weights = np.array([operator.weights for operator in operators]) / 1e6
    maps = np.array([operator.maps for operator in operators]) / 1e6
    usual = float(np.median((y - start) / (counts @ a)))
    # Columns of what is to be learned, each scaled so that its prior has a deviation of 1.
    work = float(np.median(y))
    per_weight, per_map = (
        _TRAFFIC * work / max(1e-12, float(np.median(counts @ sizes))) for sizes in (weights, maps)
    )
    columns = np.hstack(
        [
            (counts * a) @ belongs * usual * _TIMES,
            counts @ belongs * _STARTS * start,
            (counts @ weights * per_weight)[:, None],
            (counts @ maps * per_map)[:, None],
        ]
    )
    own = counts * a * usual * np.where(measured, _OWN, _GUESSED)
    columns, own = columns / y[:, None], own / y[:, None]
    expected = (start + counts @ a * usual) / y
    answer = _solved(columns @ columns.T + own @ own.T, 1 - expected, np.asarray(sure, float) / 2)
    found, owns = columns.T @ answer, own.T @ answer
    k = len(kinds)
    context = Context(
        start=start,
        usual=usual,
        times={kind: usual * (1 + _TIMES * float(found[i])) for i, kind in enumerate(kinds)},
        plus={kind: _STARTS * start * float(found[k + i]) for i, kind in enumerate(kinds)},
        per_weight=per_weight * float(found[-2]),
        per_map=per_map * float(found[-1]),
    )
    factors = owns * np.where(measured, _OWN, _GUESSED)
    prices = []
    for i, operator in enumerate(operators):
        # `own` is a share of the usual price, not of its kind's.
        share = usual * factors[i] / context.times[operator.kind]
        prices.append(context.price(operator, alone[i], float(share)))
    return context, prices


def _solved(covariance: Array, residuals: Array, deviations: Array) -> Array:
    """(covariance + noise)^-1 residuals; a network that fits badly gets more noise."""
    noise = _NOISE**2 + deviations**2
    weight: Array = np.ones(len(residuals))
    answer: Array = np.zeros(len(residuals))
    for _ in range(_ROUNDS):
        answer = np.linalg.solve(covariance + np.diag(noise / weight), residuals).astype(float)
        left = np.abs(residuals - covariance @ answer) / np.sqrt(noise)
        weight = 1 / np.maximum(1.0, left / _OUTLIER)
    return answer
