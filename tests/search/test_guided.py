"""Guided search: the contract, what it proposes, and fewer trainings than evolution needs."""

import random
from collections.abc import Callable, Sequence

import pytest

from contracts.searcher import Make, SearcherContract
from pocketnas.errors import StudyError
from pocketnas.search.evolution import Evolution
from pocketnas.search.guided import FIRST, Guided
from pocketnas.search.hypervolume import hypervolume
from pocketnas.search.limits import Limits
from pocketnas.search.nsga import ParetoEvolution
from pocketnas.search.predictor import Kernel
from pocketnas.search.reward import Reward, hard, soft
from pocketnas.search.searcher import RandomSearch, Result, Searcher
from pocketnas.spaces import Decision, Genotype
from search.toy import DECISIONS, SIZES, accuracy, latency

Told = Callable[[Sequence[Genotype]], list[Result]]


def table(genotypes: Sequence[Genotype]) -> list[float]:
    return [latency(genotype) for genotype in genotypes]


def told(reward: Reward, accuracy: Callable[[Genotype], float] = accuracy) -> Told:
    """Tells each genotype its figures."""

    def results(genotypes: Sequence[Genotype]) -> list[Result]:
        pairs = [(accuracy(genotype), latency(genotype)) for genotype in genotypes]
        return [Result(g, reward(*pair), *pair) for g, pair in zip(genotypes, pairs, strict=True)]

    return results


