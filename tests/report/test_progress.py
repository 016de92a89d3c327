"""Curves of rewards, and the sentence about luck."""

from math import log

import pytest

from pocketnas.report.progress import best_so_far, hypervolumes, luck, moving_average, rewards
from pocketnas.report.scene import Frame
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


def test_best_so_far_counts_failed_trials() -> None:
    assert best_so_far([None, 0.2, 0.1, None, 0.3]) == [None, 0.2, 0.2, 0.2, 0.3]


def test_moving_average_leaves_failed_trials_out() -> None:
    assert moving_average([0.2, None, 0.4, 0.6], 2) == [None, 0.2, 0.4, 0.5]
    assert moving_average([None, None], 2) == [None, None]


def test_hypervolume_of_the_trials_so_far() -> None:
    """In a frame of two octaves of latency, from 0.5 to 0.9."""
    outcomes = [
        Outcome(0.4, 1.0),  # below the frame
        Outcome(0.7, 2.0),  # half as high, over one octave of two
        Outcome(error="failed"),
        Outcome(0.6, 3.0),  # dominated
        Outcome(0.9, 2.0, estimated=True),
        Outcome(0.9, 2.0),
        Outcome(0.9, 1.0),
    ]
    trials = [Trial(i, "search", (0,), outcome, None) for i, outcome in enumerate(outcomes)]
    frame = Frame(floor=0.5, highest=0.9, fastest=1.0, slowest=4.0)
    assert frame.area == pytest.approx(0.4 * log(4))
    found = hypervolumes(trials, frame)
    assert found == pytest.approx([0, 0.25, 0.25, 0.25, 0.25, 0.5, 1])


def test_a_frame_of_one_network_has_no_hypervolume() -> None:
    trials = [Trial(0, "search", (0,), Outcome(0.7, 2.0), 0.7)]
    assert hypervolumes(trials, Frame(0.6, 0.7, 2.0, 2.0)) == [0]


def test_a_reward_that_is_no_number_counts_as_failed() -> None:
    study = study_of(search=[float("nan"), float("inf"), 0.5])
    assert rewards(study.trials) == [None, None, 0.5]


def test_a_search_that_learns_beats_luck() -> None:
    said = luck(study_of(search=rising(40), random=flat(40)))
    assert said.startswith("The search beat luck in this run: after 40 trials each")
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
