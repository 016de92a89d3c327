"""What trials promise: kernels kept and renewed, figures predicted, and what they are worth."""

import random
from collections.abc import Sequence
from itertools import pairwise
from math import log

import pytest
import torch

from pocketnas.search.encoding import Encoding
from pocketnas.search.limits import Limits
from pocketnas.search.predictor import Kernel, Predictor
from pocketnas.search.promise import Memory, Promise, by_itself, by_reward, by_volume, costs_of
from pocketnas.search.reward import absolute, hard, soft
from pocketnas.search.searcher import Result
from pocketnas.spaces import Genotype
from search.toy import DECISIONS, SIZES, accuracy, latency

ENCODING = Encoding(DECISIONS)


def drawn(n: int, seed: int = 0) -> list[Genotype]:
    draw = random.Random(seed)
    return [tuple(draw.randrange(size) for size in SIZES) for _ in range(n)]


def size(genotype: Genotype) -> float:
    return 100.0 * 1.2 ** sum(genotype[:4])


def results(genotypes: Sequence[Genotype]) -> list[Result]:
    return [
        Result(g, soft(4.0)(accuracy(g), latency(g)), accuracy(g), latency(g), {"size": size(g)})
        for g in genotypes
    ]


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """To how many values each kernel was fitted, in turn."""
    found: list[int] = []
    fit = Kernel.fit

    def noted(self: Kernel, genotypes: Sequence[Genotype], values: Sequence[float]) -> Kernel:
        found.append(len(values))
        return fit(self, genotypes, values)

    monkeypatch.setattr(Kernel, "fit", noted)
    return found


