"""Successive halving: after a part of their epochs the worse half of a batch stops (1502.07943).

Where the others end is known when they get there, so that what a stopped one would have come to can
be said: by a line from early to full accuracy, fitted to the study's completed trainings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from pocketnas.study.study import Study

PARTS = 3  # the first of which decides
_LINE = 4  # completed trainings from which on a line is fitted, not a mean gain

Pair = tuple[float, float]
"""Early and full accuracy of one network, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """full = `slope` * early + `gain`, within [0, 1]."""

    slope: float = 1.0
    gain: float = 0.0

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "Expectation":
        """The least-squares line; of few or equal pairs, or of a falling line, the mean gain."""
        known = sorted(pairs)  # a sum depends on its order
        if not known:
            return cls()
        early, full = (fmean(values) for values in zip(*known, strict=True))
        spread = sum((x - early) ** 2 for x, _ in known)
        slope = sum((x - early) * (y - full) for x, y in known) / spread if spread else 0.0
        if len(known) < _LINE or slope <= 0:
            return cls(gain=full - early)
        return cls(slope, full - slope * early)

    def __call__(self, early: float) -> float:
        """The full accuracy to expect."""
        return min(1.0, max(0.0, self.slope * early + self.gain))


def first_part(epochs: int) -> int:
    """After how many epochs a batch is halved; all of them where there is nothing to save."""
    return ceil(epochs / PARTS)


def better_half(rewards: Mapping[str, float]) -> set[str]:
    """The keys of the higher rewards, one more than half of an odd number; of equals the first."""
    ranked = sorted(rewards, key=lambda key: rewards[key], reverse=True)
    return set(ranked[: ceil(len(ranked) / 2)])


def completed(study: Study) -> list[Pair]:
    """Early and full accuracies of the networks that were trained to the end, each once."""
    pairs: dict[str, Pair] = {}
    for trial in study.trials:
        details, accuracy = trial.outcome.details, trial.outcome.accuracy
        if "early" in details and accuracy is not None and not trial.outcome.estimated:
            pairs[details["digest"]] = details["early"]["accuracy"], accuracy
    return list(pairs.values())


def saved(study: Study, epochs: int) -> tuple[int, int]:
    """Epochs of training that the study's trials did without, and all that they would have taken.

    Args:
        study: so far.
        epochs: of a whole proxy training.
    """
    stopped = [trial.outcome.details for trial in study.trials if trial.outcome.estimated]
    spared = sum(epochs - details.get("stopped", {}).get("epochs", 0) for details in stopped)
    return spared, epochs * len(study.trials)
