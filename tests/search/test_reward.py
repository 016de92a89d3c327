from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.errors import StudyError
from pocketnas.search.reward import REWARDS, MnasReward, absolute, hard, reward_of, soft

ACCURACIES = st.floats(0.01, 1)
LATENCIES = st.floats(0.1, 1000)


@pytest.mark.parametrize(
    ("reward", "accuracy", "latency", "expected"),
    [
        # The anchors of 1807.11626, figure 3: accuracy 0.5 and a target of 80 ms.
        (soft(80), 0.5, 80, 0.5),
        (soft(80), 0.5, 40, 0.5 * 2**0.07),
        (soft(80), 0.5, 160, 0.5 * 2**-0.07),
        (soft(80), 0.5, 160, 0.476319),
        (hard(80), 0.5, 80, 0.5),
        (hard(80), 0.5, 1, 0.5),
        (hard(80), 0.5, 160, 0.25),
        (hard(80), 0.5, 80.8, 0.5 / 1.01),
        (MnasReward(75, -0.1, -2), 0.6, 37.5, 0.6 * 2**0.1),
        (MnasReward(75, -0.1, -2), 0.6, 150, 0.15),
        (soft(75), 0.0, 33, 0.0),
    ],
)
def test_golden(reward: MnasReward, accuracy: float, latency: float, expected: float) -> None:
    assert reward(accuracy, latency) == pytest.approx(expected, rel=1e-6)


def test_twice_the_latency_must_buy_5_percent() -> None:
    """Section 3: accuracy a at latency l and 1.05 a at 2 l are worth the same, nearly."""
    assert soft(75)(0.7 * 1.05, 100) == pytest.approx(soft(75)(0.7, 50), rel=3e-4)


@given(LATENCIES, ACCURACIES, LATENCIES, st.floats(1.001, 10))
def test_accuracy_always_pays_and_latency_never(
    target: float, accuracy: float, latency: float, factor: float
) -> None:
    for reward in (soft(target), hard(target)):
        assert reward(accuracy * factor, latency) > reward(accuracy, latency)
        assert reward(accuracy, latency * factor) <= reward(accuracy, latency)
    assert soft(target)(accuracy, latency * factor) < soft(target)(accuracy, latency)


@given(ACCURACIES, LATENCIES)
def test_at_the_target_the_reward_is_the_accuracy(accuracy: float, target: float) -> None:
    assert soft(target)(accuracy, target) == hard(target)(accuracy, target) == accuracy


@pytest.mark.parametrize("target", [0, -1.0, nan, inf])
def test_a_target_must_be_above_zero(target: float) -> None:
    for make in (soft, hard, absolute):
        with pytest.raises(StudyError, match=f"must be above 0 ms, got {target}"):
            make(target)


@pytest.mark.parametrize(
    ("accuracy", "latency", "expected"),
    [(0.75, 84, 0.75), (0.75, 92.4, 0.74), (0.75, 75.6, 0.74), (0.5, 840, -0.4)],
)
def test_the_absolute_reward_of_tunas(accuracy: float, latency: float, expected: float) -> None:
    """2008.06120: Q + beta |T / T0 - 1| with beta = -0.10, here around T0 = 84 ms."""
    assert absolute(84)(accuracy, latency) == pytest.approx(expected)


@given(ACCURACIES, LATENCIES, st.floats(0.01, 10))
def test_at_one_accuracy_the_absolute_reward_is_highest_at_the_target(
    accuracy: float, target: float, factor: float
) -> None:
    assert absolute(target)(accuracy, factor * target) <= absolute(target)(accuracy, target)


def test_rewards_by_name_and_weight() -> None:
    assert set(REWARDS) == {"soft", "hard", "absolute", "pareto"}
    assert reward_of("soft", 10) == reward_of("pareto", 10) == soft(10)
    assert reward_of("soft", 10, -0.15) == MnasReward(10, -0.15, -0.15)
    assert reward_of("hard", 10, -2.0) == MnasReward(10, 0.0, -2.0)
    assert reward_of("absolute", 10, -0.3)(0.5, 20) == pytest.approx(0.2)
