"""A warm start: what another run found out is taken over, if it means the same here."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pocketnas.arch import Architecture
from pocketnas.data.images import Images
from pocketnas.data.load import load_cached
from pocketnas.errors import StudyError
from pocketnas.run import warmstart
from pocketnas.run.config import RunConfig
from pocketnas.run.plan import Plan
from pocketnas.run.warmstart import DEVICE, warm_results
from pocketnas.search.reward import soft
from pocketnas.search.searcher import RandomSearch, Result
from pocketnas.spaces.space import Space
from pocketnas.study.study import Study, search
from pocketnas.study.trial import Outcome, Trial
from pocketnas.train.recipe import Recipe
from run import trials

Warm = Callable[..., list[Result]]


def planned(space: Space[Architecture] = trials.SPACE, recipe: Recipe = trials.RECIPE) -> Plan:
    return Plan(space, {}, recipe, recipe)


@pytest.fixture
def other(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder of six trials, one of which failed and one of which was stopped."""
    folder = tmp_path / "other"
    folder.mkdir()
    with closing(Study(folder / "study.db")) as study:
        study.storage.set("config", RunConfig().to_dict())
        study.storage.set("images", load_cached(cache).digest)
        study.storage.set(DEVICE, trials.Stopwatch().facts())
        evaluate = trials.evaluator(study, cache)
        searcher = RandomSearch(trials.SPACE.decisions, seed=2)
        search(trials.SPACE, searcher, evaluate, soft(1.0), study, trials=4, batch=4)
        stopped = replace(study.trials[0].outcome, estimated=True)
        study.record(
            [
                Trial(4, "search", (0, 0, 0, 0), Outcome(error="none"), None),
                Trial(5, "search", (0, 0, 0, 1), stopped, 0.1),
            ],
            "search",
            searcher,
        )
    # What a plan makes of a folder's settings is the plan's own matter.
    monkeypatch.setattr(warmstart, "plan", lambda config, images, n: planned())
    return folder


@pytest.fixture
def study() -> Iterator[Study]:
    with closing(Study()) as found:
        yield found


@pytest.fixture
def warm(other: Path, study: Study, cache: Path) -> Warm:
    """The results for a study, with an executor that trains nothing."""

    def results(
        *, device: trials.Stopwatch | None = None, into: Study = study, **options: Any
    ) -> list[Result]:
        device = device or trials.Stopwatch()
        idle = trials.Here()
        given: dict[str, Any] = {
            "planned": planned(),
            "images": load_cached(cache),
            "seed": 0,
            "device": device,
            "evaluate": trials.evaluator(
                into, cache, executor=idle, device=device, halving=True, spare_hopeless=True
            ),
            "value": trials.value,
        }
        found = warm_results(other, into, **(given | options))
        assert idle.timeouts == []
        return found

    return results


def test_completed_trials_come_as_they_were(warm: Warm, other: Path) -> None:
    device = trials.Stopwatch()
    found = warm(device=device)
    with closing(Study(other / "study.db", read_only=True)) as theirs:
        expected = {t.genotype: t for t in theirs.trials[:4]}
    assert {result.genotype for result in found} == expected.keys()
    for result in found:
        trial = expected[result.genotype]
        assert result.accuracy == trial.outcome.accuracy
        assert result.latency == trial.outcome.latency
        assert result.reward == trial.reward
    assert device.measured == 0


def test_rewards_are_this_runs(warm: Warm) -> None:
    assert {result.reward for result in warm(value=lambda outcome: 7.0)} == {7.0}


def test_latencies_are_on_this_studys_scale(warm: Warm) -> None:
    plain = {result.genotype: result for result in warm()}
    with closing(Study()) as fresh:
        slow = trials.Stopwatch()
        slow.reference_ms = 2.0
        found = warm(device=slow, into=fresh)
    assert slow.measured == 0
    for result in found:
        assert result.latency == pytest.approx(2 * (plain[result.genotype].latency or 0))


def test_another_device_measures_anew(warm: Warm) -> None:
    class Other(trials.Stopwatch):
        def facts(self) -> dict[str, object]:
            return super().facts() | {"threads": 4}

    device = Other()
    found = warm(device=device)
    assert len(found) == 4
    assert device.measured == 4


def test_other_images_are_refused(warm: Warm, cache: Path) -> None:
    images = load_cached(cache)
    fewer = Images("fewer", images.pixels[::2], images.labels[::2], images.classes)
    with pytest.raises(StudyError, match="its images are not those of this run"):
        warm(images=fewer)


def test_images_that_steered_the_other_run_are_no_test_images(warm: Warm) -> None:
    with pytest.raises(StudyError, match="with --seed 0 it was steered by images that are test"):
        warm(seed=1)


def test_another_recipe_is_named(warm: Warm) -> None:
    longer = planned(recipe=replace(trials.RECIPE, epochs=5))
    with pytest.raises(StudyError, match="its proxy trainings have epochs 3, this run's have 5"):
        warm(planned=longer)


def test_another_space_is_named(warm: Warm) -> None:
    def build(choose: Any) -> Architecture:
        return trials.tiny(lambda name, options: choose(f"{name}s", options))

    with pytest.raises(StudyError, match=r"decision 0 was .*'stem'"):
        warm(planned=planned(Space("tiny", build)))


def test_the_same_decisions_about_other_networks_are_refused(warm: Warm) -> None:
    larger = Space("tiny", lambda choose: replace(trials.tiny(choose), resolution=16))
    with pytest.raises(StudyError, match="its decisions mean networks of another size"):
        warm(planned=planned(larger))


def test_no_run_is_one_sentence(warm: Warm, other: Path) -> None:
    shutil.rmtree(other)
    with pytest.raises(StudyError, match="holds no run"):
        warm()
