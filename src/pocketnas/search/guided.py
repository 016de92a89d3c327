"""Guided search: most of the trainings that random search needs can be predicted instead.

A predictor learns accuracy from the trials so far. Proposals maximize what the predicted accuracy
and the latency are worth, each for another function that the trials allow (Thompson sampling):
where the predictor is unsure these functions disagree, so a batch explores there and agrees where
it is sure. The less it explains, the more of a batch is drawn at random. Nothing is proposed twice.
"""

import json
import random
from collections.abc import Sequence

from pocketnas.errors import StudyError
from pocketnas.search.encoding import Encoding
from pocketnas.search.evolution import mutated
from pocketnas.search.limits import Limits
from pocketnas.search.promise import (
    LATENCY,
    Costs,
    Latencies,
    Memory,
    Promise,
    Worth,
    by_itself,
    by_reward,
    by_volume,
    costs_of,
)
from pocketnas.search.reward import Reward
from pocketnas.search.searcher import Result
from pocketnas.spaces.space import Decision, Genotype

FIRST = 12  # random trials before anything is predicted
_TRUSTED = 0.5  # the predictor's skill from which on nothing is left to chance
_PARENTS = 30  # best trials whose surroundings are looked at
_ROUNDS = 6  # of mutating the most promising
_KEPT = 80  # most promising of a round
_POOL = 300  # candidates among which the batch is drawn


