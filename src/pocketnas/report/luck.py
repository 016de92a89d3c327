"""Whether a search has beaten luck: it and the random control at equally many trainings."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from pocketnas.report.figures import percent
from pocketnas.report.progress import figures_of, hypervolumes, limits_of, rewards
from pocketnas.report.scene import scene
from pocketnas.report.searchers import CONTROL, SEARCH, arm_label, is_pareto
from pocketnas.search.pareto import pareto
from pocketnas.study.study import Study
from pocketnas.study.trial import Trial

_FEW = 10  # trainings an arm, below which nobody should conclude anything
_SURE = 2.0  # standard errors between two figures that are told apart
_DICE = "One run is one throw of the dice; another seed may end otherwise."


def luck(study: Study) -> str:
    """Whether the search beat the random control at equally many trainings, in honest words.

    It is judged by what it was after: the reward, or the hypervolume of its front.
    """
    names = [trial.arm for trial in study.trials if trial.arm != CONTROL]
    arm = SEARCH if SEARCH in names or not names else names[0]
    label = arm_label(study, arm)
    name = "the search" if label == SEARCH else label
    searched, drawn = study.arm(arm), study.arm(CONTROL)
    n = min(len(searched), len(drawn))
    if not drawn:
        return (
            f"No random control was run beside {name}, so this run cannot tell what it added to"
            " luck."
        )
    judge = _by_front if is_pareto(study) else _by_reward
    found = judge(study, searched[:n], drawn[:n]) if n >= _FEW else None
    if found is None:
        return f"Too early to say whether {name} beats luck: {n} trainings each can be compared."
    verdict, figures = found
    return f"{name[0].upper()}{name[1:]} {verdict}: after {n} trainings each {figures}. {_DICE}"


def _by_reward(
    study: Study, searched: Sequence[Trial], drawn: Sequence[Trial]
) -> tuple[str, str] | None:
    """The verdict and its figures, from the best and the average rewards; None of too few."""
    n, found = len(searched), rewards(searched)
    late = [reward for reward in found[n - max(_FEW // 2, n // 4) :] if reward is not None]
    control = [reward for reward in rewards(drawn) if reward is not None]
    if len(late) < 2 or len(control) < 2:
        return None
    best, lucky = max(reward for reward in found if reward is not None), max(control)
    gain = fmean(late) - fmean(control)
    error = sqrt(variance(late) / len(late) + variance(control) / len(control))
    match gain > _SURE * error, best > lucky:
        case True, True:
            verdict = "beat luck in this run"
        case True, False:
            verdict = "learned what is good on average, but luck found a network at least as good"
        case False, True:
            verdict = (
                "found the better network, but its average shows no learning yet, so that may be"
                " luck too"
            )
        case _:
            verdict = "did not beat luck in this run"
    against = "against" if best != lucky else "and equally"
    return verdict, (
        f"the best reward is {best:.4f} {against} {lucky:.4f} by random sampling, and its last"
        f" {len(late)} networks average {fmean(late):.4f} against {fmean(control):.4f}"
        f" ({_change(fmean(late), fmean(control))})"
    )


def _by_front(
    study: Study, searched: Sequence[Trial], drawn: Sequence[Trial]
) -> tuple[str, str] | None:
    """The verdict and its figures, from the two fronts; None of too few.

    Were both arms luck, each network on the front of all would be either's by the toss of a coin.
    """
    limits = limits_of(study)
    figures = [[figures_of(trial, limits) for trial in trials] for trials in (searched, drawn)]
    ours, lucky = ([pair for pair in pairs if pair] for pairs in figures)
    if not ours or not lucky:
        return None
    front = pareto(*zip(*ours, *lucky, strict=True))
    own = sum(i < len(ours) for i in front)
    frame = scene(study, None).frame
    ours_share, lucky_share = (
        hypervolumes(trials, frame, limits)[-1] for trials in (searched, drawn)
    )
    match own - len(front) / 2 > _SURE * sqrt(len(front)) / 2, ours_share > lucky_share:
        case True, True:
            verdict = "beat luck in this run"
        case False, True:
            verdict = "found the better front, but too little of it is its own to rule out luck"
        case True, False:
            verdict = "found more of the front, but luck's hypervolume is at least as large"
        case _:
            verdict = "did not beat luck in this run"
    return verdict, (
        f"the hypervolume is {percent(ours_share, 2)} against {percent(lucky_share, 2)} by random"
        f" sampling, and of the {len(front)} networks on the front of both {own} are its own"
    )


def _change(new: float, old: float) -> str:
    if not old:
        return f"{new - old:+.4f}"
    return f"{'+' if new >= old else '−'}{percent(abs(new / old - 1))}"
