"""The sentence about luck: what it says of searches that learn, that do not, and of few trials."""

import random

import pytest

from pocketnas.report.luck import luck
from pocketnas.search.searcher import RandomSearch
from pocketnas.spaces.mnasnet import mnasnet_space
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial


def study_of(**arms: list[float | None]) -> Study:
    searcher = RandomSearch(mnasnet_space().decisions)
    study = Study(":memory:")
    for arm, values in arms.items():
        trials = [
            Trial(
                len(study.trials) + i,
                arm,
                (0,),
                Outcome(error="failed") if value is None else Outcome(value, 1.0),
                value,
            )
            for i, value in enumerate(values)
        ]
        study.record(trials, arm, searcher)
    return study


def rising(n: int) -> list[float | None]:
    return [0.5 + 0.4 * i / n + 0.01 * (i % 2) for i in range(n)]


def flat(n: int, level: float = 0.5) -> list[float | None]:
    return [level + 0.01 * (i % 3) for i in range(n)]


def test_a_search_that_learns_beats_luck() -> None:
    said = luck(study_of(search=rising(40), random=flat(40)))
    assert said.startswith("The search beat luck in this run: after 40 trainings each")
    assert "another seed" in said


def test_a_search_that_does_not_learn_is_said_so() -> None:
    said = luck(study_of(search=flat(40), random=flat(40, 0.52)))
    assert said.startswith("The search did not beat luck in this run")


def test_a_lucky_draw_is_not_hidden() -> None:
    said = luck(study_of(search=rising(40), random=[*flat(39), 0.97]))
    assert "luck found a network at least as good" in said
    said = luck(study_of(search=[*flat(20), 0.9, *flat(19)], random=flat(40)))
    assert "may be luck too" in said


def test_the_arms_are_compared_at_an_equal_number_of_trials() -> None:
    late = [*flat(20), *([0.9] * 20)]
    assert luck(study_of(search=late, random=flat(20, 0.52))).startswith("The search did not")


def test_few_trials_and_no_control() -> None:
    assert "Too early" in luck(study_of(search=rising(40), random=flat(3)))
    assert "Too early" in luck(study_of(search=[None] * 40, random=flat(40)))
    assert "Too early" in luck(study_of(random=flat(40)))
    assert "cannot tell" in luck(study_of(search=rising(40)))
    assert "cannot tell" in luck(Study(":memory:"))


@pytest.mark.parametrize(
    ("searcher", "name"),
    [("guided", "Guided search"), ("ppo", "PPO (RNN controller)"), ("evolution", "Evolution")],
)
def test_it_names_the_searcher(searcher: str, name: str) -> None:
    study = study_of(search=rising(40), random=flat(40))
    study.storage.set("config", {"searcher": searcher, "reward": "soft"})
    assert luck(study).startswith(f"{name} beat luck in this run: after 40 trainings each")
    assert "the search" not in luck(study)
    alone = study_of(search=rising(40))
    alone.storage.set("config", {"searcher": searcher})
    assert f"beside {name[0].lower() if searcher != 'ppo' else 'P'}{name[1:]}, so" in luck(alone)


def front_study(searched: float, drawn: float, n: int = 40) -> Study:
    """Arms whose networks buy accuracy with latency, from the levels given.

    The reward, which is not looked at, favours luck.
    """
    draw = random.Random(0)
    study = Study(":memory:")
    study.storage.set("config", {"searcher": "evolution", "reward": "pareto"})
    for arm, level in (("search", searched), ("random", drawn)):
        for _ in range(n):
            latency = draw.uniform(1, 4)
            outcome = Outcome(level + 0.05 * latency, latency)
            reward = 0.1 if arm == "search" else 0.9
            study.trials.append(Trial(len(study.trials), arm, (0,), outcome, reward))
    return study


def test_a_search_for_the_front_is_judged_by_its_hypervolume() -> None:
    said = luck(front_study(0.6, 0.5))
    assert said.startswith("NSGA-II beat luck in this run: after 40 trainings each the hypervolume")
    assert "are its own" in said
    assert "reward" not in said
    assert luck(front_study(0.5, 0.6)).startswith("NSGA-II did not beat luck")
    assert "Too early" in luck(front_study(0.6, 0.5, n=9))


def test_the_share_of_the_common_front_and_of_the_picture_by_hand() -> None:
    """The frame goes from 1 to 4 ms and from 0.476 to 0.9; each arm's front is one network."""
    study = Study(":memory:")
    study.storage.set("config", {"searcher": "guided", "reward": "pareto"})
    poor = Outcome(0.5, 4.0)
    for arm, good in (("search", Outcome(0.9, 1.6)), ("random", Outcome(0.7, 1.0))):
        for outcome in (*[poor] * 9, good):
            study.trials.append(Trial(len(study.trials), arm, (0,), outcome, None))
    said = luck(study).replace("\u00a0", " ")
    assert "the hypervolume is 66.10 % against 52.83 % by random sampling" in said
    assert "of the 2 networks on the front of both 1 are its own" in said
    assert said.startswith("Guided search found the better front, but too little of it is its own")
    study.storage.set("config", {"searcher": "guided", "reward": "pareto", "limits": ["size<=1"]})
    study.trials = [
        Trial(t.number, t.arm, (0,), Outcome(t.outcome.accuracy, t.outcome.latency, costs=costs), 0)
        for t in study.trials
        for costs in [{"size": 3.0 if t.arm == "search" else 1.0}]
    ]
    assert luck(study).startswith("Guided search did not beat luck")
