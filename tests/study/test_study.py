from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import torch

from pocketnas.errors import ArchitectureError, StudyError
from pocketnas.search.limits import Limits
from pocketnas.search.ppo import PPO
from pocketnas.search.reward import Reward, absolute, soft
from pocketnas.search.searcher import RandomSearch, Result, Searcher
from pocketnas.spaces import Choose, Decision, Genotype, Space
from pocketnas.study.study import Study, search
from pocketnas.study.trial import Outcome, Trial, each

REWARD = soft(10)


def build(choose: Choose) -> tuple[int, int]:
    return choose("a", (0, 1, 2, 3)), choose("b", (0, 1, 2))


SPACE = Space("table", build)


def evaluate(value: tuple[int, int]) -> tuple[float, float]:
    a, b = value
    return (1 + a * b) / 10, 1.0 + a + b


def searchers() -> list[Searcher]:
    return [RandomSearch(SPACE.decisions, seed=1), PPO(SPACE.decisions, seed=1)]


class Recorded:
    """A searcher that keeps what it is told."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self.batches: list[list[Result]] = []

    def ask(self, n: int) -> list[Genotype]:
        return self._searcher.ask(n)

    def tell(self, results: Sequence[Result]) -> None:
        self.batches.append(list(results))
        self._searcher.tell(results)

    def state(self) -> bytes:
        return self._searcher.state()

    def restore(self, state: bytes) -> None:
        self._searcher.restore(state)


@pytest.fixture
def study() -> Iterator[Study]:
    with closing(Study()) as study:
        yield study


def test_the_loop_asks_evaluates_rewards_records_and_tells(study: Study) -> None:
    searcher = Recorded(RandomSearch(SPACE.decisions))
    expected = RandomSearch(SPACE.decisions)
    proposals: list[Genotype] = []
    for n in (8, 8, 4):
        batch = expected.ask(8)[:n]
        expected.tell([Result(genotype, 0.0) for genotype in batch])
        proposals += batch
    found = search(SPACE, searcher, each(evaluate), REWARD, study, trials=20, batch=8)
    assert found is study
    assert study.trials == [
        Trial(n, "search", genotype, Outcome(*evaluate(genotype)), REWARD(*evaluate(genotype)))  # type: ignore[arg-type]
        for n, genotype in enumerate(proposals)
    ]
    assert [len(batch) for batch in searcher.batches] == [8, 8, 4]
    told = [result for batch in searcher.batches for result in batch]
    assert told == [
        Result(trial.genotype, trial.reward, trial.outcome.accuracy, trial.outcome.latency)
        for trial in study.trials
    ]
    assert study.storage.trials() == study.trials
    assert study.storage.searcher("search") == searcher.state()


def test_watch_is_called_after_each_recorded_batch(study: Study) -> None:
    seen: list[int] = []

    def watch(study: Study) -> None:
        assert study.storage.trials() == study.trials
        seen.append(len(study.trials))

    searcher = RandomSearch(SPACE.decisions)
    search(SPACE, searcher, each(evaluate), REWARD, study, trials=7, batch=3, watch=watch)
    assert seen == [3, 6, 7]


def test_nothing_happens_when_the_trials_are_there(study: Study) -> None:
    for trials in (6, 6, 5, 0):
        searcher = RandomSearch(SPACE.decisions)
        search(SPACE, searcher, each(evaluate), REWARD, study, trials=trials, batch=3)
    assert len(study.trials) == 6


def test_an_empty_batch_is_refused(study: Study) -> None:
    with pytest.raises(StudyError, match="a batch must have at least 1 trial, got 0"):
        search(SPACE, searchers()[0], each(evaluate), REWARD, study, trials=1, batch=0)


# Failures


def explodes(value: tuple[int, int]) -> tuple[float, float]:
    if value[0] == 2:
        raise ValueError(f"no {value[1]} today")
    return evaluate(value)


def test_a_failed_evaluation_is_recorded_told_as_none_and_ends_nothing(study: Study) -> None:
    searcher = Recorded(PPO(SPACE.decisions))
    search(SPACE, searcher, each(explodes), REWARD, study, trials=40, batch=10)
    failed = [trial for trial in study.trials if trial.genotype[0] == 2]
    assert 0 < len(failed) < 40
    for trial in study.trials:
        if trial in failed:
            error = f"ValueError: no {trial.genotype[1]} today"
            assert (trial.outcome, trial.reward) == (Outcome(error=error), None)
        else:
            assert trial.outcome.ok
            assert trial.reward is not None
    told = [result for batch in searcher.batches for result in batch]
    assert told == [
        Result(trial.genotype, trial.reward, trial.outcome.accuracy, trial.outcome.latency)
        for trial in study.trials
    ]
    assert study.best not in failed
    assert not set(map(id, study.pareto())) & set(map(id, failed))
    assert study.storage.trials() == study.trials


def test_a_study_of_nothing_but_failures(study: Study) -> None:
    def never(value: object) -> tuple[float, float]:
        raise MemoryError

    for arm, searcher in zip("ab", searchers(), strict=True):
        search(SPACE, searcher, each(never), REWARD, study, trials=6, batch=3, arm=arm)
    assert [trial.outcome.error for trial in study.trials] == ["MemoryError: "] * 12
    assert study.best is None
    assert study.pareto() == []


def test_a_genotype_that_cannot_be_decoded_fails_by_itself(study: Study) -> None:
    def picky(choose: Choose) -> tuple[int, int]:
        value = build(choose)
        if value[1] == 1:
            raise ArchitectureError("stages.0.0: does not fit")
        return value

    evaluated: list[tuple[int, int]] = []

    def batch(values: Sequence[tuple[int, int]]) -> list[Outcome]:
        evaluated.extend(values)
        return [Outcome(*evaluate(value)) for value in values]

    searcher = RandomSearch(SPACE.decisions)
    search(Space("picky", picky), searcher, batch, REWARD, study, trials=30, batch=10)
    for trial in study.trials:
        if trial.genotype[1] == 1:
            assert trial.outcome == Outcome(error="stages.0.0: does not fit")
            assert trial.reward is None
        else:
            assert trial.outcome == Outcome(*evaluate(trial.genotype))  # type: ignore[arg-type]
    assert evaluated == [t.genotype for t in study.trials if t.genotype[1] != 1]


@pytest.mark.parametrize(
    ("accuracy", "latency", "kept"),
    [
        (nan, 5.0, (None, 5.0)),
        (inf, 5.0, (None, 5.0)),
        (0.5, nan, (0.5, None)),
        (0.5, inf, (0.5, None)),
        (0.5, 0.0, (0.5, 0.0)),
        (0.5, -1.0, (0.5, -1.0)),
        (None, 5.0, (None, 5.0)),
        (0.5, None, (0.5, None)),
    ],
)
def test_figures_that_are_none_are_a_failure(
    study: Study, accuracy: Any, latency: Any, kept: tuple[Any, Any]
) -> None:
    """One NaN told as a reward would make all of a controller's weights NaN."""

    def evaluator(values: Sequence[object]) -> list[Outcome]:
        bad = Outcome(accuracy, latency, details={"digest": "ab"})
        return [bad, *[Outcome(0.5, 5.0)] * (len(values) - 1)]

    ppo = PPO(SPACE.decisions)
    search(SPACE, ppo, evaluator, REWARD, study, trials=8, batch=4)
    for trial in (study.trials[0], study.trials[4]):
        assert trial.reward is None
        assert (trial.outcome.accuracy, trial.outcome.latency) == kept
        assert trial.outcome.error == (
            f"the evaluation gave accuracy {accuracy} and latency {latency} ms;"
            " needs a finite accuracy and a latency above 0 ms"
        )
        assert trial.outcome.details == {"digest": "ab"}
        assert trial not in study.pareto()
    assert study.best is study.trials[1]
    assert study.storage.trials() == study.trials
    assert all(bool(torch.isfinite(p).all()) for p in ppo.controller.parameters())


