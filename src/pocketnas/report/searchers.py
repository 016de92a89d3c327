"""The searchers in words: their names in the legends, and what each of them does."""

from typing import Any

from pocketnas.study.study import Study

CONTROL = "random"  # the arm that only draws lots
SEARCH = "search"

_GUIDED = (
    "Guided search fits a Gaussian process to the trials so far and proposes the networks whose"
    " predicted accuracy and latency promise {}, nothing twice"
    " (PocketNAS, docs/how-it-works.md)."
)
_SEARCHERS = {
    "guided": ("guided search", _GUIDED.format("the best reward")),
    "guided pareto": ("guided search", _GUIDED.format("to add the most hypervolume to the front")),
    "ppo": (
        "PPO (RNN controller)",
        "An RNN controller chooses decision after decision and learns from the rewards by proximal"
        " policy optimization (Schulman et al. 2017, arXiv 1707.06347), as MnasNet's does"
        " (Tan et al. 2019, arXiv 1807.11626).",
    ),
    "reinforce": (
        "REINFORCE",
        "An RNN controller chooses decision after decision and learns from the rewards by the plain"
        " policy gradient (Williams 1992; Zoph and Le 2017, arXiv 1611.01578).",
    ),
    "evolution": (
        "evolution",
        "Regularized evolution changes one decision of the best of a sample of the living, and the"
        " oldest dies (Real et al. 2019, arXiv 1802.01548).",
    ),
    "evolution pareto": (
        "NSGA-II",
        "NSGA-II lets the best Pareto fronts live and, of the last one, the loneliest; a child"
        " mixes two of them and changes one decision (Deb et al. 2002).",
    ),
    "random": (
        "random search",
        "Random search draws every decision uniformly: the baseline of Li and Talwalkar (2019,"
        " arXiv 1902.07638).",
    ),
}


def arm_label(study: Study, arm: str) -> str:
    """An arm in the words of a legend: the searcher that the study's settings name."""
    if arm == SEARCH:
        return _searcher(study)[0] or "search"
    return "random control" if arm == CONTROL else arm


def searcher_words(study: Study) -> str:
    """What the searcher does and where it comes from; empty if the study names none."""
    return _searcher(study)[1]


def is_pareto(study: Study) -> bool:
    """Whether the whole front is searched instead of the best reward."""
    return settings(study).get("reward") == "pareto"


def settings(study: Study) -> dict[str, Any]:
    """The stored settings of the run; empty of a study that no run has made."""
    found: dict[str, Any] = study.storage.get("config") or {}
    return found


def _searcher(study: Study) -> tuple[str, str]:
    name = str(settings(study).get("searcher"))
    plain = _SEARCHERS.get(name, ("", ""))
    return _SEARCHERS.get(f"{name} pareto", plain) if is_pareto(study) else plain
