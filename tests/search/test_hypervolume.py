"""The hypervolume against counting cells of a grid."""

from math import inf, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.search.hypervolume import contributions, hypervolume
from pocketnas.search.pareto import pareto

SIDE = 8
WHOLE = st.integers(-1, SIDE + 1)
POINTS = st.lists(st.tuples(WHOLE, WHOLE), max_size=12)
CORNER = (0.0, float(SIDE))


def cells(points: list[tuple[int, int]]) -> int:
    """Cells between accuracies 0..SIDE+1 and latencies -1..SIDE that some point dominates."""
    return sum(
        any(accuracy >= a + 1 and latency <= b for accuracy, latency in points)
        for a in range(SIDE + 1)
        for b in range(-1, SIDE)
    )


def area(points: list[tuple[int, int]]) -> float:
    return hypervolume([float(a) for a, _ in points], [float(b) for _, b in points], CORNER)


@given(POINTS)
def test_against_counting_cells(points: list[tuple[int, int]]) -> None:
    assert area(points) == cells(points)


@given(POINTS)
def test_contributions_are_what_the_front_would_lose(points: list[tuple[int, int]]) -> None:
    accuracies, latencies = [float(a) for a, _ in points], [float(b) for _, b in points]
    found = contributions(accuracies, latencies, CORNER)
    kept = pareto(accuracies, latencies)
    front = [points[i] for i in kept]
    for i, share in enumerate(found):
        lost = 0 if i not in kept else cells(front) - cells([p for p in front if p != points[i]])
        assert share == lost


@given(POINTS, st.tuples(WHOLE, WHOLE))
def test_another_candidate_never_lowers_it(
    points: list[tuple[int, int]], other: tuple[int, int]
) -> None:
    assert area([*points, other]) >= area(points)


def test_by_hand() -> None:
    accuracies, latencies = [0.5, 0.7, 0.6, nan], [1.0, 4.0, 8.0, 1.0]
    linear = 7 * 0.5 + 4 * 0.2
    assert hypervolume(accuracies, latencies, (0.0, 8.0)) == pytest.approx(linear)
    logarithmic = log(8) * 0.5 + log(2) * 0.2
    found = hypervolume(accuracies, latencies, (0.0, 8.0), log_latency=True)
    assert found == pytest.approx(logarithmic)
    shares = contributions(accuracies, latencies, (0.1, 16.0))
    assert shares == pytest.approx([3 * 0.4, 12 * 0.2, 0, 0])


def test_nothing_within_the_reference() -> None:
    assert hypervolume([], [], CORNER) == 0
    assert hypervolume([0.5, 0.9], [inf, 8.0], CORNER, log_latency=True) == 0
    assert contributions([0.0, 0.9], [1.0, 9.0], CORNER) == [0, 0]