def test_an_error_of_the_evaluator_is_kept_as_it_is(study: Study) -> None:
    given = Outcome(0.5, None, "the device does not answer", {"digest": "ab"})
    searcher = RandomSearch(SPACE.decisions)
    search(SPACE, searcher, lambda values: [given] * len(values), REWARD, study, trials=1)
    assert study.trials[0].outcome == given


def test_a_reward_that_is_no_number_counts_as_failed(study: Study) -> None:
    searcher = Recorded(RandomSearch(SPACE.decisions))
    search(SPACE, searcher, each(evaluate), lambda accuracy, latency: nan, study, trials=3)
    assert [trial.reward for trial in study.trials] == [None] * 3
    assert {result.reward for result in searcher.batches[0]} == {None}
    assert study.best is None


def sized(values: Sequence[tuple[int, int]]) -> list[Outcome]:
    return [Outcome(0.5, 10.0, costs={"size": 100.0 * (1 + a)}) for a, _ in values]


@pytest.mark.parametrize(
    ("reward", "text", "expected"),
    [
        (soft(10), "size<=200", [0.5, 0.5, 0.5 / 1.5, 0.25]),
        (soft(10), "size~200", [0.5 * (n / 2) ** -0.07 for n in (1, 2, 3, 4)]),
        (absolute(5), "size<=200", [0.4, 0.4, 0.5 / 1.5 - 0.1, 0.15]),
    ],
)
def test_limits_take_from_the_reward(
    study: Study, reward: Reward, text: str, expected: list[float]
) -> None:
    searcher = Recorded(RandomSearch(SPACE.decisions))
    limits = Limits.parse([text])
    search(SPACE, searcher, sized, reward, study, trials=30, batch=10, limits=limits)
    for trial in study.trials:
        assert trial.reward == pytest.approx(expected[trial.genotype[0]])
        assert trial.outcome.accuracy == 0.5
    assert [result.costs for result in searcher.batches[0]] == [
        trial.outcome.costs for trial in study.trials[:10]
    ]
    assert study.storage.trials() == study.trials


