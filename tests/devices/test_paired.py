from math import exp, inf, nan, pi, sin
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.devices.paired import (
    Ratio,
    calm,
    log_ratio,
    middle,
    paired_ratio,
    percentile,
    settled,
    shift,
    spread,
)
from pocketnas.errors import DeviceError

times = st.floats(0.01, 100)
seeds = st.integers(0, 2**32)


def interleaved(
    ratio: float, pairs: int, draw: Random, noise: float = 0.01
) -> tuple[list[list[float]], list[list[float]]]:
    """Windows of a 1 ms reference and a candidate `ratio` as slow, on a steady machine."""
    windows = [
        [(ratio if turn % 2 else 1.0) * exp(draw.gauss(0, noise)) for _ in range(5)]
        for turn in range(2 * pairs + 1)
    ]
    return windows[0::2], windows[1::2]


def compared(reference: list[list[float]], candidate: list[list[float]]) -> Ratio:
    """The ratio from windows measured R C R C ... R."""
    triples = zip(reference[:-1], candidate, reference[1:], strict=True)
    return paired_ratio([log_ratio(*triple) for triple in triples])


def slowed(windows: list[list[float]], factors: list[float]) -> list[list[float]]:
    return [[run * f for run in window] for window, f in zip(windows, factors, strict=True)]


@given(st.floats(0.01, 100), seeds, st.floats(1e-3, 1e3), st.floats(-0.05, 0.05))
def test_a_steadily_slowing_machine_leaves_the_ratio_unchanged(
    ratio: float, seed: int, speed: float, slowing: float
) -> None:
    reference, candidate = interleaved(ratio, 30, Random(seed))
    factors = [speed * exp(slowing * turn) for turn in range(61)]
    steady = compared(reference, candidate)
    drifting = compared(slowed(reference, factors[0::2]), slowed(candidate, factors[1::2]))
    assert drifting.value == pytest.approx(steady.value, rel=1e-9)
    assert drifting.low == pytest.approx(steady.low, rel=1e-9)
    assert drifting.high == pytest.approx(steady.high, rel=1e-9)


@given(st.floats(0.05, 20), seeds, st.floats(60, 500), st.floats(0, 2 * pi))
def test_the_ratio_is_recovered_when_speed_doubles_and_spikes_strike(
    ratio: float, seed: int, period: float, phase: float
) -> None:
    draw = Random(seed)
    reference, candidate = interleaved(ratio, 60, draw)
    factors = [2 ** (0.5 * sin(2 * pi * turn / period + phase)) for turn in range(121)]
    for turn in draw.sample(range(121), 6):
        factors[turn] *= draw.uniform(2, 20)
    found = compared(slowed(reference, factors[0::2]), slowed(candidate, factors[1::2]))
    assert found.value == pytest.approx(ratio, rel=0.05)
    assert found.low <= found.value <= found.high
    assert found.pairs == 60


def test_the_interval_holds_the_truth_about_95_times_in_100() -> None:
    found = [compared(*interleaved(2.0, 30, Random(seed), 0.05)) for seed in range(400)]
    held = sum(one.low <= 2.0 <= one.high for one in found) / len(found)
    assert 0.90 <= held <= 0.99


def test_the_interval_allows_for_the_reference_windows_that_neighbours_share() -> None:
    """With all noise in the reference neighbours are alike, and a plain interval too narrow."""
    draw = Random(1)
    errors, widths = [], []
    for _ in range(300):
        reference = [[exp(draw.gauss(0, 0.05))] for _ in range(31)]
        one = compared(reference, [[1.0]] * 30)
        errors.append(abs(one.value - 1))
        widths.append(one.tolerance)
    held = sum(e <= w for e, w in zip(errors, widths, strict=True)) / len(errors)
    assert held >= 0.93


@given(st.floats(0.05, 0.5), seeds)
def test_halves_that_contradict_each_other_widen_the_interval_to_hold_both(
    moved: float, seed: int
) -> None:
    draw = Random(seed)
    logs = [draw.gauss(0, 0.01) for _ in range(20)] + [draw.gauss(moved, 0.01) for _ in range(20)]
    assert shift(logs) == pytest.approx(moved, abs=0.02)
    assert shift(logs[::-1]) == pytest.approx(-moved, abs=0.02)
    found = paired_ratio(logs)
    assert found.low < exp(0.02)
    assert found.high > exp(moved - 0.02)


def test_steady_halves_are_seldom_called_contradictory() -> None:
    draw = Random(0)
    steady = [
        [draw.gauss(0, 0.05) for _ in range(2 * half)] for half in (5, 20) for _ in range(300)
    ]
    assert sum(shift(logs) != 0 for logs in steady) / len(steady) <= 0.03


def test_too_few_values_count_as_steady() -> None:
    assert shift([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]) == 0
    assert shift([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]) == 1


def test_more_pairs_narrow_the_interval() -> None:
    few = compared(*interleaved(1.0, 10, Random(0)))
    many = compared(*interleaved(1.0, 1000, Random(0)))
    assert many.tolerance < few.tolerance / 3


def test_equal_windows_give_an_exact_ratio() -> None:
    one = compared([[2.0]] * 5, [[3.0]] * 4)
    assert one.value == pytest.approx(1.5)
    assert one.tolerance == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        (([1.0], [], [1.0]), "candidate window: .*at least one run"),
        (([0.0], [1.0], [1.0]), "reference window: .*positive, got 0"),
        (([1.0], [1.0], []), "reference window: .*at least one run"),
        (([1.0], [-2.0], [1.0]), "candidate window: .*positive, got -2"),
        (([1.0], [nan], [1.0]), "positive, got nan"),
        (([1.0], [1.0], [1.0, inf]), "positive, got inf"),
    ],
)
def test_wrong_windows_are_refused_in_a_sentence(
    windows: tuple[list[float], list[float], list[float]], says: str
) -> None:
    with pytest.raises(DeviceError, match=says):
        log_ratio(*windows)


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(DeviceError, match="at least 4 pairs, got 3"):
        paired_ratio([0.0] * 3)


def test_a_window_settles_by_losing_its_first_run_if_it_has_another() -> None:
    assert list(settled([9.0, 1.0, 1.1])) == [1.0, 1.1]
    assert list(settled([9.0])) == [9.0]


@given(seeds, st.floats(0.2, 0.9))
def test_calm_is_the_undisturbed_time_though_most_windows_are_disturbed(
    seed: int, disturbed: float
) -> None:
    draw = Random(seed)
    quiet = [[1.0 + 0.01 * draw.random() for _ in range(4)] for _ in range(200)]
    for window in draw.sample(quiet, int(disturbed * len(quiet))):
        window[:] = [run * 2 for run in window]
    assert 1.0 <= calm([middle(window) for window in quiet]) <= 1.02


def test_calm_of_nothing_is_refused() -> None:
    with pytest.raises(DeviceError, match="at least one"):
        calm([])


@given(st.lists(times, min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_percentiles_rise_from_the_least_to_the_greatest(
    samples: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert percentile(samples, 0) == min(samples)
    assert percentile(samples, 1) == max(samples)
    assert percentile(samples, low) <= percentile(samples, high) + 1e-9


def test_percentile_and_spread_by_hand() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert spread([float(n) for n in range(11)]) == pytest.approx(8 / 5)


@pytest.mark.parametrize(("samples", "fraction"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_impossible_percentiles_are_refused(samples: list[float], fraction: float) -> None:
    with pytest.raises(DeviceError, match="percentile"):
        percentile(samples, fraction)