def searched(searcher: Searcher, results: Told, trials: int, batch: int = 5) -> list[Result]:
    found: list[Result] = []
    for _ in range(trials // batch):
        new = results(searcher.ask(batch))
        searcher.tell(new)
        found += new
    return found


def best(results: Sequence[Result]) -> float:
    return max(result.reward for result in results if result.reward is not None)


def volume(results: Sequence[Result]) -> float:
    accuracies = [result.accuracy or 0.0 for result in results]
    latencies = [result.latency or 0.0 for result in results]
    return hypervolume(accuracies, latencies, (0.5, 10.0), log_latency=True)


class Informed:
    """Tells a searcher the figures behind the contract's rewards, too."""

    def __init__(self, searcher: Searcher) -> None:
        self.ask, self.state, self.restore = searcher.ask, searcher.state, searcher.restore
        self._searcher = searcher

    def tell(self, results: Sequence[Result]) -> None:
        self._searcher.tell(
            [
                Result(r.genotype, r.reward, r.reward and r.reward / 2, latency(r.genotype))
                for r in results
            ]
        )


class TestGuided(SearcherContract):
    """Told only rewards, it predicts them."""

    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: Guided(decisions, seed=seed)


class TestGuidedToTheFront(SearcherContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: Informed(
            Guided(decisions, seed=seed, reward=soft(4.0), pareto=True)
        )


class TestGuidedByKnownLatencies(SearcherContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda decisions, seed: Informed(
            Guided(decisions, seed=seed, reward=hard(4.0), latencies=table)
        )


MODES = {
    "rewards": lambda seed: Guided(DECISIONS, seed=seed),
    "reward": lambda seed: Guided(DECISIONS, seed=seed, reward=hard(4.0)),
    "known": lambda seed: Guided(DECISIONS, seed=seed, reward=hard(4.0), latencies=table),
    "front": lambda seed: Guided(DECISIONS, seed=seed, reward=soft(4.0), pareto=True),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_restored_one_goes_on_bit_for_bit_also_when_the_kernel_is_renewed(mode: str) -> None:
    """From 33 trials, with a kernel of 33, over 36 and 39; the other has learned other things."""
    searcher, results = MODES[mode](3), told(hard(4.0))
    searched(searcher, results, 33, batch=3)
    restored = MODES[mode](99)
    searched(restored, told(hard(4.0), latency), 33, batch=11)
    restored.ask(1)
    restored.restore(searcher.state())
    for batch in (1, 2, 1, 4):
        proposals = searcher.ask(batch)
        assert restored.ask(batch) == proposals
        for one in (searcher, restored):
            one.tell(results(proposals))
        assert restored.state() == searcher.state()
    late = MODES[mode](0)
    late.restore(searcher.state())
    assert late.ask(5) == searcher.ask(5), "no matter at which trial"


@pytest.mark.parametrize("known", [True, False])
def test_it_needs_fewer_trainings_than_evolution(known: bool) -> None:
    reward = hard(4.0)
    guided = Guided(DECISIONS, seed=3, reward=reward, latencies=table if known else None)
    evolution = Evolution(DECISIONS, seed=3, population=20, sample=5)
    ours, theirs = (
        searched(searcher, told(reward), n) for searcher, n in ((guided, 60), (evolution, 120))
    )
    assert best(ours) > best(theirs)


@pytest.mark.parametrize("seed", [0, 1])
def test_its_front_is_better_than_those_of_evolution_and_luck(seed: int) -> None:
    """The hypervolumes found here: 0.55 and 0.55; NSGA-II 0.45, evolution 0.44, luck 0.43."""
    reward = soft(4.0)
    searchers = (
        Guided(DECISIONS, seed=seed, reward=reward, pareto=True),
        ParetoEvolution(DECISIONS, seed=seed, population=20),
        Evolution(DECISIONS, seed=seed, population=20, sample=5),
        RandomSearch(DECISIONS, seed=seed),
    )
    ours, *others = (volume(searched(searcher, told(reward), 80)) for searcher in searchers)
    assert ours > 1.1 * max(others)


def test_its_front_is_better_than_that_of_a_search_for_one_reward() -> None:
    front, point = (Guided(DECISIONS, reward=soft(4.0), pareto=pareto) for pareto in (True, False))
    wide, narrow = (
        volume(searched(searcher, told(soft(4.0)), 80, 10)) for searcher in (front, point)
    )
    assert wide > narrow


@pytest.mark.parametrize("pareto", [True, False])
def test_limits_are_respected_by_what_is_proposed(pareto: bool) -> None:
    """Without the limit it proposes what breaks it, since accuracy is to be had there alone."""

    def results(genotypes: Sequence[Genotype]) -> list[Result]:
        found = []
        for genotype in genotypes:
            costs = {"size": 100.0 * 1.3 ** sum(genotype[5:])}
            figures = accuracy(genotype), latency(genotype)
            value = soft(4.0)(figures[0] * limits(costs), figures[1])
            found.append(Result(genotype, value, *figures, costs))
        return found

    shares = {}
    for texts in ((), ("size<=300",)):
        limits = Limits.parse(texts)
        searcher = Guided(DECISIONS, seed=1, reward=soft(4.0), limits=limits, pareto=pareto)
        found = searched(searcher, results, 60, batch=10)[30:]
        shares[texts] = sum(result.costs["size"] <= 300 for result in found) / len(found)
    assert shares["size<=300",] > 0.75
    assert shares["size<=300",] > shares[()] + 0.3


def test_what_is_told_of_costs_and_latencies_may_be_missing() -> None:
    """Told rewards alone it predicts those; the figures that it needs come later."""
    reward = hard(4.0)
    searcher = Guided(DECISIONS, reward=reward, limits=Limits.parse(["size<=300"]))
    found = searched(searcher, lambda gs: [Result(g, accuracy(g)) for g in gs], 60)
    late = [result.reward or 0.0 for result in found[40:]]
    assert min(late) > sorted(result.reward or 0.0 for result in found[:FIRST])[FIRST // 2]
    searched(searcher, told(reward), 10)
    assert len(set(searcher.ask(10))) == 10


def test_failures_are_left_out_and_never_proposed_again() -> None:
    """A third fails, as what cannot be built does, and one has a reward but no accuracy."""
    reward = hard(4.0)

    def results(genotypes: Sequence[Genotype]) -> list[Result]:
        found = told(reward)(genotypes)
        return [Result(r.genotype, None) if r.genotype[1] == 0 else r for r in found]

    searcher = Guided(DECISIONS, reward=reward)
    found = searched(searcher, results, 70)
    searcher.tell([Result((0,) * 10, 0.4)])
    proposals = searcher.ask(10)
    assert not {result.genotype for result in found} & set(proposals)
    assert best(found) > best(searched(RandomSearch(DECISIONS), results, 140))


def test_the_less_is_explained_the_more_of_a_batch_is_random() -> None:
    """A random network of 30 decisions is far from all trials, a mutant of a good one is not."""
    learned = told(lambda accuracy, _: accuracy, lambda genotype: sum(genotype) / 90)
    noise = told(hard(4.0), lambda genotype: random.Random(str(genotype)).uniform(0.4, 0.6))
    level = told(hard(4.0), lambda genotype: 0.1)  # the chance level of too short a proxy
    assert random_share(learned) == 0
    assert 0.5 <= random_share(noise) < 0.9
    assert 0.5 <= random_share(level) < 0.9


def random_share(results: Told) -> float:
    """Of the batch after 60 trials."""
    searcher = Guided([Decision(str(i), (0, 1, 2, 3)) for i in range(30)], reward=hard(4.0))
    trials = searched(searcher, results, 60, batch=20)
    batch = searcher.ask(20)
    assert len(set(batch)) == 20
    near = [
        min(sum(a != b for a, b in zip(new, old.genotype, strict=True)) for old in trials)
        for new in batch
    ]
    return sum(distance > 12 for distance in near) / len(batch)


def test_a_space_of_1000_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels are fitted to the latest 250; all 1,000 are predicted from, and none repeated."""
    draw = random.Random(0)
    past = {tuple(draw.randrange(size) for size in SIZES) for _ in range(1200)}
    searcher, results = Guided(DECISIONS, reward=hard(4.0)), told(hard(4.0))
    searcher.tell(results(sorted(past)[:1000]))
    seen: list[int] = []
    fit = Kernel.fit

    def noted(self: Kernel, genotypes: Sequence[Genotype], values: Sequence[float]) -> Kernel:
        seen.append(len(values))
        return fit(self, genotypes, values)

    monkeypatch.setattr(Kernel, "fit", noted)
    found = searched(searcher, results, 40, batch=20)
    assert 900 < min(seen) <= 1000
    assert len(seen) <= 4, "accuracy and latency, each at most twice"
    assert best(found) > best(results(sorted(past)))


@pytest.mark.parametrize("pareto", [True, False])
def test_nothing_is_proposed_twice_while_there_is_something_new(pareto: bool) -> None:
    small = [Decision("a", (0, 1, 2, 3)), Decision("b", tuple(range(10)))]
    searcher = Guided(small, reward=hard(2.0), pareto=pareto)
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


@pytest.mark.parametrize("first", [1, 8])
def test_how_many_are_drawn_first_is_up_to_the_caller(first: int) -> None:
    results = told(hard(4.0))
    early, usual = (Guided(DECISIONS, reward=hard(4.0), first=n) for n in (first, FIRST))
    assert early.ask(first) == usual.ask(first)
    for searcher in (early, usual):
        searcher.tell(results(searcher.ask(first)))
    assert early.ask(5) != usual.ask(5)


def test_each_latency_is_asked_for_once() -> None:
    asked: list[Genotype] = []

    def device(genotypes: Sequence[Genotype]) -> list[float]:
        asked.extend(genotypes)
        return table(genotypes)

    searcher = Guided(DECISIONS, reward=hard(4.0), latencies=device)
    searched(searcher, told(hard(4.0)), 40)
    assert len(asked) == len(set(asked)) > 100


def test_the_state_of_another_space_is_refused() -> None:
    searcher = Guided(DECISIONS)
    searched(searcher, told(hard(4.0)), 5)
    with pytest.raises(StudyError, match="of another space"):
        Guided(DECISIONS[:3]).restore(searcher.state())


def test_a_long_search_predicts_from_its_best_and_its_latest_trials() -> None:
    """Their number is bounded, so a proposal's time is; the best, however early, are among them."""
    draw = random.Random(0)
    wide = [Decision(str(i), tuple(range(4))) for i in range(8)]
    genotypes = list({tuple(draw.randrange(4) for _ in wide) for _ in range(900)})
    results = [Result(g, sum(g) / 24, sum(g) / 24, 1.0) for g in genotypes]
    results.sort(key=lambda result: -(result.reward or 0.0))  # the best come first
    searcher = Guided(wide, reward=soft(1.0), seed=3)
    searcher.tell(results)
    tried = {result.genotype for result in results}
    better = [g for g in searcher.ask(5) if g not in tried]
    assert len(better) == 5
    assert min(sum(g) for g in better) > sorted(map(sum, tried))[-150]
