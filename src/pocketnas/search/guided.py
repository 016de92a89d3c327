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
_SEEN = 500  # trials that are predicted from: the best and the latest
_OPTIMISM = 2.0  # standard deviations at most; another share of it for each batch
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
        promise, worth, best = self._promise(good, draw.getrandbits(32))
        pool = [g for g in self._promising(promise, worth, best, draw) if g not in tried]
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

    def _promise(self, good: list[Result], seed: int) -> tuple[Promise, Worth, list[Genotype]]:
        """What the trials promise, what is wanted, and the trials from the best on."""
        needed = (LATENCY, *self._limits.costs)
        whole = [r for r in good if r.accuracy is not None and set(needed) <= costs_of(r).keys()]
        worth: Worth
        if self._reward is None or len(whole) < self._first:
            needed, worth = (), by_itself
            whole = [Result(result.genotype, result.reward, result.reward) for result in good]
        elif self._pareto:
            worth = by_volume(whole, self._limits)
        else:
            worth = by_reward(self._reward, self._limits)
        costs = {name: [costs_of(result)[name] for result in whole] for name in needed}
        order = _descending(worth([result.accuracy or 0.0 for result in whole], costs))
        kept: Sequence[int] = range(len(whole))
        if len(whole) > _SEEN:
            kept = sorted({*order[: _SEEN // 2], *kept[-_SEEN // 2 :]})
        table = self._latencies if self._table is not None and needed else None
        promise = Promise(self._memory, whole, needed, table, seed, kept)
        return promise, worth, [whole[i].genotype for i in order]

    def _promising(
        self, promise: Promise, worth: Worth, best: list[Genotype], draw: random.Random
    ) -> list[Genotype]:
        """Candidates around the best trials, improved by mutation for a few rounds.

        Each batch hopes for more or less than is expected: without hope the rounds would stay
        around the best trials, and always with much of it they would seldom end there.
        """
        optimism = _OPTIMISM * draw.random()
        values: dict[Genotype, float] = {}

        def chosen(genotypes: Sequence[Genotype], n: int) -> list[Genotype]:
            if new := [g for g in dict.fromkeys(genotypes) if g not in values]:
                found = worth(promise.hoped(new, optimism), promise.costs(new))
                values.update(zip(new, found, strict=True))
            return sorted(dict.fromkeys(genotypes), key=lambda g: -values[g])[:n]

        parents = best[:_PARENTS]
        candidates = parents + [self._mutant(g, draw) for g in parents for _ in range(_ROUNDS)]
        candidates += [self._random(draw) for _ in range(100)]
        for _ in range(_ROUNDS):
            candidates = chosen(candidates, _KEPT)
            candidates += [self._mutant(g, draw) for g in candidates for _ in range(4)]
        chosen(candidates, 0)
        return chosen(list(values), _POOL)

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
