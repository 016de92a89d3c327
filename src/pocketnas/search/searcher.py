"""The searchers' protocol: ask for genotypes, tell rewards. A searcher never sees networks."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pocketnas.errors import StudyError
from pocketnas.spaces.space import Decision, Genotype


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a genotype. `reward` is None for one that failed or cannot be built.

    A searcher that predicts also reads the `accuracy`, in [0, 1], the `latency`, in milliseconds,
    and the other `costs` behind it.
    """

    genotype: Genotype
    reward: float | None
    accuracy: float | None = None
    latency: float | None = None
    costs: Mapping[str, float] = field(default_factory=dict)


class Searcher(Protocol):
    """Proposes genotypes and learns from their rewards.

    What `ask` returns depends on the seed and on what was told, never on how often it was asked;
    `state` and `restore` carry everything, so that a restored searcher continues bit for bit.
    """

    def ask(self, n: int) -> list[Genotype]:
        """The next `n` proposals; asking again before telling gives the same ones."""
        ...

    def tell(self, results: Sequence[Result]) -> None:
        """Learns from one batch of results."""
        ...

    def state(self) -> bytes:
        """Everything that `restore` needs."""
        ...

    def restore(self, state: bytes) -> None:
        """Continues from what `state` returned.

        Raises:
            StudyError: the state is of another searcher or space.
        """
        ...


class RandomSearch:
    """Uniform sampling: the control that every search must beat."""

    def __init__(self, decisions: Sequence[Decision], *, seed: int = 0) -> None:
        self._sizes = [len(decision.options) for decision in decisions]
        self._seed = seed
        self._told = 0

    def ask(self, n: int) -> list[Genotype]:
        draw = random.Random(f"{self._seed}:{self._told}")
        return [tuple(draw.randrange(size) for size in self._sizes) for _ in range(n)]

    def tell(self, results: Sequence[Result]) -> None:
        self._told += len(results)

    def state(self) -> bytes:
        return json.dumps({"seed": self._seed, "told": self._told}).encode()

    def restore(self, state: bytes) -> None:
        try:
            found = json.loads(state)
            self._seed, self._told = int(found["seed"]), int(found["told"])
        except (ValueError, KeyError, TypeError):
            raise StudyError("random search: the stored state is not its own") from None