def test_a_limit_on_what_nobody_computes_ends_the_search(study: Study) -> None:
    limits = Limits.parse(["memory<=200"])
    with pytest.raises(StudyError, match="gave no cost 'memory'; it gave size"):
        search(SPACE, searchers()[0], sized, REWARD, study, trials=3, limits=limits)
    assert study.trials == []


def test_a_failed_trial_needs_no_costs(study: Study) -> None:
    limits = Limits.parse(["memory<=200"])
    failed = [Outcome(error="hung"), Outcome(0.5, 1.0, costs={"memory": nan})]
    search(SPACE, searchers()[0], lambda _: failed, REWARD, study, trials=2, limits=limits)
    assert [trial.reward for trial in study.trials] == [None, None]


@pytest.mark.parametrize("figures", [(torch.tensor(0.5), torch.tensor([4])), (1, 4), ("0.5", "4")])
def test_each_takes_what_float_takes(study: Study, figures: tuple[Any, Any]) -> None:
    (outcome,) = each(lambda value: figures)([None])
    assert outcome == Outcome(float(figures[0]), 4.0)
    assert {type(outcome.accuracy), type(outcome.latency)} == {float}


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda value: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda value: (0.5,), "ValueError: not enough values to unpack"),
        (lambda value: ("high", 1.0), "ValueError: could not convert string to float"),
        (lambda value: (None, 1.0), "TypeError: float"),
    ],
)
def test_each_makes_exceptions_errors(function: Callable[[Any], Any], error: str) -> None:
    good, bad = each(lambda value: (0.5, 1.0) if value else function(value))([1, 0])
    assert good == Outcome(0.5, 1.0)
    assert str(bad.error).startswith(error)
    assert not bad.ok


