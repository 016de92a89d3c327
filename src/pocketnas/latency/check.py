"""How far predicted latencies are off, on networks that were measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketnas.devices.device import Latency
from pocketnas.latency.operators import Operator


@dataclass(frozen=True, slots=True)
class Measured:
    """A network whose latency was measured."""

    operators: tuple[Operator, ...]
    latency: Latency


@dataclass(frozen=True, slots=True)
class Check:
    """How far a table is off on networks that it has not seen.

    Attributes:
        networks: how many.
        mean_error: mean of |predicted / measured - 1|.
        bias: mean of predicted / measured - 1.
        within_5: share of the networks within 5 %.
        within_10: share within 10 %.
        spearman: rank correlation of predicted and measured.
        noise: mean half-width of the measurements' own 95 % intervals, a share of them.
    """

    networks: int
    mean_error: float
    bias: float
    within_5: float
    within_10: float
    spearman: float
    noise: float


def check(predict: Callable[[Measured], float], networks: Sequence[Measured]) -> Check:
    """Compares predictions with measurements, of at least two networks.

    Args:
        predict: milliseconds of a network.
        networks: measured, none of them seen by `predict`.
    """
    measured = np.array([network.latency.milliseconds for network in networks])
    predicted = np.array([predict(network) for network in networks])
    error = predicted / measured - 1
    return Check(
        networks=len(networks),
        mean_error=float(np.abs(error).mean()),
        bias=float(error.mean()),
        within_5=float((np.abs(error) <= 0.05).mean()),
        within_10=float((np.abs(error) <= 0.10).mean()),
        spearman=float(np.corrcoef(_ranks(predicted), _ranks(measured))[0, 1]),
        noise=float(np.mean([half_width(network.latency) for network in networks])),
    )


def half_width(latency: Latency) -> float:
    """Half of its 95 % interval, a share of it."""
    return (latency.high - latency.low) / (2 * latency.milliseconds)


def _ranks(values: NDArray[np.float64]) -> NDArray[Any]:
    return np.argsort(np.argsort(values))
