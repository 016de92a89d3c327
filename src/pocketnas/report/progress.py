"""How a searcher's rewards develop: the curves, and whether it has beaten luck."""

from collections.abc import Sequence
from math import isfinite, sqrt
from statistics import fmean, variance

from pocketnas.report.figures import percent
from pocketnas.report.scene import CONTROL, SEARCH, Frame
from pocketnas.search.hypervolume import hypervolume
from pocketnas.search.pareto import pareto
from pocketnas.study.study import Study
from pocketnas.study.trial import Trial

_FEW = 10  # trials an arm, below which nobody should conclude anything
_SURE = 2.0  # standard errors between two means that are told apart

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


def hypervolumes(trials: Sequence[Trial], frame: Frame) -> list[float]:
    """After each trial the share of the frame that lies below the Pareto front of all so far.

    The frame's latency is logarithmic: a network twice as fast gains the same wherever it lies.
    """
    corner = frame.floor, frame.slowest
    accuracies: list[float] = []
    latencies: list[float] = []
    found: list[float] = []
    for trial in trials:
        accuracy, latency = trial.outcome.accuracy, trial.outcome.latency
        if trial.outcome.ok and not trial.outcome.estimated and accuracy is not None and latency:
            accuracies.append(accuracy)
            latencies.append(latency)
            front = pareto(accuracies, latencies)
            accuracies = [accuracies[i] for i in front]
            latencies = [latencies[i] for i in front]
        found.append(hypervolume(accuracies, latencies, corner, log_latency=True) / frame.area)
    return found


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


def luck(study: Study) -> str:
    """Whether the search beat the random control at an equal number of trials, in honest words."""
    names = [trial.arm for trial in study.trials if trial.arm != CONTROL]
    arm = SEARCH if SEARCH in names or not names else names[0]
    searched, drawn = rewards(study.arm(arm)), rewards(study.arm(CONTROL))
    if not drawn:
        return (
            "No random control was run beside the search, so this run cannot tell what the search"
            " added to luck."
        )
    n = min(len(searched), len(drawn))
    searched, drawn = searched[:n], drawn[:n]
    late = [reward for reward in searched[n - max(_FEW // 2, n // 4) :] if reward is not None]
    control = [reward for reward in drawn if reward is not None]
    if n < _FEW or len(late) < 2 or len(control) < 2:
        return f"Too early to say whether the search beats luck: {n} trials each can be compared."
    best, lucky = max(reward for reward in searched if reward is not None), max(control)
    gain = fmean(late) - fmean(control)
    error = sqrt(variance(late) / len(late) + variance(control) / len(control))
    learned, better = gain > _SURE * error, best > lucky
    if learned and better:
        verdict = "The search beat luck in this run"
    elif learned:
        verdict = (
            "The search learned what is good on average, but luck found a network at least as good"
        )
    elif better:
        verdict = (
            "The search found the better network, but its average shows no learning yet, so that"
            " may be luck too"
        )
    else:
        verdict = "The search did not beat luck in this run"
    against = "against" if best != lucky else "and equally"
    return (
        f"{verdict}: after {n} trials each the best reward is {best:.4f} {against} {lucky:.4f} by"
        f" random sampling, and the search's last {len(late)} networks average"
        f" {fmean(late):.4f} against {fmean(control):.4f} ({_change(fmean(late), fmean(control))})."
        " One run is one throw of the dice; another seed may end otherwise."
    )


def _change(new: float, old: float) -> str:
    if not old:
        return f"{new - old:+.4f}"
    return f"{'+' if new >= old else '−'}{percent(abs(new / old - 1))}"
