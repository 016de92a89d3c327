"""Halving saves epochs and changes nothing for those who go on, whatever happens meanwhile."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pocketnas.run.halving import Expectation, better_half, completed, first_part, saved
from pocketnas.search.reward import soft
from pocketnas.search.searcher import RandomSearch
from pocketnas.study.study import Study, search
from pocketnas.tflite import write
from run import halved, trials

NETWORKS = trials.decoded((0, 0, 0, 0), (1, 2, 0, 1), (2, 1, 2, 2), (0, 2, 1, 0), (1, 1, 1, 1))


def test_who_goes_on_ends_as_without_halving(cache: Path) -> None:
    whole = trials.evaluator(Study(), cache)(NETWORKS)
    halved = trials.evaluator(Study(), cache, halving=True)(NETWORKS)
    gone_on = [i for i, outcome in enumerate(halved) if not outcome.estimated]
    assert len(gone_on) == 3
    for i in gone_on:
        assert halved[i].accuracy == whole[i].accuracy
        assert halved[i].details["early"].keys() == {"epochs", "of", "accuracy"}
    for i in set(range(5)) - set(gone_on):
        assert halved[i].ok
        assert halved[i].details["stopped"]["epochs"] == 1
        assert halved[i].details["stopped"]["of"] == 3
    assert not (cache.parent / "partial").exists()


def test_the_better_half_is_by_the_reward_that_is_expected(cache: Path) -> None:
    """With a reward that is latency alone, the small networks go on."""
    outcomes = trials.evaluator(
        Study(), cache, halving=True, value=lambda outcome: -(outcome.latency or 0.0)
    )(NETWORKS)
    latencies = {outcome.estimated: [] for outcome in outcomes}
    for outcome in outcomes:
        latencies[outcome.estimated].append(outcome.latency)
    assert max(latencies[False]) < min(latencies[True])


def test_a_network_met_again_is_not_trained_again(cache: Path) -> None:
    study = Study()
    first = trials.evaluator(study, cache, halving=True)(NETWORKS)
    idle = trials.Here()
    again = trials.evaluator(study, cache, executor=idle, halving=True)(NETWORKS)
    assert again == first
    assert idle.timeouts == []


def test_a_loser_whose_end_is_known_is_not_estimated(cache: Path) -> None:
    study = Study()
    by_size = sorted(NETWORKS, key=lambda network: len(write(network.graph())))
    small, large = by_size[0], by_size[-1]
    (alone,) = trials.evaluator(study, cache, halving=True)([large])
    assert not alone.estimated
    both = trials.evaluator(
        study, cache, halving=True, value=lambda outcome: -(outcome.latency or 0.0)
    )([large, small])
    assert both[0] == alone
    assert not both[1].estimated


def test_without_a_part_to_save_nothing_is_halved() -> None:
    assert [first_part(epochs) for epochs in (1, 2, 3, 4, 9, 52)] == [1, 1, 1, 2, 3, 18]


def test_a_kill_at_any_point_of_a_halved_batch_changes_nothing(tmp_path: Path) -> None:
    script = subprocess.run(
        [sys.executable, halved.__file__, tmp_path], capture_output=True, text=True
    )
    assert script.returncode == 0, script.stderr
    kills = json.loads(script.stdout)
    assert {place for _, place in kills} == {"before", "after", "told"}
    assert len(kills) >= 6
    assert not (tmp_path / "killed" / "partial").exists()
    with (
        closing(Study(tmp_path / "straight" / "study.db", read_only=True)) as straight,
        closing(Study(tmp_path / "killed" / "study.db", read_only=True)) as killed,
    ):
        assert [_timeless(t) for t in killed.trials] == [_timeless(t) for t in straight.trials]
        assert len(straight.trials) == halved.TRIALS
        stopped = [trial for trial in straight.trials if trial.outcome.estimated]
        assert len(stopped) == halved.TRIALS // 2
        assert straight.best is not None
        assert not straight.best.outcome.estimated
        assert saved(straight, 3) == (2 * len(stopped), 3 * halved.TRIALS)
        assert len(completed(straight)) == len(
            {t.genotype for t in straight.trials} - {t.genotype for t in stopped}
        )


def _timeless(trial: object) -> str:
    """All of a trial but the time that it took."""
    text = repr(trial)
    head, _, tail = text.partition("'seconds': ")
    return head + tail.partition(",")[2]


def test_a_search_with_halving_prefers_completed_trials(cache: Path) -> None:
    study = Study()
    evaluate = trials.evaluator(study, cache, halving=True)
    searcher = RandomSearch(trials.SPACE.decisions, seed=3)
    search(trials.SPACE, searcher, evaluate, soft(1.0), study, trials=4, batch=4)
    assert all(trial.reward is not None for trial in study.trials)
    assert not any(trial.outcome.estimated for trial in study.pareto())


def test_few_pairs_give_a_mean_gain_and_more_a_line() -> None:
    assert Expectation.of([])(0.3) == 0.3
    gain = Expectation.of([(0.2, 0.6), (0.4, 0.6)])
    assert gain(0.3) == pytest.approx(0.6)
    line = Expectation.of([(x / 10, 0.5 + x / 20) for x in (1, 2, 3, 6)])
    assert (line.slope, line.gain) == pytest.approx((0.5, 0.5))
    assert line(0.8) == pytest.approx(0.9)


def test_an_expectation_is_an_accuracy_whatever_the_pairs() -> None:
    steep = Expectation.of([(0.10, 0.2), (0.11, 0.4), (0.12, 0.6), (0.13, 0.8)])
    assert steep(0.9) == 1.0
    assert steep(0.0) == 0.0
    falling = Expectation.of([(0.1, 0.9), (0.2, 0.8), (0.3, 0.7), (0.4, 0.6)])
    assert falling.slope == 1.0
    assert falling(0.25) == pytest.approx(0.75)
    equal = Expectation.of([(0.1, 0.5)] * 6)
    assert equal(0.2) == pytest.approx(0.6)


def test_an_expectation_depends_on_the_pairs_not_on_their_order() -> None:
    pairs = [(0.1 * i + 0.013 * (i % 3), 0.5 + 0.07 * (i % 4)) for i in range(9)]
    assert (
        Expectation.of(pairs)
        == Expectation.of(pairs[::-1])
        == Expectation.of(pairs[4:] + pairs[:4])
    )


def test_the_better_half_is_not_the_worse() -> None:
    assert better_half({"a": 0.1, "b": 0.3, "c": 0.2}) == {"b", "c"}
    assert better_half({"a": 0.1, "b": 0.1}) == {"a"}
    assert better_half({"a": float("-inf")}) == {"a"}
    assert better_half({}) == set()
