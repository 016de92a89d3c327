"""The study and the search loop."""

from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from math import isfinite, nan
from pathlib import Path
from typing import Any, TypeVar

from pocketnas.errors import ArchitectureError, StudyError
from pocketnas.search.limits import Limits
from pocketnas.search.pareto import pareto
from pocketnas.search.reward import Reward
from pocketnas.search.searcher import Result, Searcher
from pocketnas.spaces.space import Genotype, Space
from pocketnas.study.storage import Storage
from pocketnas.study.trial import Evaluate, Outcome, Trial

T = TypeVar("T")


class Study:
    """All trials of a search, in memory and in one file.

    Args:
        path: of the file; `":memory:"` keeps nothing.
        read_only: for a look at a study, even at one that another process is writing.

    Raises:
        StudyError: the file is no study, or another process writes it.
    """

    def __init__(self, path: Path | str = ":memory:", *, read_only: bool = False) -> None:
        self.storage = Storage(path, read_only=read_only)
        self.trials: list[Trial] = self.storage.trials()

    def arm(self, name: str) -> list[Trial]:
        """The trials of one searcher."""
        return [trial for trial in self.trials if trial.arm == name]

    @property
    def best(self) -> Trial | None:
        """The trial with the highest reward; of equals the first."""
        rewarded = [
            trial
            for trial in self.trials
            if trial.reward is not None and not trial.outcome.estimated
        ]
        return max(rewarded, key=lambda trial: trial.reward or 0.0, default=None)

    def pareto(self) -> list[Trial]:
        """The trials that none beats in accuracy and latency, from the fastest to the slowest."""
        ok = [trial for trial in self.trials if trial.outcome.ok and not trial.outcome.estimated]
        front = pareto(
            [trial.outcome.accuracy or 0.0 for trial in ok],
            [trial.outcome.latency or 0.0 for trial in ok],
        )
        return [ok[i] for i in front]

    def join(self, arm: str, space: Space[Any], searcher: Searcher) -> None:
        """Brings `searcher` to where the arm's last batch left it.

        Raises:
            StudyError: the study was made in another space.
        """
        decisions = [[d.name, [str(option) for option in d.options]] for d in space.decisions]
        traced = {"name": space.name, "decisions": decisions}
        stored = self.storage.get("space")
        if stored is None:
            self.storage.set("space", traced)
        elif stored != traced:
            pairs = enumerate(zip_longest(stored["decisions"], decisions))
            changes = (f"; decision {i} was {a} and is {b}" for i, (a, b) in pairs if a != b)
            raise StudyError(
                f"{self.storage.path}: was made in the space {stored['name']!r} with"
                f" {len(stored['decisions'])} decisions, which differs from {space.name!r}"
                f" with {len(decisions)}{next(changes, '')}"
            )
        state = self.storage.searcher(arm)
        if state is not None:
            searcher.restore(state)

    def record(self, trials: list[Trial], arm: str, searcher: Searcher) -> None:
        """Writes a batch and the searcher that learned from it, in one transaction."""
        self.storage.record(trials, arm, searcher.state())
        self.trials += trials

    def close(self) -> None:
        """Closes the file."""
        self.storage.close()


def search(
    space: Space[T],
    searcher: Searcher,
    evaluate: Evaluate[T],
    reward: Reward,
    study: Study,
    *,
    trials: int,
    batch: int = 20,
    arm: str = "search",
    limits: Limits | None = None,
    watch: Callable[[Study], None] | None = None,
) -> Study:
    """Sample, train and measure, reward, update: MnasNet's loop (1807.11626, figure 1).

    It continues where `study` left off, with the same trajectory as if it had never stopped.

    Args:
        space: what genotypes mean.
        searcher: proposes them; its state is kept in the study.
        evaluate: accuracy and latency of a batch of decoded values.
        reward: of an accuracy and a latency.
        study: where trials are recorded.
        trials: how many the arm shall have in the end.
        batch: how many are proposed at once; the searcher learns once a batch.
        arm: the searcher's name in the study, so that several can share it.
        limits: on further costs; their factor multiplies the accuracy that is rewarded.
        watch: called after each batch.

    Raises:
        StudyError: the study was made in another space, or cannot be written, or the evaluation
            gives no figure of a limited cost.
    """
    if batch < 1:
        raise StudyError(f"search: a batch must have at least 1 trial, got {batch}")
    study.join(arm, space, searcher)
    while (done := len(study.arm(arm))) < trials:
        genotypes = searcher.ask(batch)[: trials - done]
        outcomes = _outcomes(space, genotypes, evaluate)
        values = [worth(outcome, reward, limits or Limits()) for outcome in outcomes]
        rewards = [value if isfinite(value) else None for value in values]
        results = zip(genotypes, rewards, outcomes, strict=True)
        searcher.tell([Result(g, r, o.accuracy, o.latency, o.costs) for g, r, o in results])
        numbered = enumerate(zip(genotypes, outcomes, rewards, strict=True), len(study.trials))
        study.record([Trial(n, arm, *values) for n, values in numbered], arm, searcher)
        if watch:
            watch(study)
    return study


def _outcomes(space: Space[T], genotypes: list[Genotype], evaluate: Evaluate[T]) -> list[Outcome]:
    """Evaluates what can be decoded; a genotype without an architecture fails by itself."""
    values: dict[int, T] = {}
    outcomes: dict[int, Outcome] = {}
    for i, genotype in enumerate(genotypes):
        try:
            values[i] = space.decode(genotype)
        except ArchitectureError as error:
            outcomes[i] = Outcome(error=str(error))
    outcomes |= zip(values, map(_sound, evaluate(list(values.values()))), strict=True)
    return [outcomes[i] for i in range(len(genotypes))]


def _sound(outcome: Outcome) -> Outcome:
    """What has neither figures nor an error has failed: one NaN would poison a searcher."""
    if outcome.ok:
        return outcome
    accuracy, latency = (
        None if figure is None or not isfinite(figure) else figure
        for figure in (outcome.accuracy, outcome.latency)
    )
    error = outcome.error or (
        f"the evaluation gave accuracy {outcome.accuracy} and latency {outcome.latency} ms;"
        " needs a finite accuracy and a latency above 0 ms"
    )
    return replace(outcome, accuracy=accuracy, latency=latency, error=error)


def worth(outcome: Outcome, reward: Reward, limits: Limits) -> float:
    """The reward of an outcome under limits; NaN if it has failed.

    Raises:
        StudyError: it has no figure of a limited cost.
    """
    if not outcome.ok or outcome.accuracy is None or outcome.latency is None:
        return nan
    return reward(outcome.accuracy * limits(outcome.costs), outcome.latency)
