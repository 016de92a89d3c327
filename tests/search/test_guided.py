"""Guided search: the contract, the predictor, and fewer trainings than evolution needs."""

import random
from math import prod

import pytest
import torch

from contracts.searcher import Make, SearcherContract
from pocketnas.search.encoding import Encoding
from pocketnas.search.evolution import Evolution
from pocketnas.search.guided import FIRST, Guided
from pocketnas.search.predictor import Predictor
from pocketnas.search.reward import hard
from pocketnas.search.searcher import Result, Searcher
from pocketnas.spaces import Decision, Genotype

SIZES = (3, 2, 4, 3, 2, 3, 4, 3, 2, 3)
DECISIONS = [Decision(str(i), tuple(range(size))) for i, size in enumerate(SIZES)]


def accuracy(genotype: Genotype) -> float:
    """Main effects of unlike weight, and two pairs of decisions that matter together."""
    main = sum(option * (i + 1) for i, option in enumerate(genotype)) / 150
    together = 0.1 * (genotype[0] == genotype[3]) - 0.1 * (genotype[2] == genotype[6])
    return 0.5 + main / 2 + together / 2


def latency(genotype: Genotype) -> float:
    return prod(1 + 0.15 * option for option in genotype)


class TestGuided(SearcherContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: Guided(decisions, seed=seed)


def test_a_predictor_interpolates_and_knows_where_it_is_unsure() -> None:
    draw = random.Random(0)
    seen = list({tuple(draw.randrange(size) for size in SIZES) for _ in range(150)})
    new = [tuple(draw.randrange(size) for size in SIZES) for _ in range(200)]
    predictor = Predictor(Encoding(DECISIONS), seen, [accuracy(genotype) for genotype in seen])
    mean, deviation = predictor.predict(seen)
    truth = torch.tensor([accuracy(genotype) for genotype in seen], dtype=torch.float64)
    assert (mean - truth).abs().max() < 0.02
    expected, unsure = predictor.predict(new)
    truth = torch.tensor([accuracy(genotype) for genotype in new], dtype=torch.float64)
    assert torch.corrcoef(torch.stack([expected, truth]))[0, 1] > 0.97
    assert unsure.mean() > 2 * deviation.mean()
    assert ((expected - truth).abs() < 3 * unsure).float().mean() > 0.95


def test_functions_drawn_pass_through_what_was_seen() -> None:
    small = [Decision("a", ("x", "y", "z")), Decision("b", (3, 5))]
    seen = [(0, 0), (1, 1), (2, 0)]
    predictor = Predictor(Encoding(small), seen, [0.1, 0.5, 0.9])
    drawn = predictor.draw([*seen, (1, 0)], 500, torch.Generator().manual_seed(0))
    assert drawn.shape == (500, 4)
    mean, deviation = predictor.predict([*seen, (1, 0)])
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0), deviation, atol=0.03, rtol=0.2)


@pytest.mark.parametrize("known", [True, False])
def test_it_needs_fewer_trainings_than_evolution(known: bool) -> None:
    reward = hard(4.0)
    table = (lambda genotypes: [latency(genotype) for genotype in genotypes]) if known else None
    guided = Guided(DECISIONS, seed=3, reward=reward, latencies=table)
    evolution = Evolution(DECISIONS, seed=3, population=20, sample=5)
    assert _best(guided, reward, 60) > _best(evolution, reward, 120)


def test_nothing_is_proposed_twice_while_there_is_something_new() -> None:
    small = [Decision("a", (0, 1, 2, 3)), Decision("b", tuple(range(10)))]
    searcher = Guided(small, reward=hard(2.0))
    proposed: list[Genotype] = []
    for _ in range(8):
        asked = searcher.ask(5)
        proposed += asked
        searcher.tell([Result(g, 0.1 * sum(g), 0.1 * sum(g), 1.0) for g in asked])
    assert len(set(proposed)) == 40
    assert len(searcher.ask(5)) == 5, "the space is used up; it goes on all the same"


def test_it_explores_until_there_is_something_to_learn_from() -> None:
    searcher = Guided(DECISIONS, reward=hard(4.0))
    searcher.tell([Result(genotype, None) for genotype in searcher.ask(2 * FIRST)])
    assert len(set(searcher.ask(10))) == 10


def _best(searcher: Searcher, reward: object, trials: int) -> float:
    best = 0.0
    for _ in range(trials // 5):
        results = []
        for genotype in searcher.ask(5):
            figures = accuracy(genotype), latency(genotype)
            results.append(Result(genotype, reward(*figures), *figures))  # type: ignore[operator]
        searcher.tell(results)
        best = max(best, *(result.reward or 0.0 for result in results))
    return best
