"""Rank correlation against a definition written out, its interval, and what is said of it."""

import random
from collections.abc import Iterator
from itertools import combinations, pairwise
from math import sqrt

import pytest

from pocketnas.report.trust import trust_table, trust_words
from pocketnas.run.trust import kendall, spread, trust
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial
from run import trials


def tau_b(x: list[float], y: list[float]) -> float:
    """As in Kendall (1945): (P - Q) / sqrt((P + Q + X0)(P + Q + Y0))."""
    p = q = x0 = y0 = 0
    for i, j in combinations(range(len(x)), 2):
        if x[i] == x[j] and y[i] == y[j]:
            continue
        if x[i] == x[j]:
            x0 += 1
        elif y[i] == y[j]:
            y0 += 1
        elif (x[i] < x[j]) == (y[i] < y[j]):
            p += 1
        else:
            q += 1
    return (p - q) / sqrt((p + q + x0) * (p + q + y0))


def test_kendall_by_hand() -> None:
    assert kendall([1, 2, 3, 4], [1, 2, 3, 4]) == 1.0
    assert kendall([1, 2, 3, 4], [4, 3, 2, 1]) == -1.0
    assert kendall([1, 2, 3], [1, 3, 2]) == pytest.approx(1 / 3)
    assert kendall([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / sqrt(6))
    assert kendall([1, 1], [1, 2]) is None
    assert kendall([1], [1]) is None


@pytest.mark.parametrize("seed", range(20))
def test_kendall_with_ties_as_defined(seed: int) -> None:
    draw = random.Random(seed)
    x, y = ([draw.randrange(5) / 5 for _ in range(12)] for _ in range(2))
    assert kendall(x, y) == pytest.approx(tau_b(x, y))


def pairs(n: int, noise: float) -> dict[str, tuple[float, float]]:
    draw = random.Random(1)
    return {f"net {i}": (i / n, i / n + draw.gauss(0, noise)) for i in range(n)}


def test_the_interval_holds_the_figure_and_narrows() -> None:
    few, many = trust(pairs(8, 0.3)), trust(pairs(40, 0.3))
    for found in (few, many):
        assert found["low"] <= found["correlation"] <= found["high"]
    assert many["high"] - many["low"] < few["high"] - few["low"]
    assert trust(pairs(8, 0.3)) == few


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 12 independent nets, whose tau is 0."""
    draw = random.Random(0)
    covered = 0
    for _ in range(30):
        found = trust({str(i): (draw.random(), draw.random()) for i in range(12)})
        covered += found["low"] <= 0 <= found["high"]
    assert covered >= 25


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (trust(pairs(9, 0.01)), "ranks networks much as longer training does"),
        (trust(pairs(30, 0.3)), "tells good networks from bad ones"),
        (trust(pairs(12, 0.35)), "whether the proxy can be trusted cannot be told"),
        (trust({n: (a, 1 - b) for n, (a, b) in pairs(12, 0.1).items()}), "does not rank them"),
        (trust(pairs(5, 0.01)), "over 5 networks: too few to say"),
        (trust({"a": (0.1, 0.5), "b": (0.1, 0.6)}), "accuracies of 2 networks are alike"),
    ],
)
def test_says_so_in_plain_words(found: dict[str, object], words: str) -> None:
    assert words in trust_words(found)


def test_nothing_to_say_of_nothing() -> None:
    assert trust_words(trust({})) == trust_words({}) == ""


def test_the_table_has_the_networks_and_escapes_them() -> None:
    page = trust_table(trust({"<b>": (0.5, 0.75), "other": (0.25, 0.8)}))
    assert "&lt;b&gt;" in page
    assert page.index("other") < page.index("&lt;b&gt;")
    assert "75.0\u00a0%" in page


@pytest.fixture
def study() -> Iterator[Study]:
    found = Study()
    genotypes = [(a, b, c, 0) for a in range(3) for b in range(3) for c in range(3)]
    found.trials = [
        Trial(n, "search", genotype, Outcome(n / 100, 1.0, estimated=n == 13), 0.1)
        for n, genotype in enumerate(genotypes)
    ]
    found.trials.append(Trial(27, "search", (0, 0, 0, 0), Outcome(0.0, 1.0), 0.1))
    found.trials.append(Trial(28, "search", (0, 0, 0, 1), Outcome(error="none"), None))
    yield found
    found.close()


def test_further_networks_are_spread_over_the_ranks(study: Study) -> None:
    taken = trials.decoded((2, 2, 2, 0))
    chosen = spread(study, trials.SPACE, 5, taken)
    accuracy = {trials.SPACE.decode(t.genotype).digest: t.number for t in study.trials[:27]}
    numbers = [accuracy[network.digest] for network in chosen]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 5
    gaps = [a - b for a, b in pairwise(numbers)]
    assert max(gaps) - min(gaps) <= 2
    assert numbers[0] >= 22
    assert numbers[-1] <= 4


def test_no_more_further_networks_than_there_are(study: Study) -> None:
    everyone = spread(study, trials.SPACE, 100, [])
    assert len({network.digest for network in everyone}) == len(everyone) == 26  # one estimated
    assert spread(study, trials.SPACE, 0, []) == []
    assert spread(Study(), trials.SPACE, 3, []) == []
