"""Distances of genotypes, against a double loop over what they say in words."""

import random
from typing import Any

import pytest
import torch

from pocketnas.search.encoding import Encoding
from pocketnas.spaces import Decision, Genotype

DECISIONS = (
    Decision("kernel", (3, 5, 7)),
    Decision("op", ("sepconv", "mbconv", "skip", "pool")),
    Decision("ratio", (0.25, 0.0, 1, 0.5)),  # numbers that are not sorted
    Decision("gate", (False, True)),
    Decision("mixed", (1, "none", 2.0)),
    Decision("one number", (64,)),
    Decision("one word", ("only",)),
    Decision("twice", (2, 2, 4)),
)
# Where the options of each decision stand on their scale from 0 to 1; None: they have no order.
SCALES: tuple[tuple[float, ...] | None, ...] = (
    (0, 1 / 2, 1),
    None,
    (1 / 3, 0, 1, 2 / 3),
    None,
    None,
    (0,),
    None,
    None,
)


def apart(decision: int, a: int, b: int) -> float:
    scale = SCALES[decision]
    return float(a != b) if scale is None else abs(scale[a] - scale[b])


def drawn(n: int, seed: int = 0) -> list[Genotype]:
    draw = random.Random(seed)
    return [tuple(draw.randrange(len(d.options)) for d in DECISIONS) for _ in range(n)]


def between(decision: Decision) -> list[list[float]]:
    """Of all options of a single decision."""
    encoding = Encoding([decision])
    rows = encoding.rows([(i,) for i in range(len(decision.options))])
    found: list[list[float]] = encoding.distance(rows, rows, torch.ones(1).double()).tolist()
    return found


def test_options_in_an_order_are_the_share_of_the_scale_apart() -> None:
    third = 1 / 3
    assert between(Decision("filters", (8, 16, 24, 1000))) == [
        pytest.approx([0, third, 2 * third, 1]),
        pytest.approx([third, 0, third, 2 * third]),
        pytest.approx([2 * third, third, 0, third]),
        pytest.approx([1, 2 * third, third, 0]),
    ]
    assert between(Decision("backwards", (7, 5, 3)))[0] == [0, 0.5, 1]
    assert between(Decision("in no order", (5, 7.5, 3)))[0] == [0, 0.5, 0.5]
    assert between(Decision("two", (0, 0.25))) == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    "options",
    [
        ("a", "b", "c"),
        (1, "1", 2),
        (False, 2, 3),
        (None, 3, 5),
        ((1, 2), (3, 4), (5, 6)),
        (1, 1, 2),
    ],
    ids=str,
)
def test_other_options_are_equal_or_one_apart(options: tuple[Any, ...]) -> None:
    assert between(Decision("x", options)) == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize("option", [64, "only", None])
def test_what_decides_nothing_is_no_distance(option: Any) -> None:
    assert between(Decision("x", (option,))) == [[0]]


def test_rows_are_zeros_and_ones_and_differ_where_genotypes_do() -> None:
    genotypes = drawn(200)
    rows = Encoding(DECISIONS).rows(genotypes)
    assert rows.dtype == torch.float64
    assert set(rows.unique().tolist()) == {0, 1}
    assert len(rows.unique(dim=0)) == len(set(genotypes))


def test_distances_of_all_pairs() -> None:
    encoding, weights = Encoding(DECISIONS), torch.linspace(0.1, 2, len(DECISIONS)).double()
    ours, theirs = drawn(20), drawn(30, seed=1)
    found = encoding.distance(encoding.rows(ours), encoding.rows(theirs), weights)
    wanted = [
        [sum(float(weights[d]) * apart(d, x[d], y[d]) for d in range(len(x))) for y in theirs]
        for x in ours
    ]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


def test_sums_over_pairs_decision_by_decision() -> None:
    encoding, genotypes = Encoding(DECISIONS), drawn(25)
    pairs = torch.randn(25, 25, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pairs += pairs.T.clone()
    found = encoding.by_decision(encoding.rows(genotypes), pairs)
    wanted = [
        sum(
            float(pairs[i, j]) * apart(d, x[d], y[d])
            for i, x in enumerate(genotypes)
            for j, y in enumerate(genotypes)
        )
        for d in range(len(DECISIONS))
    ]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


def test_the_sums_are_the_slope_of_the_distances() -> None:
    """By a decision's weight, of the sum over pairs: what the predictor climbs by."""
    encoding = Encoding(DECISIONS)
    rows = encoding.rows(drawn(25))
    pairs = torch.ones(25, 25, dtype=torch.float64)
    weights = torch.ones(len(DECISIONS), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(encoding.distance(rows, rows, weights).sum(), weights)
    torch.testing.assert_close(encoding.by_decision(rows, pairs), slope)