def test_what_ends_a_program_ends_a_search(study: Study) -> None:
    def interrupted(value: object) -> tuple[float, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(SPACE, searchers()[0], each(interrupted), REWARD, study, trials=3)
    assert study.trials == []


# Spaces, arms, resuming


@pytest.mark.parametrize(
    ("name", "decisions", "differs"),
    [
        ("other", SPACE.decisions, "'other' with 2$"),
        ("table", SPACE.decisions[:1], r"with 1; decision 1 was \['b', .* and is None$"),
        ("table", (*SPACE.decisions, Decision("c", (1,))), r"; decision 2 was None and is \['c'"),
        ("table", SPACE.decisions[::-1], r"with 2; decision 0 was \['a', .* and is \['b'"),
        (
            "table",
            (Decision("a", (0, 1)), SPACE.decisions[1]),
            r"; decision 0 was .*'1'\]\]$",
        ),
    ],
)
def test_another_space_is_refused(
    tmp_path: Path, name: str, decisions: tuple[Decision, ...], differs: str
) -> None:
    def other(choose: Choose) -> list[Any]:
        return [choose(decision.name, decision.options) for decision in decisions]

    path = tmp_path / "study.sqlite"
    with closing(Study(path)) as study:
        search(SPACE, searchers()[0], each(evaluate), REWARD, study, trials=3)
    with closing(Study(path)) as study:
        message = f"was made in the space 'table' with 2 decisions, which differs from .*{differs}"
        with pytest.raises(StudyError, match=message):
            search(
                Space(name, other),
                RandomSearch(decisions),
                lambda values: [],
                REWARD,
                study,
                trials=9,
            )
        assert len(study.trials) == 3


def test_another_searcher_is_refused(study: Study) -> None:
    random, ppo = searchers()
    search(SPACE, random, each(evaluate), REWARD, study, trials=3)
    with pytest.raises(StudyError, match="another searcher"):
        search(SPACE, ppo, each(evaluate), REWARD, study, trials=6)


def test_arms_share_a_study(study: Study) -> None:
    random, ppo = searchers()
    search(SPACE, ppo, each(evaluate), REWARD, study, trials=4, batch=2, arm="ppo")
    search(SPACE, random, each(evaluate), REWARD, study, trials=3, arm="random")
    search(SPACE, ppo, each(evaluate), REWARD, study, trials=6, batch=2, arm="ppo")
    assert [trial.number for trial in study.trials] == list(range(9))
    assert [trial.arm for trial in study.trials] == ["ppo"] * 4 + ["random"] * 3 + ["ppo"] * 2
    assert study.arm("random") == study.trials[4:7]
    with closing(Study()) as alone:
        again = PPO(SPACE.decisions, seed=1)
        search(SPACE, again, each(evaluate), REWARD, alone, trials=6, batch=2, arm="ppo")
        assert [t.genotype for t in alone.trials] == [t.genotype for t in study.arm("ppo")]


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("stops", [[12], [4, 8], [4, 4, 8], range(0, 41, 4)])
def test_a_resumed_study_equals_an_uninterrupted_one(
    tmp_path: Path, index: int, stops: Sequence[int]
) -> None:
    """Stopped after whole batches of four; test_kill.py stops anywhere."""
    path = tmp_path / "study.sqlite"
    for trials in (*stops, 42):
        with closing(Study(path)) as study:
            searcher = searchers()[index]
            search(SPACE, searcher, each(explodes), REWARD, study, trials=trials, batch=4)
    with closing(Study(tmp_path / "straight.sqlite")) as straight:
        searcher = searchers()[index]
        search(SPACE, searcher, each(explodes), REWARD, straight, trials=42, batch=4)
        with closing(Study(path)) as resumed:
            assert resumed.trials == straight.trials
            assert resumed.best == straight.best
            assert resumed.pareto() == straight.pareto()
            assert resumed.storage.searcher("search") == straight.storage.searcher("search")


def test_an_evaluator_that_raises_loses_only_its_batch(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    calls: list[int] = []

    def fragile(values: Sequence[tuple[int, int]]) -> list[Outcome]:
        calls.append(len(values))
        if len(calls) == 3:
            raise RuntimeError("power cut")
        return [Outcome(*evaluate(value)) for value in values]

    with closing(Study(path)) as study, pytest.raises(RuntimeError, match="power cut"):
        search(SPACE, searchers()[1], fragile, REWARD, study, trials=20, batch=5)
    with closing(Study(path)) as study, closing(Study()) as straight:
        assert len(study.trials) == 10
        search(SPACE, searchers()[1], fragile, REWARD, study, trials=20, batch=5)
        search(SPACE, searchers()[1], each(evaluate), REWARD, straight, trials=20, batch=5)
        assert study.trials == straight.trials


# What a study says


def _trial(number: int, accuracy: float, latency: float, reward: float | None) -> Trial:
    return Trial(number, "search", (number,), Outcome(accuracy, latency), reward)


def test_best_and_pareto(study: Study) -> None:
    assert study.best is None
    assert study.pareto() == []
    trials = [
        _trial(0, 0.5, 10, -2.0),
        _trial(1, 0.6, 12, 0.3),
        _trial(2, 0.7, 30, 0.3),
        _trial(3, 0.6, 20, None),
        Trial(4, "search", (4,), Outcome(0.9, None, "no device"), None),
        _trial(5, 0.65, 11, 0.1),
    ]
    study.record(trials, "search", RandomSearch(SPACE.decisions))
    assert study.best is trials[1]
    assert study.pareto() == [trials[0], trials[5], trials[2]]


def test_a_negative_reward_can_be_the_best(study: Study) -> None:
    study.record([_trial(0, 0.5, 1, -2.0), _trial(1, 0.5, 2, -1.0)], "a", searchers()[0])
    assert study.best is study.trials[1]


def test_a_study_is_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    seen: list[list[Trial]] = []

    def watch(study: Study) -> None:
        with closing(Study(path, read_only=True)) as reader:
            seen.append(reader.trials)
        with pytest.raises(StudyError, match="is in use by another process"):
            Study(path)

    with closing(Study(path)) as study:
        searcher = PPO(SPACE.decisions)
        search(SPACE, searcher, each(evaluate), REWARD, study, trials=6, batch=2, watch=watch)
        assert seen == [study.trials[:n] for n in (2, 4, 6)]