def test_a_kernel_is_renewed_when_the_trials_have_grown_by_a_tenth(fitted: list[int]) -> None:
    genotypes, memory = drawn(68), Memory(ENCODING)
    values = [accuracy(genotype) for genotype in genotypes]
    for n in range(1, 69):
        memory.predictor("accuracy", genotypes[:n], values[:n])
    assert fitted[:21] == [*range(1, 21), 22], "below 20 a tenth is less than two trials"
    assert all(after - before == max(1, before // 10) for before, after in pairwise(fitted))
    assert fitted[-3:] == [55, 60, 66]


def test_each_figure_has_its_own_kernel_and_asking_again_fits_none(fitted: list[int]) -> None:
    genotypes, memory = drawn(30), Memory(ENCODING)
    first, second = ([figure(g) for g in genotypes] for figure in (accuracy, latency))
    for _ in range(3):
        memory.predictor("accuracy", genotypes, first)
        memory.predictor("latency", genotypes, second)
    assert fitted == [30, 30]


def test_a_kernel_does_not_depend_on_when_it_was_asked_for() -> None:
    """So a restored searcher, which never asked before, goes on as the one that always did."""
    genotypes = drawn(64)
    values = [accuracy(genotype) for genotype in genotypes]
    busy = Memory(ENCODING)
    for n in (3, 20, 21, 40, 59):
        busy.predictor("accuracy", genotypes[:n], values[:n])
    one, other = (
        memory.predictor("accuracy", genotypes, values) for memory in (busy, Memory(ENCODING))
    )
    assert torch.equal(one.expected(genotypes), other.expected(genotypes))
    assert one.skill == other.skill


def test_all_trials_are_predicted_from_though_the_kernel_is_of_the_first() -> None:
    genotypes = list(dict.fromkeys(drawn(70)))[:65]
    values = [accuracy(genotype) for genotype in genotypes]
    found = Memory(ENCODING).predictor("accuracy", genotypes, values)
    kernel = Kernel(ENCODING).fit(genotypes[:60], values[:60])  # 66 would be the next
    direct = Predictor(ENCODING, genotypes, values, kernel)
    assert torch.equal(found.expected(genotypes), direct.expected(genotypes))


def test_known_latencies_are_asked_for_and_other_costs_predicted() -> None:
    asked: list[Genotype] = []

    def table(genotypes: Sequence[Genotype]) -> list[float]:
        asked.extend(genotypes)
        return [latency(genotype) for genotype in genotypes]

    new = drawn(50, seed=1)
    made = Promise(Memory(ENCODING), results(drawn(120)), ["latency", "size"], table, 0)
    costs = made.costs(new)
    assert asked == new
    assert costs["latency"] == [latency(genotype) for genotype in new]
    assert costs["size"] == pytest.approx([size(genotype) for genotype in new], rel=0.02)
    predicted = Promise(Memory(ENCODING), results(drawn(120)), ["latency"], None, 0).costs(new)
    assert predicted["latency"] == pytest.approx([latency(g) for g in new], rel=0.1)
    assert set(predicted) == {"latency"}
    expected = made.hoped(new, 0.0)
    assert expected == pytest.approx([accuracy(genotype) for genotype in new], abs=0.1)
    assert all(a < b for a, b in zip(expected, made.hoped(new, 1.0), strict=True))
    assert made.skill > 0.8


def test_the_seed_decides_what_is_drawn() -> None:
    def functions(seed: int) -> list[list[float]]:
        made = Promise(Memory(ENCODING), results(drawn(30)), ["latency"], None, seed)
        return made.drawn(drawn(10, seed=1), 4)

    assert functions(0) == functions(0) != functions(1)
    assert [len(row) for row in functions(0)] == [10] * 4


def test_costs_of_a_trial() -> None:
    assert costs_of(Result((0,), 0.5, 0.5, 2.0, {"size": 9.0})) == {"size": 9.0, "latency": 2.0}
    assert costs_of(Result((0,), 0.5)) == {}


def test_worth_its_reward() -> None:
    costs = {"latency": [1.0, 4.0, 8.0], "size": [50.0, 100.0, 200.0]}
    accuracies = [0.5, 0.6, 0.7]
    assert by_reward(hard(4.0), Limits())(accuracies, costs) == pytest.approx([0.5, 0.6, 0.35])
    limited = by_reward(hard(4.0), Limits.parse(["size<=100"]))
    assert limited(accuracies, costs) == pytest.approx([0.5, 0.6, 0.175])
    both = by_reward(absolute(4.0), Limits.parse(["size<=50", "size~50"]))
    assert both([0.6], {"latency": [8.0], "size": [100.0]}) == pytest.approx(
        [0.6 / 2 * 2**-0.07 - 0.1]
    ), "the limit takes from the accuracy, not from what a negative reward has left"


def test_worth_the_hypervolume_it_would_add() -> None:
    """The front is 0.5 at 1 ms and 0.7 at 2 ms; the corner is the slowest and the worst, 4 ms."""
    told = [Result((0,), 0.1, *pair) for pair in ((0.5, 1.0), (0.7, 2.0), (0.4, 4.0))]
    worth = by_volume(told, Limits())
    found = worth([0.9, 0.6, 0.7, 0.6, 0.5], {"latency": [2.0, 1.0, 1.0, 2.0, 1.0]})
    assert found[0] == pytest.approx(0.2 * log(2))
    assert found[1] == pytest.approx(0.1 * log(2))
    assert found[2] == pytest.approx(0.2 * log(2))
    assert found[3] == pytest.approx(-0.1), "so much it lacks to reach the front"
    assert found[4] == 0


def test_limits_count_in_the_hypervolume_on_both_sides() -> None:
    """A trial that breaks the limit dominates less, and so does a candidate."""
    broken = [
        Result((0,), 0.1, 0.9, 1.0, {"size": 300.0}),
        Result((0,), 0.1, 0.2, 4.0, {"size": 100.0}),
    ]
    worth = by_volume(broken, Limits.parse(["size<=100"]))
    found = worth([0.6, 0.6], {"latency": [1.0, 1.0], "size": [100.0, 200.0]})
    assert found == pytest.approx([0.3 * log(4), 0])


def test_where_only_rewards_are_known_they_are_the_worth() -> None:
    assert by_itself([0.5, 0.1], {}) == [0.5, 0.1]
