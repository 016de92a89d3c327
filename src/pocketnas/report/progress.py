"""How a search develops, training by training: its rewards and its hypervolume."""

from collections.abc import Sequence
from math import isfinite
from statistics import fmean

from pocketnas.report.scene import Frame
from pocketnas.report.searchers import settings
from pocketnas.search.hypervolume import hypervolume
from pocketnas.search.limits import Limits
from pocketnas.search.pareto import pareto
from pocketnas.study.study import Study
from pocketnas.study.trial import Trial

Curve = list[float | None]


def rewards(trials: Sequence[Trial]) -> Curve:
    """One reward a trial; one that failed or was stopped has none, but has used its turn."""
    return [
        None
        if trial.reward is None or not isfinite(trial.reward) or trial.outcome.estimated
        else trial.reward
        for trial in trials
    ]


def best_so_far(curve: Curve) -> Curve:
    """The highest reward up to each trial."""
    best: float | None = None
    found: Curve = []
    for reward in curve:
        if reward is not None and (best is None or reward > best):
            best = reward
        found.append(best)
    return found


def hypervolumes(trials: Sequence[Trial], frame: Frame, limits: Limits) -> list[float]:
    """After each trial the share of the frame that lies below the Pareto front of all so far.

    The frame's latency is logarithmic: a network twice as fast gains the same wherever it lies.
    What breaks a limit counts with the accuracy that its factor leaves.
    """
    corner = frame.floor, frame.slowest
    accuracies: list[float] = []
    latencies: list[float] = []
    found: list[float] = []
    for trial in trials:
        if figures := figures_of(trial, limits):
            accuracies.append(figures[0])
            latencies.append(figures[1])
            front = pareto(accuracies, latencies)
            accuracies = [accuracies[i] for i in front]
            latencies = [latencies[i] for i in front]
        found.append(hypervolume(accuracies, latencies, corner, log_latency=True) / frame.area)
    return found


def figures_of(trial: Trial, limits: Limits) -> tuple[float, float] | None:
    """The accuracy under limits and the latency; None of what failed or was stopped."""
    outcome = trial.outcome
    if not outcome.ok or outcome.estimated or outcome.accuracy is None or outcome.latency is None:
        return None
    return outcome.accuracy * limits(outcome.costs), outcome.latency


def limits_of(study: Study) -> Limits:
    """The limits that the study's settings name."""
    return Limits.parse(settings(study).get("limits", ()))


def moving_average(curve: Curve, window: int) -> Curve:
    """The mean of the last `window` trials that did not fail; None until the window is full."""
    found: Curve = []
    for i in range(len(curve)):
        recent = [reward for reward in curve[max(0, i + 1 - window) : i + 1] if reward is not None]
        found.append(fmean(recent) if i + 1 >= window and recent else None)
    return found


def window(trials: int) -> int:
    """Trials to average over: enough to see through the noise, few enough to see learning."""
    return max(5, min(50, trials // 8))
