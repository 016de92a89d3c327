"""Evolution towards the whole Pareto set, by the selection of NSGA-II (Deb et al. 2002)."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

from pocketnas.errors import StudyError
from pocketnas.search.evolution import mutated
from pocketnas.search.limits import Limits
from pocketnas.search.pareto import pareto
from pocketnas.search.searcher import Result
from pocketnas.spaces.space import Decision, Genotype


@dataclass(frozen=True, slots=True)
class _Living:
    genotype: Genotype
    accuracy: float
    latency: float


class ParetoEvolution:
    """Accuracy and latency are two aims; the reward that is told does not matter.

    Results join the living, of whom the best fronts survive, and in the last front that has no room
    for all, the loneliest. Two parents that win a contest of two by the same measure have a child.

    Args:
        decisions: of the space.
        seed: of every draw.
        population: how many live.
        limits: take from the accuracy what they take from it in a reward.
    """

    def __init__(
        self,
        decisions: Sequence[Decision],
        *,
        seed: int = 0,
        population: int = 50,
        limits: Limits | None = None,
    ) -> None:
        self._sizes = [len(decision.options) for decision in decisions]
        self._seed = seed
        self._told = 0
        self._population = population
        self._limits = limits or Limits()
        self._living: list[_Living] = []

    def ask(self, n: int) -> list[Genotype]:
        draw = random.Random(f"{self._seed}:{self._told}")
        if len(self._living) < self._population:
            return [tuple(draw.randrange(size) for size in self._sizes) for _ in range(n)]
        return [self._child(draw) for _ in range(n)]

    def tell(self, results: Sequence[Result]) -> None:
        self._told += len(results)
        for result in results:
            if result.reward is None or result.accuracy is None or result.latency is None:
                continue
            accuracy = result.accuracy * self._limits(result.costs)
            self._living.append(_Living(result.genotype, accuracy, result.latency))
        order = ranking(
            [each.accuracy for each in self._living], [each.latency for each in self._living]
        )
        self._living = [self._living[i] for i in order[: self._population]]

    def state(self) -> bytes:
        living = [[list(each.genotype), each.accuracy, each.latency] for each in self._living]
        return json.dumps({"nsga": self._seed, "told": self._told, "living": living}).encode()

    def restore(self, state: bytes) -> None:
        try:
            found = json.loads(state)
            seed, told = int(found["nsga"]), int(found["told"])
            living = [_Living(tuple(genotype), *figures) for genotype, *figures in found["living"]]
        except (ValueError, KeyError, TypeError):
            raise StudyError("pareto evolution: the stored state is not its own") from None
        if any(len(each.genotype) != len(self._sizes) for each in living):
            raise StudyError("pareto evolution: the stored state is of another space")
        self._seed, self._told, self._living = seed, told, living

    def _child(self, draw: random.Random) -> Genotype:
        """Each decision from one of two parents, then one of them changed."""
        parents = [self._winner(draw).genotype for _ in range(2)]
        mixed = tuple(draw.choice(options) for options in zip(*parents, strict=True))
        return mutated(mixed, self._sizes, draw)

    def _winner(self, draw: random.Random) -> _Living:
        # The living stand in the order of their ranking.
        return self._living[min(draw.randrange(len(self._living)) for _ in range(2))]


def ranking(accuracies: Sequence[float], latencies: Sequence[float]) -> list[int]:
    """All candidates, best first: front after front, in each the loneliest first.

    Of exact equals one is on a front and the next on the front behind it, so that a population
    does not become copies of one network.

    Args:
        accuracies: of the candidates, finite.
        latencies: of the candidates, above 0.
    """
    left, order = list(range(len(accuracies))), list[int]()
    while left:
        found = pareto([accuracies[i] for i in left], [latencies[i] for i in left])
        front = [left[i] for i in found]
        distances = crowding([accuracies[i] for i in front], [latencies[i] for i in front])
        lonely = sorted(range(len(front)), key=lambda i: -distances[i])
        order += [front[i] for i in lonely]
        left = [i for i in left if i not in set(front)]
    return order


def crowding(accuracies: Sequence[float], latencies: Sequence[float]) -> list[float]:
    """How far a front's neighbours on either side of each member are apart; infinite at its ends.

    The distance is the sum over accuracy and the logarithm of latency, each relative to its range.

    Args:
        accuracies: along the front, rising.
        latencies: along the front, rising.
    """
    axes = [list(accuracies), [log(latency) for latency in latencies]]
    distances = [0.0] * len(accuracies)
    for axis in axes:
        for i in range(1, len(axis) - 1):
            distances[i] += (axis[i + 1] - axis[i - 1]) / (axis[-1] - axis[0])
    return [inf if i in (0, len(distances) - 1) else each for i, each in enumerate(distances)]
