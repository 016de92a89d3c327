"""Curves of rewards and of the hypervolume."""

from math import log

import pytest

from pocketnas.report.progress import best_so_far, hypervolumes, moving_average, rewards
from pocketnas.report.scene import Frame
from pocketnas.search.limits import Limits
from pocketnas.study.trial import Outcome, Trial


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
    found = hypervolumes(trials, frame, Limits())
    assert found == pytest.approx([0, 0.25, 0.25, 0.25, 0.25, 0.5, 1])


def test_what_breaks_a_limit_counts_with_less_accuracy() -> None:
    outcomes = [Outcome(0.9, 1.0, costs={"size": 1.5}), Outcome(0.9, 1.0, costs={"size": 1.0})]
    trials = [Trial(i, "search", (0,), outcome, None) for i, outcome in enumerate(outcomes)]
    frame = Frame(floor=0.5, highest=0.9, fastest=1.0, slowest=4.0)
    found = hypervolumes(trials, frame, Limits.parse(["size<=1"]))
    assert found == pytest.approx([(0.9 / 1.5 - 0.5) / 0.4, 1])


def test_a_frame_of_one_network_has_no_hypervolume() -> None:
    trials = [Trial(0, "search", (0,), Outcome(0.7, 2.0), 0.7)]
    assert hypervolumes(trials, Frame(0.6, 0.7, 2.0, 2.0), Limits()) == [0]


def test_a_reward_that_is_no_number_counts_as_failed() -> None:
    values = float("nan"), float("inf"), 0.5
    trials = [Trial(0, "search", (0,), Outcome(0.5, 1.0), value) for value in values]
    assert rewards(trials) == [None, None, 0.5]
