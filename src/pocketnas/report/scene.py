"""What every picture of a study shows: which trials, which front, which frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log
from typing import Any

from pocketnas.report.figures import device_text
from pocketnas.report.searchers import CONTROL, arm_label, settings
from pocketnas.report.summary import Summary
from pocketnas.search.pareto import pareto
from pocketnas.study.study import Study
from pocketnas.study.trial import Trial

_WIDE = 8  # slowest over fastest from which on a linear axis would squeeze the fast ones together
_FAR = 2.0  # quartile distances


@dataclass(frozen=True, slots=True)
class Point:
    """A trial with both its figures: accuracy in [0, 1] and latency in milliseconds."""

    trial: Trial
    accuracy: float
    latency: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle of accuracies and latencies that a picture shows."""

    floor: float
    highest: float
    fastest: float
    slowest: float

    @property
    def area(self) -> float:
        """With a logarithmic axis of latency; 1 of a picture of a single network."""
        return (self.highest - self.floor) * log(self.slowest / self.fastest) or 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A study ready to be drawn.

    `arms` come with the control first, so that the search is drawn over it; `labels` are their
    names in a legend. `found` is the winner
    of a finished run, else the best so far, as `chosen` says. `floor` is where the accuracy axis
    begins: a few networks that learned nothing would otherwise press all others into a line; they
    are the `below`. `where` follows the word latency: the device, its threads and the batch.
    `stopped` counts the networks not trained to the end, whose accuracy nobody knows: not drawn.
    """

    arms: dict[str, list[Point]]
    labels: dict[str, str]
    front: list[Point]
    found: Point | None
    chosen: str
    target: float | None
    where: str
    log: bool
    floor: float
    below: int
    stopped: int

    @property
    def frame(self) -> Frame:
        """What is drawn; there must be a trial."""
        points = [point for arm in self.arms.values() for point in arm]
        latencies = [point.latency for point in points]
        highest = max(point.accuracy for point in points)
        return Frame(self.floor, highest, min(latencies), max(latencies))


def scene(study: Study, summary: Summary | None) -> Scene:
    """The study as a picture needs it; any number of trials, also none."""
    points = [point for trial in study.trials if (point := _point(trial))]
    arms: dict[str, list[Point]] = {}
    for point in sorted(points, key=lambda point: point.trial.arm != CONTROL):
        arms.setdefault(point.trial.arm, []).append(point)
    latencies = [point.latency for point in points]
    best = pareto([point.accuracy for point in points], latencies)
    front = [points[i] for i in best]
    floor = _floor(sorted(point.accuracy for point in points), front)
    return Scene(
        arms=arms,
        labels={arm: arm_label(study, arm) for arm in arms},
        front=front,
        found=_found(points, summary),
        chosen="chosen" if summary and summary.rows else "best so far",
        target=_target(study, summary),
        where=_where(study, summary),
        log=bool(points) and max(latencies) > _WIDE * min(latencies),
        floor=floor,
        below=sum(point.accuracy < floor for point in points),
        stopped=sum(trial.outcome.estimated for trial in study.trials),
    )


def device_name(study: Study, summary: Summary | None) -> str:
    """What the latencies were measured on, in words, or an empty text."""
    cpu = summary.device.get("cpu") if summary else None
    return device_text(str(cpu or _some_latency(study, summary).get("device") or ""))


def latency_of(trial: Trial) -> dict[str, Any]:
    """The recorded `Latency.to_dict()` of a trial, empty if there is none."""
    latency = trial.outcome.details.get("latency")
    return latency if isinstance(latency, dict) else {}


def lines_of(trial: Trial) -> list[str]:
    """The block strings recorded with a trial, empty if there are none."""
    return [str(line) for line in trial.outcome.details.get("lines") or ()]


def _some_latency(study: Study, summary: Summary | None) -> dict[str, Any]:
    """One measurement of the study, for what they all share."""
    rows = summary.rows if summary else ()
    found = (*(row.latency for row in rows), *map(latency_of, reversed(study.trials)))
    return next((latency for latency in found if latency), {})


def _where(study: Study, summary: Summary | None) -> str:
    device, threads = device_name(study, summary), _some_latency(study, summary).get("threads")
    on = f" on {device}" if device else ""
    with_threads = f", {threads} thread{'' if threads == 1 else 's'}" if threads else ""
    return f"{on}{with_threads}, batch 1"


def _point(trial: Trial) -> Point | None:
    accuracy, latency = trial.outcome.accuracy, trial.outcome.latency
    if not trial.outcome.ok or trial.outcome.estimated or accuracy is None or latency is None:
        return None
    return Point(trial, accuracy, latency) if isfinite(accuracy) and 0 < latency < 1e12 else None


def _found(points: Sequence[Point], summary: Summary | None) -> Point | None:
    if summary and summary.rows:
        digest = summary.rows[0].searched or summary.rows[0].digest
        points = [p for p in points if p.trial.outcome.details.get("digest") == digest]
    rewarded = [point for point in points if point.trial.reward is not None]
    return max(rewarded, key=lambda point: point.trial.reward or 0.0, default=None)


def _target(study: Study, summary: Summary | None) -> float | None:
    """In milliseconds; of a run under way as its settings or its reference give it."""
    if summary:
        return summary.target_ms
    target = settings(study).get("target_ms") or study.storage.get("reference_ms")
    return float(target) if target else None


def _floor(accuracies: Sequence[float], front: Sequence[Point]) -> float:
    """Below all but stragglers, which lie `_FAR` quartile distances under the lower quartile."""
    if not accuracies:
        return 0.0
    n = len(accuracies)
    lower, upper = accuracies[n // 4], accuracies[3 * n // 4]
    fence = lower - _FAR * max(upper - lower, 0.005)
    usual = next(accuracy for accuracy in accuracies if accuracy >= fence)
    start = min(usual, *(point.accuracy for point in front)) if front else usual
    return max(0.0, start - 0.06 * max(accuracies[-1] - start, 0.01))
