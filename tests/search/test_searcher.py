from collections import Counter
from itertools import product

import pytest

from contracts.searcher import DECISIONS, Make, SearcherContract, told
from pocketnas.search.ppo import PPO, REINFORCE
from pocketnas.search.searcher import RandomSearch
from pocketnas.spaces import Decision


class TestRandomSearch(SearcherContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: RandomSearch(decisions, seed=seed)


class TestPPO(SearcherContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: PPO(decisions, seed=seed)


class TestReinforce(SearcherContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: PPO(decisions, seed=seed, config=REINFORCE)


def test_random_search_is_uniform() -> None:
    """Each of the 24 genotypes turns up about as often, over many small batches."""
    decisions = [Decision(str(size), tuple(range(size))) for size in (3, 2, 4)]
    search = RandomSearch(decisions)
    counts: Counter[tuple[int, ...]] = Counter()
    for _ in range(240):
        proposals = search.ask(20)
        counts.update(proposals)
        search.tell(told(proposals))
    assert set(counts) == set(product(range(3), range(2), range(4)))
    # 4,800 draws, 200 expected of each: a chi-square of 23 degrees of freedom; 49.7 is p = 0.001.
    assert sum((count - 200) ** 2 / 200 for count in counts.values()) < 49.7


def test_random_search_learns_nothing() -> None:
    """What it proposes depends on how much it was told, not on what."""
    good, bad = RandomSearch(DECISIONS), RandomSearch(DECISIONS)
    for _ in range(3):
        good.tell(told(good.ask(10)))
        bad.tell(told([(0,) * 5] * 10))
        assert good.ask(10) == bad.ask(10)