class Guided:
    """Proposes what a predictor of accuracy, and the latency, promise the most for.

    Args:
        decisions: of the space.
        seed: of every draw.
        reward: of accuracy and latency; None to predict the reward that is told by itself.
        limits: on further costs, which are predicted from the trials.
        latencies: known beforehand; without it latency is predicted from the trials, too.
        pareto: look for the whole Pareto set, by hypervolume, instead of the best reward.
        first: random trials before anything is predicted.
    """

    def __init__(
        self,
        decisions: Sequence[Decision],
        *,
        seed: int = 0,
        reward: Reward | None = None,
        limits: Limits | None = None,
        latencies: Latencies | None = None,
        pareto: bool = False,
        first: int = FIRST,
    ) -> None:
        self._sizes = [len(decision.options) for decision in decisions]
        self._encoding = Encoding(decisions)
        self._memory = Memory(self._encoding)
        self._seed = seed
        self._reward = reward
        self._limits = limits or Limits()
        self._table = latencies
        self._pareto = pareto
        self._first = first
        self._told: list[Result] = []
        self._known: dict[Genotype, float] = {}

    def ask(self, n: int) -> list[Genotype]:
        draw = random.Random(f"{self._seed}:{len(self._told)}")
        tried = {result.genotype for result in self._told}
        good = [result for result in self._told if result.reward is not None]
        if len(good) < self._first:
            return self._new(n, [], tried, draw)
        promise, worth, good = self._promise(good, draw.getrandbits(32))
        pool = [g for g in self._promising(promise, worth, good, draw) if g not in tried]
        sure = n - round(n * min(1.0, max(0.0, _TRUSTED - promise.skill)))
        chosen: list[Genotype] = []
        if pool:
            costs = promise.costs(pool)
            for accuracies in promise.drawn(pool, sure):
                order = _descending(worth(accuracies, costs))
                chosen += [pool[i] for i in order if pool[i] not in chosen][:1]
        return self._new(n, chosen, tried, draw)

    def tell(self, results: Sequence[Result]) -> None:
        self._told += results

    def state(self) -> bytes:
        told = [
            [list(r.genotype), r.reward, r.accuracy, r.latency, dict(r.costs)] for r in self._told
        ]
        return json.dumps({"guided": self._seed, "first": self._first, "told": told}).encode()

    def restore(self, state: bytes) -> None:
        try:
            found = json.loads(state)
            seed, first = int(found["guided"]), int(found["first"])
            told = [Result(tuple(genotype), *figures) for genotype, *figures in found["told"]]
        except (ValueError, KeyError, TypeError):
            raise StudyError("guided search: the stored state is not its own") from None
        if any(len(result.genotype) != len(self._sizes) for result in told):
            raise StudyError("guided search: the stored state is of another space")
        self._seed, self._first, self._told = seed, first, told
        self._memory = Memory(self._encoding)

    def _promise(self, good: list[Result], seed: int) -> tuple[Promise, Worth, list[Result]]:
        """What the trials promise, what is wanted, and the trials that this was learned from."""
        needed = {LATENCY, *self._limits.costs}
        whole = [r for r in good if r.accuracy is not None and needed <= costs_of(r).keys()]
        if self._reward is None or len(whole) < self._first:
            rewards = [Result(result.genotype, result.reward, result.reward) for result in good]
            return Promise(self._memory, rewards, [], None, seed), by_itself, good
        table = self._latencies if self._table is not None else None
        promise = Promise(self._memory, whole, sorted(needed), table, seed)
        if self._pareto:
            return promise, by_volume(whole, self._limits), whole
        return promise, by_reward(self._reward, self._limits), whole

    def _promising(
        self, promise: Promise, worth: Worth, good: list[Result], draw: random.Random
    ) -> list[Genotype]:
        """Candidates around the best trials, improved by mutation for a few rounds."""
        values: dict[Genotype, float] = {}

        def best(genotypes: Sequence[Genotype], n: int) -> list[Genotype]:
            if new := [g for g in dict.fromkeys(genotypes) if g not in values]:
                found = worth(promise.expected(new), promise.costs(new))
                values.update(zip(new, found, strict=True))
            return sorted(dict.fromkeys(genotypes), key=lambda g: -values[g])[:n]

        parents = self._parents(worth, good)
        candidates = parents + [self._mutant(g, draw) for g in parents for _ in range(_ROUNDS)]
        candidates += [self._random(draw) for _ in range(100)]
        for _ in range(_ROUNDS):
            candidates = best(candidates, _KEPT)
            candidates += [self._mutant(g, draw) for g in candidates for _ in range(4)]
        best(candidates, 0)
        return best(list(values), _POOL)

    def _parents(self, worth: Worth, good: list[Result]) -> list[Genotype]:
        """The trials that are worth the most; of a front those that lie nearest to it."""
        if worth is by_itself:
            values = [result.reward or 0.0 for result in good]
        else:
            costs: Costs = {
                name: [costs_of(result)[name] for result in good]
                for name in (LATENCY, *self._limits.costs)
            }
            values = worth([result.accuracy or 0.0 for result in good], costs)
        return [good[i].genotype for i in _descending(values)[:_PARENTS]]

    def _new(
        self, n: int, chosen: list[Genotype], tried: set[Genotype], draw: random.Random
    ) -> list[Genotype]:
        """`chosen`, filled up with random ones; new ones unless the space is nearly used up."""
        found = list(chosen)
        for _ in range(100 * n):
            if len(found) == n:
                break
            genotype = self._random(draw)
            if genotype not in tried and genotype not in found:
                found.append(genotype)
        return found + [self._random(draw) for _ in range(n - len(found))]

    def _random(self, draw: random.Random) -> Genotype:
        return tuple(draw.randrange(size) for size in self._sizes)

    def _mutant(self, genotype: Genotype, draw: random.Random) -> Genotype:
        for _ in range(draw.randint(1, 3)):
            genotype = mutated(genotype, self._sizes, draw)
        return genotype

    def _latencies(self, genotypes: Sequence[Genotype]) -> list[float]:
        """Known latencies, each asked for once."""
        assert self._table is not None
        if new := [genotype for genotype in genotypes if genotype not in self._known]:
            self._known |= zip(new, self._table(new), strict=True)
        return [self._known[genotype] for genotype in genotypes]


def _descending(values: Sequence[float]) -> list[int]:
    """Indices from the largest to the smallest; of equals the first."""
    return sorted(range(len(values)), key=lambda i: -values[i])
