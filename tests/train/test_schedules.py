"""Learning rates against numbers worked out by hand."""

from math import cos, pi

import pytest

from pocketnas.train.schedules import Cosine, Exponential, Steps


def test_cosine_rises_then_falls_to_nothing():
    factor = Cosine(0.2).factor(100, 10)
    factors = [factor(step) for step in range(100)]
    assert factors[0] == 1 / 20
    assert max(factors) == factors[19] == 1
    assert factors[20:] == sorted(factors[20:], reverse=True)
    assert factors[60] == pytest.approx((1 + cos(pi / 2)) / 2)
    assert factors[-1] < 0.002


def test_exponential_is_that_of_the_tpu_code():
    """350 epochs of 10 steps: 5 epochs of warm-up, × 0.97 every 24 steps from the first on."""
    factor = Exponential(0.97, 2.4, 5).factor(3500, 350)
    assert [factor(step) for step in (0, 1, 25, 49)] == [0, 1 / 50, 25 / 50, 49 / 50]
    assert factor(50) == pytest.approx(0.97**2)
    assert factor(71) == pytest.approx(0.97**2)
    assert factor(72) == pytest.approx(0.97**3)
    assert factor(3499) == pytest.approx(0.97**145)


def test_steps():
    factor = Steps((30, 60, 80), 0.1).factor(900, 90)
    assert [factor(step) for step in (0, 299, 300, 599, 600, 800)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.001]
    )


@pytest.mark.parametrize("schedule", [Cosine(0.1), Exponential(0.97, 2.4, 5), Steps((30, 60))])
def test_a_stretched_schedule_ends_alike(schedule):
    long, short = schedule.factor(1000, 100), schedule.stretched(0.1).factor(100, 10)
    for step in range(0, 100, 7):
        assert short(step) == pytest.approx(long(10 * step), abs=0.11)
    assert str(schedule)
