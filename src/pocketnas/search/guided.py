"""Guided search: most of the trainings that random search needs can be predicted instead.

A predictor learns accuracy from the trials so far. Proposals maximize the reward of the predicted
accuracy at the known latency, each for another function that the trials allow (Thompson
sampling): where the predictor is unsure these functions disagree, so a batch explores there and
agrees where it is sure. Nothing is proposed twice.
"""

import json
import random
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pocketnas.errors import StudyError
from pocketnas.search.evolution import mutated
from pocketnas.search.predictor import Predictor
from pocketnas.search.reward import Reward
from pocketnas.search.searcher import Result
from pocketnas.spaces.space import Decision, Genotype

Latencies = Callable[[Sequence[Genotype]], Sequence[float]]
"""Milliseconds of genotypes, asked freely: of a table, or of a device that answers in no time."""

FIRST = 20  # random trials before anything is predicted
_PARENTS = 30  # best trials whose surroundings are looked at
_ROUNDS = 8  # of mutating the most promising
_KEPT = 80  # most promising of a round
_POOL = 300  # candidates among which the batch is drawn


class Guided:
    """Proposes what a predictor of accuracy, and the latency, promise the best reward for.

    Args:
        decisions: of the space.
        seed: of every draw.
        reward: of accuracy and latency; without it the reward that is told is itself predicted.
        latencies: known beforehand; without it latency is predicted from the trials, too.
    """

    def __init__(
        self,
        decisions: Sequence[Decision],
        *,
        seed: int = 0,
        reward: Reward | None = None,
        latencies: Latencies | None = None,
    ) -> None:
        self._sizes = [len(decision.options) for decision in decisions]
        self._seed = seed
        self._reward = reward
        self._latencies = latencies
        self._told: list[Result] = []
        self._known: dict[Genotype, float] = {}

    def ask(self, n: int) -> list[Genotype]:
        draw = random.Random(f"{self._seed}:{len(self._told)}")
        tried = {result.genotype for result in self._told}
        if sum(result.reward is not None for result in self._told) < FIRST:
            return self._new(n, [], tried, draw)
        promise = _Promise(self, draw.getrandbits(32))
        pool = [genotype for genotype in self._promising(promise, draw) if genotype not in tried]
        chosen: list[Genotype] = []
        if pool:
            for scores in promise.drawn(pool, n):
                best = next(
                    (i for i in scores.argsort(descending=True).tolist() if pool[i] not in chosen),
                    None,
                )
                chosen += [] if best is None else [pool[best]]
        return self._new(n, chosen, tried, draw)

    def tell(self, results: Sequence[Result]) -> None:
        self._told += results

    def state(self) -> bytes:
        told = [
            [list(result.genotype), result.reward, result.accuracy, result.latency]
            for result in self._told
        ]
        return json.dumps({"guided": self._seed, "told": told}).encode()

    def restore(self, state: bytes) -> None:
        try:
            found = json.loads(state)
            seed = int(found["guided"])
            told = [Result(tuple(genotype), *figures) for genotype, *figures in found["told"]]
        except (ValueError, KeyError, TypeError):
            raise StudyError("guided search: the stored state is not its own") from None
        if any(len(result.genotype) != len(self._sizes) for result in told):
            raise StudyError("guided search: the stored state is of another space")
        self._seed, self._told = seed, told

    def _promising(self, promise: "_Promise", draw: random.Random) -> list[Genotype]:
        """Candidates around the best trials, improved by mutation for a few rounds."""
        ranked = sorted(self._told, key=lambda result: -(result.reward or 0.0))
        candidates = [result.genotype for result in ranked[:_PARENTS]]
        candidates += [self._mutant(parent, draw) for parent in candidates for _ in range(_ROUNDS)]
        candidates += [self._random(draw) for _ in range(100)]
        for _ in range(_ROUNDS):
            candidates = promise.best(list(dict.fromkeys(candidates)), _KEPT)
            candidates += [self._mutant(parent, draw) for parent in candidates for _ in range(4)]
        return promise.best(list(dict.fromkeys(candidates)), _POOL)

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

    def latency(self, genotypes: Sequence[Genotype]) -> list[float]:
        """Known latencies, each asked for once."""
        assert self._latencies is not None
        if new := [genotype for genotype in genotypes if genotype not in self._known]:
            self._known |= zip(new, self._latencies(new), strict=True)
        return [self._known[genotype] for genotype in genotypes]


class _Promise:
    """What the trials so far promise of other genotypes."""

    def __init__(self, search: Guided, seed: int) -> None:
        self._search = search
        self._generator = torch.Generator().manual_seed(seed)
        sizes, told = search._sizes, search._told
        good = [result for result in told if result.reward is not None]
        whole = [r for r in good if r.accuracy is not None and r.latency is not None]
        self._reward = search._reward if len(whole) >= FIRST else None
        self._latency: Predictor | None = None
        if self._reward is None:
            whole = good
            values = [result.reward or 0.0 for result in whole]
        else:
            values = [result.accuracy or 0.0 for result in whole]
        genotypes = [result.genotype for result in whole]
        self._value = Predictor(sizes, genotypes, values)
        if self._reward is not None and search._latencies is None:
            logs = torch.tensor([result.latency or 0.0 for result in whole]).log().tolist()
            self._latency = Predictor(sizes, genotypes, logs)

    def best(self, genotypes: list[Genotype], n: int) -> list[Genotype]:
        """The `n` of the highest reward at one deviation above the expected value."""
        expected, deviation = self._value.predict(genotypes)
        scores = self._rewards(genotypes, expected + deviation)
        order = scores.argsort(descending=True, stable=True)[:n].tolist()
        return [genotypes[i] for i in order]

    def drawn(self, genotypes: list[Genotype], n: int) -> list[Tensor]:
        """The rewards by `n` functions that the trials allow."""
        found = self._value.draw(genotypes, n, self._generator)
        return [self._rewards(genotypes, values) for values in found]

    def _rewards(self, genotypes: list[Genotype], values: Tensor) -> Tensor:
        if self._reward is None:
            return values
        if self._latency is None:
            latencies = self._search.latency(genotypes)
        else:
            latencies = self._latency.predict(genotypes)[0].exp().tolist()
        pairs = zip(values.tolist(), latencies, strict=True)
        return torch.tensor([self._reward(*pair) for pair in pairs], dtype=torch.float64)
