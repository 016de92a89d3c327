"""A trial: a genotype, what evaluating its architecture gave, and its reward."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any, TypeVar

from pocketnas.spaces.space import Genotype

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """An accuracy in [0, 1] and a latency in milliseconds, or the error that prevented them.

    `details` is any JSON that belongs to the record: the digest, the interval, the counts. `costs`
    are further figures that limits may be set for, by name. `estimated` marks the accuracy of a
    training that was stopped early: what it would have come to, good enough for a searcher only.
    """

    accuracy: float | None = None
    latency: float | None = None
    error: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    estimated: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is something to reward: a finite accuracy and a latency above 0."""
        if self.error is not None or self.accuracy is None or self.latency is None:
            return False
        return isfinite(self.accuracy) and 0 < self.latency < inf


@dataclass(frozen=True, slots=True)
class Trial:
    """One row of a study. `number` counts within the study, `arm` names the searcher's part."""

    number: int
    arm: str
    genotype: Genotype
    outcome: Outcome
    reward: float | None


Evaluate = Callable[[Sequence[T]], Sequence[Outcome]]
"""Evaluates a batch; one outcome a value, in order. What fails is an outcome with an error."""


def each(evaluate: Callable[[T], tuple[float, float]]) -> Evaluate[T]:
    """Lifts a function of one value, returning (accuracy, latency in ms), to a batch.

    An exception becomes the outcome's error: a failed trial never ends a study. Figures may be
    anything that `float` takes: NumPy's numbers, a tensor of one value.
    """

    def batch(values: Sequence[T]) -> list[Outcome]:
        outcomes = []
        for value in values:
            try:
                accuracy, latency = evaluate(value)
                outcomes.append(Outcome(float(accuracy), float(latency)))
            except Exception as error:
                outcomes.append(Outcome(error=f"{type(error).__name__}: {error}"))
        return outcomes

    return batch
