"""Limits: their text, their factors, and that breaking one never pays."""

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.errors import SettingError, StudyError
from pocketnas.search.limits import UNITS, Limit, Limits
from pocketnas.search.reward import absolute, hard, soft

COSTS = st.floats(0.1, 1e4)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("size<=500", Limit("size", 500)),
        (" memory <= 1.5e3 ", Limit("memory", 1500, 0.0, -1.0)),
        ("threads2~0.25", Limit("threads2", 0.25, -0.07, -0.07)),
    ],
)
def test_text(text: str, limit: Limit) -> None:
    assert Limit.parse(text) == limit
    assert limit.is_hard == ("<=" in text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("size", "limit 'size': must be a cost, <= or ~, and a number, as in size<=500"),
        ("size<500", "must be a cost, <= or ~"),
        ("size<=", "must be a cost, <= or ~"),
        ("size<=1-2", "must be a cost, <= or ~"),
        ("size<=5 MB", "must be a cost, <= or ~"),
        ("", "must be a cost, <= or ~"),
        ("weight<=3", "limit 'weight<=3': the cost must be one of size, int8_size, memory,"),
        ("size<=0", "limit: size needs a number above 0, got 0.0"),
        ("size<=-3", "limit: size needs a number above 0, got -3.0"),
        ("size<=1e999", "limit: size needs a number above 0, got inf"),
    ],
)
def test_bad_text_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        Limits.parse([text])
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "cost", "factor"),
    [
        ("size<=500", 500, 1.0),
        ("size<=500", 1, 1.0),
        ("size<=500", 1000, 0.5),
        ("size~500", 500, 1.0),
        ("size~500", 1000, 2**-0.07),
        ("size~500", 250, 2**0.07),
    ],
)
def test_factors(text: str, cost: float, factor: float) -> None:
    assert Limit.parse(text)(cost) == pytest.approx(factor)


def test_all_limits_count_and_each_cost_is_named_once() -> None:
    limits = Limits.parse(["size<=100", "int8<=2", "size~50"])
    assert limits.costs == ("size", "int8")
    found = limits({"size": 200.0, "int8": 4.0, "memory": 9.0})
    assert found == pytest.approx(0.5 * 0.5 * 4**-0.07)
    assert Limits()({}) == 1.0


def test_a_missing_cost_is_one_sentence() -> None:
    limits = Limits.parse(["size<=100", "int8<=2"])
    with pytest.raises(StudyError, match="gave no cost 'int8'; it gave size, madds"):
        limits({"size": 1.0, "madds": 2.0})
    with pytest.raises(StudyError, match="gave no cost 'size'; it gave none"):
        limits({})


@pytest.mark.parametrize("cost", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("text", ["size<=3", "size~3"])
def test_a_cost_that_is_none_makes_no_factor(text: str, cost: float) -> None:
    assert isnan(Limit.parse(text)(cost))


@given(st.floats(0.01, 1), st.floats(0.1, 100), COSTS, st.floats(1.001, 10))
def test_more_cost_never_pays(accuracy: float, latency: float, cost: float, factor: float) -> None:
    """Not even where the reward is negative, as the absolute one is far from its target."""
    for reward in (soft(2), hard(2), absolute(2), absolute(2, -5.0)):
        for text in ("size<=50", "size~50"):
            limits = Limits.parse([text])
            small, large = (
                reward(accuracy * limits({"size": size}), latency) for size in (cost, factor * cost)
            )
            assert large <= small
            if text == "size~50":
                assert large < small


@given(st.floats(0, 1), st.floats(0.1, 100), COSTS)
def test_for_the_rewards_of_mnasnet_it_is_the_reward_that_is_multiplied(
    accuracy: float, latency: float, cost: float
) -> None:
    limit = Limits.parse(["size<=50"])({"size": cost})
    for reward in (soft(2), hard(2)):
        assert reward(accuracy * limit, latency) == pytest.approx(limit * reward(accuracy, latency))


def test_names_can_be_written() -> None:
    for name in UNITS:
        assert Limit.parse(f"{name}<=1").cost == name
