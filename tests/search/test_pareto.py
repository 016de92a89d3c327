from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.search.pareto import pareto

# Few different values, so that ties of all kinds are common.
FEW = st.sampled_from((0.0, 0.25, 0.5, 1.0, inf, -inf, nan)) | st.floats(0, 1)
POINTS = st.lists(st.tuples(FEW, FEW), max_size=20)


def brute_force(points: list[tuple[float, float]]) -> list[int]:
    """The definition, pair by pair."""

    def dominates(i: int, j: int) -> bool:
        (a, b), (c, d) = points[i], points[j]
        equal_and_first = (a, b) == (c, d) and i < j
        return a >= c and b <= d and ((a, b) != (c, d) or equal_and_first)

    whole = [i for i, point in enumerate(points) if not any(map(isnan, point))]
    front = [j for j in whole if not any(dominates(i, j) for i in whole)]
    return sorted(front, key=lambda i: points[i][1])


@given(POINTS)
def test_against_the_definition(points: list[tuple[float, float]]) -> None:
    assert pareto([a for a, _ in points], [b for _, b in points]) == brute_force(points)


def test_from_the_fastest_to_the_slowest() -> None:
    assert pareto([0.5, 0.9, 0.7, 0.6], [10, 30, 20, 25]) == [0, 2, 1]


@pytest.mark.parametrize(
    ("accuracies", "latencies", "expected"),
    [
        ([], [], []),
        ([0.5], [10], [0]),
        ([0.5, 0.5], [10, 10], [0]),
        ([0.5, 0.6], [10, 10], [1]),
        ([0.5, 0.5], [11, 10], [1]),
        ([0.5, 0.6, 0.6, 0.6], [10, 12, 11, 11], [0, 2]),
    ],
)
def test_ties(accuracies: list[float], latencies: list[float], expected: list[int]) -> None:
    assert pareto(accuracies, latencies) == expected


def test_a_candidate_with_a_nan_is_none() -> None:
    assert pareto([nan, 0.5, nan], [1, 10, nan]) == [1]
    assert pareto([0.9, 0.5, 0.6], [nan, 10, 11]) == [1, 2]
    assert pareto([nan], [nan]) == []


@pytest.mark.parametrize(("accuracies", "latencies"), [([0.5], []), ([], [1]), ([0.5, 0.6], [1])])
def test_lengths_must_agree(accuracies: list[float], latencies: list[float]) -> None:
    with pytest.raises(ValueError, match="zip"):
        pareto(accuracies, latencies)
