"""Regularized evolution (1802.01548, algorithm 1): the oldest dies, not the worst."""

import json
import random
from collections import deque
from collections.abc import Sequence
from math import inf

from pocketnas.errors import StudyError
from pocketnas.search.searcher import Result
from pocketnas.spaces.space import Decision, Genotype


class Evolution:
    """Mutates the best of a random sample of the living.

    Args:
        decisions: of the space.
        seed: of every draw.
        population: how many live (P).
        sample: how many compete to be a parent (S).
    """

    def __init__(
        self,
        decisions: Sequence[Decision],
        *,
        seed: int = 0,
        population: int = 50,
        sample: int = 10,
    ) -> None:
        self._sizes = [len(decision.options) for decision in decisions]
        self._seed = seed
        self._told = 0
        self._sample = sample
        self._living: deque[Result] = deque(maxlen=population)

    def ask(self, n: int) -> list[Genotype]:
        draw = random.Random(f"{self._seed}:{self._told}")
        grown = len(self._living) == self._living.maxlen
        return [self._child(draw) if grown else self._random(draw) for _ in range(n)]

    def tell(self, results: Sequence[Result]) -> None:
        self._told += len(results)
        self._living.extend(Result(result.genotype, result.reward) for result in results)

    def state(self) -> bytes:
        living = [[list(result.genotype), result.reward] for result in self._living]
        return json.dumps({"seed": self._seed, "told": self._told, "living": living}).encode()

    def restore(self, state: bytes) -> None:
        try:
            found = json.loads(state)
            self._seed, self._told = int(found["seed"]), int(found["told"])
            living = [Result(tuple(genotype), reward) for genotype, reward in found["living"]]
        except (ValueError, KeyError, TypeError):
            raise StudyError("evolution: the stored state is not its own") from None
        if any(len(result.genotype) != len(self._sizes) for result in living):
            raise StudyError("evolution: the stored state is of another space")
        self._living = deque(living, self._living.maxlen)

    def _random(self, draw: random.Random) -> Genotype:
        return tuple(draw.randrange(size) for size in self._sizes)

    def _child(self, draw: random.Random) -> Genotype:
        contest = [draw.choice(self._living) for _ in range(self._sample)]
        parent = max(contest, key=lambda result: -inf if result.reward is None else result.reward)
        return mutated(parent.genotype, self._sizes, draw)


def mutated(genotype: Genotype, sizes: Sequence[int], draw: random.Random) -> Genotype:
    """The genotype with another option for one decision."""
    if max(sizes) == 1:
        return genotype
    while (size := sizes[i := draw.randrange(len(sizes))]) == 1:
        pass  # nothing to choose here
    option = draw.randrange(size - 1)
    return (*genotype[:i], option + (option >= genotype[i]), *genotype[i + 1 :])
