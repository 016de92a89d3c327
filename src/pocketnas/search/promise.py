"""What the trials so far promise of networks that nobody has trained."""

from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import Protocol

import torch
from torch import Tensor

from pocketnas.search.encoding import Encoding
from pocketnas.search.hypervolume import improvement
from pocketnas.search.limits import Limits
from pocketnas.search.predictor import Kernel, Predictor
from pocketnas.search.reward import Reward
from pocketnas.search.searcher import Result
from pocketnas.spaces.space import Genotype

ACCURACY, LATENCY = "accuracy", "latency"

Costs = Mapping[str, Sequence[float]]
"""Figures by name, one a network; among them `LATENCY`."""

Latencies = Callable[[Sequence[Genotype]], Sequence[float]]
"""Milliseconds of genotypes, asked freely: of a table, or of a device that answers in no time."""


class Worth(Protocol):
    """What a search is after."""

    def __call__(self, accuracies: Sequence[float], costs: Costs) -> list[float]:
        """How much each network is worth, the more the better."""
        ...


class Promise:
    """Predicted accuracies beside known or predicted costs.

    A cost is predicted by its logarithm, in which the parts of a network come closer to a sum.

    Args:
        memory: of the kernels that were fitted to fewer of the results.
        results: the trials so far that have an accuracy and all `costs`.
        costs: names of what is predicted beside the accuracy.
        latencies: known beforehand.
        seed: of what is drawn.
        kept: which of the results are predicted from; None for all.
    """

    def __init__(
        self,
        memory: "Memory",
        results: Sequence[Result],
        costs: Sequence[str],
        latencies: Latencies | None,
        seed: int,
        kept: Sequence[int] | None = None,
    ) -> None:
        genotypes = [result.genotype for result in results]
        self._generator = torch.Generator().manual_seed(seed)
        self._latencies = latencies
        self._accuracy = memory.predictor(
            ACCURACY if costs else "reward", genotypes, [r.accuracy or 0.0 for r in results], kept
        )
        self._costs = {
            name: memory.predictor(name, genotypes, [log(costs_of(r)[name]) for r in results], kept)
            for name in costs
            if latencies is None or name != LATENCY
        }

    @property
    def skill(self) -> float:
        """How well accuracy is predicted: see `Predictor`."""
        return self._accuracy.skill

    def hoped(self, genotypes: Sequence[Genotype], optimism: float) -> list[float]:
        """The accuracies so many standard deviations above those expected."""
        expected, deviation = self._accuracy.predict(genotypes)
        found: list[float] = (expected + optimism * deviation).tolist()
        return found

    def drawn(self, genotypes: Sequence[Genotype], n: int) -> list[list[float]]:
        """The accuracies by each of `n` functions that the trials allow."""
        found: list[list[float]] = self._accuracy.draw(genotypes, n, self._generator).tolist()
        return found

    def costs(self, genotypes: Sequence[Genotype]) -> Costs:
        """The known or expected costs."""
        found: dict[str, Sequence[float]] = {
            name: _exp(predictor.expected(genotypes)) for name, predictor in self._costs.items()
        }
        if self._latencies is not None:
            found[LATENCY] = self._latencies(genotypes)
        return found


class Memory:
    """The kernels fitted so far, one a figure.

    Fitting costs more than all else, and a few trials more change little: a kernel is fitted anew
    when the trials have grown by a tenth, to the first so many of them. So it depends on the
    trials alone, and a restored searcher finds the same one.

    Args:
        encoding: of the space's genotypes.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._kernels: dict[str, tuple[int, Kernel]] = {}

    def predictor(
        self,
        figure: str,
        genotypes: Sequence[Genotype],
        values: Sequence[float],
        kept: Sequence[int] | None = None,
    ) -> Predictor:
        """From the `kept` of the values, which may grow, but whose first ones stay the same."""
        n = 1
        while n + max(1, n // 10) <= len(values):
            n += max(1, n // 10)
        known, kernel = self._kernels.get(figure, (0, None))
        if kernel is None or known != n:
            kernel = Kernel(self._encoding).fit(genotypes[:n], values[:n])
            self._kernels[figure] = n, kernel
        kept = range(len(values)) if kept is None else kept
        seen, their_values = [genotypes[i] for i in kept], [values[i] for i in kept]
        return Predictor(self._encoding, seen, their_values, kernel)


def costs_of(result: Result) -> dict[str, float]:
    """All costs of a trial, the latency among them if it has one."""
    return dict(result.costs) | ({} if result.latency is None else {LATENCY: result.latency})


def by_reward(reward: Reward, limits: Limits) -> Worth:
    """Worth its reward, under limits."""

    def worth(accuracies: Sequence[float], costs: Costs) -> list[float]:
        limited = _limited(accuracies, costs, limits)
        return [reward(*pair) for pair in zip(limited, costs[LATENCY], strict=True)]

    return worth


def by_volume(results: Sequence[Result], limits: Limits) -> Worth:
    """Worth the hypervolume that it would add to what the results dominate already."""
    accuracies = [(result.accuracy or 0.0) * limits(result.costs) for result in results]
    latencies = [result.latency or 1.0 for result in results]
    add = improvement(accuracies, latencies, (min(accuracies), max(latencies)), log_latency=True)

    def worth(accuracies: Sequence[float], costs: Costs) -> list[float]:
        limited = _limited(accuracies, costs, limits)
        return [add(*pair) for pair in zip(limited, costs[LATENCY], strict=True)]

    return worth


def by_itself(accuracies: Sequence[float], costs: Costs) -> list[float]:
    """Worth what was predicted: where only rewards are known, they are."""
    return list(accuracies)


def _limited(accuracies: Sequence[float], costs: Costs, limits: Limits) -> list[float]:
    """The accuracies times the limits' factors."""
    names = limits.costs
    if not names:
        return list(accuracies)
    rows = zip(*(costs[name] for name in names), strict=True)
    return [
        accuracy * limits(dict(zip(names, row, strict=True)))
        for accuracy, row in zip(accuracies, rows, strict=True)
    ]


def _exp(logs: Tensor) -> list[float]:
    found: list[float] = logs.exp().tolist()
    return found
