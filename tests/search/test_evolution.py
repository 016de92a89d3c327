"""Regularized evolution: the contract, and Real et al.'s algorithm."""

from collections.abc import Sequence

import pytest

from contracts.searcher import DECISIONS, Make, SearcherContract
from pocketnas.search.evolution import Evolution, mutated
from pocketnas.search.searcher import RandomSearch, Result, Searcher
from pocketnas.spaces import Decision, Genotype

WIDE = [Decision(str(i), (0, 1, 2, 3)) for i in range(12)]


class TestEvolution(SearcherContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: Evolution(decisions, seed=seed, population=15, sample=4)


def test_children_differ_from_a_living_parent_in_one_decision() -> None:
    searcher = Evolution(WIDE, population=5, sample=2)
    first = searcher.ask(5)
    searcher.tell([Result(genotype, 0.5) for genotype in first])
    for child in searcher.ask(20):
        assert min(_distance(child, parent) for parent in first) == 1


def test_the_oldest_die_even_the_best() -> None:
    searcher = Evolution(WIDE, population=4, sample=4)
    best = (0,) * 12
    searcher.tell([Result(best, 1.0)])
    searcher.tell([Result((3,) * 12, 0.1)] * 4)
    assert all(_distance(child, best) > 10 for child in searcher.ask(10))


def test_a_failure_is_nobodys_parent_while_others_live() -> None:
    searcher = Evolution(WIDE, population=2, sample=20)
    searcher.tell([Result((0,) * 12, None), Result((3,) * 12, 0.1)])
    assert all(_distance(child, (3,) * 12) == 1 for child in searcher.ask(10))


def test_a_failure_is_worse_than_a_negative_reward() -> None:
    searcher = Evolution(WIDE, population=2, sample=20)
    searcher.tell([Result((0,) * 12, None), Result((3,) * 12, -0.4)])
    assert all(_distance(child, (3,) * 12) == 1 for child in searcher.ask(10))


def test_it_climbs_better_than_luck() -> None:
    found = []
    for searcher in (Evolution(WIDE, seed=1), RandomSearch(WIDE, seed=1)):
        found.append(best_of(searcher, 600))
    assert found[0] > found[1] + 0.1


def test_a_mutation_changes_what_can_be_changed() -> None:
    import random

    sizes = [len(decision.options) for decision in DECISIONS]
    draw = random.Random(0)
    for _ in range(50):
        child = mutated((0, 0, 0, 0, 0), sizes, draw)
        assert _distance(child, (0, 0, 0, 0, 0)) == 1
        assert child[3] == 0, "the decision with one option"
    assert mutated((0, 0), [1, 1], draw) == (0, 0)


def best_of(searcher: Searcher, trials: int) -> float:
    """The best reward among `trials`, where the reward is the share of threes."""
    best = 0.0
    for _ in range(trials // 10):
        results = [Result(genotype, genotype.count(3) / 12) for genotype in searcher.ask(10)]
        searcher.tell(results)
        best = max(best, *(result.reward or 0.0 for result in results))
    return best


def _distance(one: Genotype, other: Sequence[int]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
