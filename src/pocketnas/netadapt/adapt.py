"""NetAdapt's loop. What trains, scores and measures is handed in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pocketnas.arch.architecture import Architecture
from pocketnas.errors import ArchitectureError, StudyError
from pocketnas.netadapt.widths import Width, shrunk, widths


class OutOfReach(StudyError):
    """No change makes the network fast enough."""


Predict = Callable[[Architecture], float]


@dataclass(frozen=True, slots=True)
class Adapted:
    """The network after a step.

    Attributes:
        architecture: as far as it has shrunk.
        milliseconds: measured.
        accuracy: on held-out images, after its short training.
    """

    architecture: Architecture
    milliseconds: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change that is fast enough.

    Attributes:
        name: of what changes.
        architecture: with the change.
        milliseconds: predicted.
        was: before the change: channels, kernel.
        becomes: after it.
    """

    name: str
    architecture: Architecture
    milliseconds: float
    was: int
    becomes: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """A proposal after its short training; `accuracy` on held-out images."""

    proposal: Proposal
    accuracy: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step: where it led, which proposal was chosen, and what the others came to."""

    now: Adapted
    chosen: Tuned
    others: tuple[Tuned, ...]


Measure = Callable[[Adapted, Architecture], float]
Tune = Callable[[Adapted, Sequence[Proposal]], Sequence[Tuned]]
Better = Callable[[Adapted, Tuned], float]
Propose = Callable[[Adapted, float], list[Proposal]]


def adapt(
    now: Adapted,
    target: float,
    *,
    reduction: Callable[[int], float],
    propose: Propose,
    tune: Tune,
    better: Better,
    measure: Measure,
    first: int = 0,
) -> Iterator[Step]:
    """Shrinks a network step by step until it is fast enough (1804.03230, algorithm 1).

    Args:
        now: the network to begin or to go on with.
        target: milliseconds.
        reduction: of the latency in a step, by the step's number.
        propose: networks that take no longer than so many milliseconds.
        tune: trains each for a short while, with weights from the present network.
        better: the larger, the better; `by_ratio`, `by_accuracy`.
        measure: milliseconds of the network that follows the present one.
        first: number of the first step.

    Raises:
        OutOfReach: no change makes the network faster; the steps so far stay.
    """
    number = first
    while now.milliseconds > target:
        goal = max(target, now.milliseconds - reduction(number))
        proposals = propose(now, goal)
        if not proposals:
            raise OutOfReach(
                f"adapt: the target of {target:.4g} ms is out of reach: after {number} steps"
                f" nothing makes the network faster than {now.milliseconds:.4g} ms by"
                f" {now.milliseconds - goal:.2g} ms"
            )
        tuned = tune(now, proposals)
        chosen = max(tuned, key=lambda each: better(now, each))
        architecture = chosen.proposal.architecture
        now = Adapted(architecture, measure(now, architecture), chosen.accuracy)
        yield Step(now, chosen, tuple(each for each in tuned if each is not chosen))
        number += 1


def by_ratio(now: Adapted, tuned: Tuned) -> float:
    """Change of accuracy for each millisecond saved: MobileNetV3's choice (1905.02244, 4.2)."""
    return (tuned.accuracy - now.accuracy) / (now.milliseconds - tuned.proposal.milliseconds)


def by_accuracy(now: Adapted, tuned: Tuned) -> float:
    """The accuracy itself: NetAdapt's choice (1804.03230, section 3.3)."""
    return tuned.accuracy


def narrower(now: Adapted, goal: float, predict: Predict) -> list[Proposal]:
    """A proposal for each width: the widest that is fast enough.

    Args:
        now: the present network.
        goal: milliseconds.
        predict: milliseconds of a network; only its ratio to that of the present one counts.
    """
    factor = now.milliseconds / predict(now.architecture)
    nodes = _nodes(now.architecture)
    found = []
    for width in widths(now.architecture):
        value = _widest(now.architecture, width, lambda other: factor * predict(other) <= goal)
        if value is None:
            continue
        smaller = shrunk(now.architecture, width, value)
        if _nodes(smaller) == nodes:  # no shortcut has come about, or vanished, by equal widths
            time = factor * predict(smaller)
            found.append(Proposal(width.name, smaller, time, width.value, value))
    return found


def _widest(
    architecture: Architecture, width: Width, fast: Callable[[Architecture], bool]
) -> int | None:
    """The largest smaller width that is fast enough; None where none is."""
    for value in width.smaller:
        try:
            if fast(shrunk(architecture, width, value)):
                return value
        except ArchitectureError:
            continue
    return None


def _nodes(architecture: Architecture) -> tuple[str, ...]:
    return tuple(node.name for node in architecture.graph().nodes)
