"""A search space is a function that calls `choose`; tracing it once lists its decisions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Generic, Protocol, TypeVar

from pocketnas.errors import SpaceError

Genotype = tuple[int, ...]
T = TypeVar("T")
Option = TypeVar("Option")


class Choose(Protocol):
    """What a space calls for each decision: a unique name and the options, in a fixed order."""

    def __call__(self, name: str, options: Sequence[Option]) -> Option:
        """Returns the option that the genotype names."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """One softmax of the controller: a name and the options it chooses from."""

    name: str
    options: tuple[Any, ...]


class Space(Generic[T]):
    """All values that `build` can return.

    Args:
        name: for people and for the study file.
        build: makes one value, asking `choose(name, options)` for each decision. It must ask for
            the same decisions in the same order whatever the answers are, so that a genotype is
            a tuple of fixed length.

    Raises:
        SpaceError: two decisions share a name, or one has no options.
    """

    def __init__(self, name: str, build: Callable[[Choose], T]) -> None:
        self.name = name
        self._build = build
        decisions: list[Decision] = []

        def first(name: str, options: Sequence[Option]) -> Option:
            if not options:
                raise SpaceError(f"space {self.name}: the decision {name!r} has no options")
            if any(decision.name == name for decision in decisions):
                raise SpaceError(f"space {self.name}: two decisions are called {name!r}")
            decisions.append(Decision(name, tuple(options)))
            return options[0]

        build(first)
        if not decisions:
            raise SpaceError(f"space {self.name}: its function decides nothing")
        self.decisions = tuple(decisions)

    @property
    def size(self) -> int:
        """How many genotypes there are."""
        return prod(len(decision.options) for decision in self.decisions)

    def decode(self, genotype: Genotype) -> T:
        """The value that `genotype` stands for.

        Raises:
            SpaceError: the genotype does not fit the decisions, or the function asked for others.
        """
        self.check(genotype)
        asked = 0

        def chosen(name: str, options: Sequence[Option]) -> Option:
            nonlocal asked
            expected = self.decisions[asked] if asked < len(self.decisions) else None
            if expected is None or (name, tuple(options)) != (expected.name, expected.options):
                raise SpaceError(
                    f"space {self.name}: decision {asked} is {name!r} with options"
                    f" {tuple(options)!r}, but was {expected!r} when the space was traced"
                )
            asked += 1
            return options[genotype[asked - 1]]

        value = self._build(chosen)
        if asked != len(self.decisions):
            raise SpaceError(
                f"space {self.name}: asked for {asked} decisions, traced {len(self.decisions)}"
            )
        return value

    def check(self, genotype: Genotype) -> None:
        """Raises SpaceError unless `genotype` names one option of each decision."""
        if len(genotype) != len(self.decisions):
            raise SpaceError(
                f"space {self.name}: a genotype has {len(self.decisions)} numbers,"
                f" got {len(genotype)}"
            )
        for index, decision in zip(genotype, self.decisions, strict=True):
            if not 0 <= index < len(decision.options):
                raise SpaceError(
                    f"space {self.name}: {decision.name} must be 0 to"
                    f" {len(decision.options) - 1}, got {index!r}"
                )
