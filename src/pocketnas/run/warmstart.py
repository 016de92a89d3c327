"""What another run has found out already: its trainings, and its latencies where they hold here."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from pocketnas.arch.architecture import Architecture
from pocketnas.data.images import Images, split
from pocketnas.devices import Device, Latency
from pocketnas.errors import StudyError
from pocketnas.run.plan import Plan, plan
from pocketnas.run.stored import stored_config
from pocketnas.search.searcher import RandomSearch, Result
from pocketnas.spaces.space import Space
from pocketnas.study.study import Study
from pocketnas.study.trial import Evaluate, Outcome, Trial
from pocketnas.train.recipe import Recipe

DEVICE = "device"
"""The key of `Study.storage` under which a run keeps `Device.facts`."""


def warm_results(
    path: Path,
    study: Study,
    *,
    planned: Plan,
    images: Images,
    seed: int,
    device: Device,
    evaluate: Evaluate[Architecture],
    value: Callable[[Outcome], float],
) -> list[Result]:
    """Copies the evaluations of another run into `study`, and gives its successful trials.

    Accuracies hold for the same images and recipe; latencies for the same device only, on the scale
    of this study's reference. What is missing is measured by `evaluate`, nothing is trained. It is
    for a run that has no trials yet: a searcher's state remembers later what it was told.

    Args:
        path: of the other run's folder, finished or not.
        study: of this run.
        planned: this run's plan.
        images: of this run.
        seed: of this run.
        device: of this run.
        evaluate: this run's, which remembers in `study`; watched by nobody, since it is no work.
        value: this run's reward.

    Raises:
        StudyError: the folder holds no run, or its trials say nothing of this one: one sentence
            with the first difference.
    """
    config = stored_config(path)
    with closing(Study(path / "study.db", read_only=True)) as other:
        _check_images(path, other, images, seed, config.seed)
        training = len(split(images, seed=config.seed).train)
        _check_recipe(path, planned.proxy, plan(config, images, training).proxy)
        trials = _completed(other)
        if trials:
            other.join("", planned.space, RandomSearch(planned.space.decisions))  # only compares
        networks = [_network(path, planned.space, trial) for trial in trials]
        here = _scaleless(other.storage.get(DEVICE)) == _scaleless(device.facts())
        for network in networks:
            _copy(network.digest, other, study, device if here else None)
    results = []
    for trial, outcome in zip(trials, evaluate(networks), strict=True):
        reward = value(outcome) if outcome.ok else None
        results.append(
            Result(trial.genotype, reward, outcome.accuracy, outcome.latency, outcome.costs)
        )
    return [result for result in results if result.reward is not None]


def _check_images(path: Path, other: Study, images: Images, seed: int, others: int) -> None:
    if other.storage.get("images") != images.digest:
        raise StudyError(f"{path}: cannot be a warm start: its images are not those of this run")
    tested, steered_past = split(images, seed=seed).test, split(images, seed=others).test
    if not np.array_equal(tested, steered_past):
        raise StudyError(
            f"{path}: cannot be a warm start: with --seed {others} it was steered by images that"
            f" are test images with --seed {seed}; give --seed {others}"
        )


def _check_recipe(path: Path, ours: Recipe, theirs: Recipe) -> None:
    for name in (field.name for field in fields(ours)):
        if (mine := getattr(ours, name)) != (other := getattr(theirs, name)):
            raise StudyError(
                f"{path}: cannot be a warm start: its proxy trainings have {name} {other},"
                f" this run's have {mine}"
            )


def _completed(study: Study) -> list[Trial]:
    """The trials trained to the end, each network once."""
    found: dict[Any, Trial] = {}
    for trial in study.trials:
        if trial.outcome.ok and not trial.outcome.estimated:
            found.setdefault(trial.outcome.details.get("digest"), trial)
    return list(found.values())


def _network(path: Path, space: Space[Architecture], trial: Trial) -> Architecture:
    network = space.decode(trial.genotype)
    if network.digest != trial.outcome.details.get("digest"):
        raise StudyError(
            f"{path}: cannot be a warm start: its decisions mean networks of another size; give the"
            " same --resolution, --width and --depth"
        )
    return network


def _scaleless(facts: Any) -> Any:
    """A device's facts as JSON gives them back, without what each session has anew."""
    each_session = dict.fromkeys(("reference_ms", "calm_ms", "heat", "load", "notes"))
    return json.loads(json.dumps({**(facts or {}), **each_session}))


def _copy(digest: str, other: Study, study: Study, device: Device | None) -> None:
    """The figures of one network that the study does not know yet."""
    known, storage = other.storage.recall("proxy", digest), study.storage
    if known and not storage.recall("proxy", digest):
        storage.remember("proxy", digest, known)
    latency = other.storage.recall("latency", digest)
    if device and latency and not storage.recall("latency", digest):
        scaled = Latency.from_dict(latency).at(device.reference_ms)
        storage.remember("latency", digest, scaled.to_dict())
