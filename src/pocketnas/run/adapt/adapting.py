"""The run of `pocketnas adapt`: a table, NetAdapt's steps, a longer training, the file."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from os import cpu_count
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from pocketnas.arch.architecture import Architecture
from pocketnas.data.images import Images, Split
from pocketnas.data.load import load_cached
from pocketnas.devices import Device
from pocketnas.errors import StudyError
from pocketnas.graph.count import madds, parameters
from pocketnas.netadapt import Adapted, Proposal, adapt, by_accuracy, by_ratio
from pocketnas.netadapt.adapt import OutOfReach, Step, narrower
from pocketnas.netadapt.changes import lighter
from pocketnas.netadapt.widths import widths
from pocketnas.report.adaptation import write_adaptation
from pocketnas.report.figures import duration, milliseconds, percent
from pocketnas.report.shrinking import shrinking_png
from pocketnas.run.adapt.config import AdaptConfig
from pocketnas.run.adapt.latency import measured
from pocketnas.run.adapt.proposing import Rounds
from pocketnas.run.adapt.source import take
from pocketnas.run.adapt.table import ShrinkTable, shrink_table, stored_table
from pocketnas.run.adapt.trail import FILE, Trail, begin, stored_trail
from pocketnas.run.answerer import in_torch
from pocketnas.run.device import open_device
from pocketnas.run.export import export, seen_by
from pocketnas.run.folder import RunFolder, load_weights, save_weights, write_json
from pocketnas.run.loaded import loaded
from pocketnas.run.scoring import score
from pocketnas.run.start import Start
from pocketnas.run.train import Follow, fit
from pocketnas.run.train_config import TrainConfig
from pocketnas.run.training import setup_worker
from pocketnas.study.executor import LocalExecutor
from pocketnas.tflite.writer import write

BETTER = {"ratio": by_ratio, "accuracy": by_accuracy}
PICTURE = "shrinking.png"


LEARNED = 2
"""How often a step's proposals are looked at first: some of their operators were only guessed."""


def run(config: AdaptConfig, folder: RunFolder, follow: Follow) -> dict[str, Any]:
    """Shrinks the network to its latency and trains it, or goes on with what the folder holds.

    Returns:
        The result, ready for JSON: the start and the end side by side.

    Raises:
        PocketNASError: one sentence; the steps so far are in the folder.
    """
    trail = stored_trail(folder) if (folder.path / FILE).exists() else None
    if trail is None:
        trail = _begun(config, folder, follow)
    images = load_cached(folder.images)
    parts = trail.given.parts(images)
    follow.note(
        f"{config.network} takes {milliseconds(trail.reference_ms)} on {config.device} and is right"
        f" on {percent(trail.start.accuracy)} of {len(parts.validation)} images that choose; the"
        f" target is {milliseconds(trail.target_ms)}"
    )
    open_ = partial(_device, config)
    with open_(trail.start.architecture, trail.reference_ms) as device:
        short = _shrink(trail, images, parts, device, open_, follow)
        _train(trail, images, follow)
        if trail.result is None:
            trail.result = _result(trail, images, parts, device) | {"short": short}
            trail.save()
    render(trail)
    return trail.result


def render(trail: Trail) -> None:
    """Draws the picture and the page anew."""
    said = trail.to_dict()
    shrinking_png(said, trail.folder.path / PICTURE)
    write_adaptation(said, trail.folder.report)


def _begun(config: AdaptConfig, folder: RunFolder, follow: Follow) -> Trail:
    """Takes the network and its images into the folder, and measures the start."""
    network = loaded(config.network, None if config.weights is None else Path(config.weights))
    if not widths(network.architecture):
        raise StudyError(
            f"{config.network}: has no width that could shrink; those of MobileNet's,"
            " EfficientNet's and ResNet's blocks can"
        )
    given = take(config, network, folder, follow.note)
    begin(folder, config)
    images = load_cached(folder.images)
    with _device(config, network.architecture) as device:
        reference_ms = device.reference_ms
    target = config.target_ms or (config.share or 1.0) * reference_ms
    if target >= reference_ms:
        raise StudyError(
            f"{config.network}: takes {milliseconds(reference_ms)} already; the target must be"
            f" below, got {milliseconds(target)}"
        )
    parts, asked = given.parts(images), in_torch(network)
    right, tested = (score(asked, images, some).top1 for some in (parts.validation, parts.test))
    start = Adapted(network.architecture, reference_ms, right)
    trail = Trail(folder, config, given, network.feed, start, tested, reference_ms, target)
    save_weights(trail.weights, network.weights)
    trail.save()
    return trail


def _shrink(
    trail: Trail,
    images: Images,
    parts: Split,
    device: Device,
    open_: Callable[[Architecture, float | None], Device],
    follow: Follow,
) -> str | None:
    """NetAdapt's steps, each committed; why they ended above the target, if they did."""
    if trail.now.milliseconds <= trail.target_ms or trail.result is not None:
        return None
    config, first = trail.config, len(trail.steps)
    table = _table(trail, open_, follow)
    cores = cpu_count() or 1
    executor = LocalExecutor(config.workers, setup_worker, (max(1, cores // config.workers),))

    def propose(now: Adapted, goal: float) -> list[Proposal]:
        def found() -> list[Proposal]:
            return [*narrower(now, goal, table), *lighter(now, goal, table, config.also)]

        for _ in range(LEARNED):
            table.learn([each.architecture for each in found()], device)
        return found()

    def measure(now: Adapted, architecture: Architecture) -> float:
        time, latency = measured(now, architecture, device, trail)
        table.add(architecture, latency)
        return time

    with closing(executor):
        tune = Rounds(trail, images, parts, executor, _accelerators(), follow.note)
        steps = adapt(
            trail.now,
            trail.target_ms,
            reduction=lambda i: config.step * config.decay**i * trail.reference_ms,
            propose=propose,
            tune=tune,
            better=BETTER[config.choose],
            measure=measure,
            first=first,
        )
        began = latest = perf_counter()
        whole = trail.now.milliseconds - trail.target_ms
        try:
            for number, step in enumerate(steps, first + 1):
                tune.keep(step.chosen.proposal, number)
                trail.add(step, perf_counter() - latest)
                tune.forget(number)
                latest = perf_counter()
                done = 1 - max(0.0, step.now.milliseconds - trail.target_ms) / whole
                left = (latest - began) * (1 / done - 1) if done > 0 else 0.0
                follow.note(_told(trail, step, number) + (f"; {duration(left)} left" * (left > 0)))
                render(trail)
        except OutOfReach as error:
            follow.note(str(error))
            return str(error)
    return None


def _accelerators() -> list[str]:
    """All GPUs, or the processor."""
    return [f"cuda:{i}" for i in range(torch.cuda.device_count())] or ["cpu"]


def _told(trail: Trail, step: Step, number: int) -> str:
    proposal, now = step.chosen.proposal, step.now
    share = percent(now.milliseconds / trail.reference_ms)
    return (
        f"step {number}: {proposal.name} {proposal.was} → {proposal.becomes},"
        f" {milliseconds(now.milliseconds)} ({share} of the start; predicted"
        f" {milliseconds(proposal.milliseconds)}), {percent(now.accuracy)}"
        f" of the images that choose; best of {len(step.others) + 1} proposals"
    )


def _table(
    trail: Trail, open_: Callable[[Architecture, float | None], Device], follow: Follow
) -> ShrinkTable:
    """The latency table of all that the network can shrink to; made once."""
    path = trail.folder.path / "table.json"
    if (known := stored_table(path)) is not None:
        return known
    follow.note(f"making a latency table, about {duration(trail.config.table_s)}")
    return shrink_table(
        trail.start.architecture,
        path,
        lambda network: open_(network, None),
        seconds=trail.config.table_s,
        seed=trail.config.seed,
        watch=lambda text: None,
    )


def _train(trail: Trail, images: Images, follow: Follow) -> None:
    """The longer training, with the carried weights or from scratch; the folder is then its run."""
    config, folder, network = trail.config, trail.folder, trail.now.architecture
    if trail.result is not None:
        return
    stored = folder.path / "adapted.json"
    write_json(stored, network.to_dict())
    scratch = config.then == "scratch"
    settings = TrainConfig(
        network=str(stored),
        data=trail.given.data,
        weights=None if scratch else str(trail.weights),
        recipe=config.recipe,
        epochs=config.epochs,
        resolution=network.resolution,
        hold_out=trail.given.hold_out,
        seed=trail.given.seed,
    )
    begun = Start(network, None if scratch else load_weights(trail.weights), trail.feed.pixels)
    fit(settings, begun, images, trail.given.last_parts(images), folder, follow)


def _result(trail: Trail, images: Images, parts: Split, device: Device) -> dict[str, Any]:
    """Start and end on the images that nobody has looked at, and their latencies in turn."""
    folder = trail.folder
    end = loaded(str(folder.path))
    exported = export(end, folder.model, seen_by(end, None, 1))
    start_model = write(trail.start.architecture.graph())
    models = {"start": start_model, "adapted": folder.model.read_bytes()}
    latencies = device.compare(models, budget_s=2 * trail.config.measure_s)
    tested = score(in_torch(end), images, parts.test).top1
    rows = {}
    for name, architecture, size, right in (
        ("start", trail.start.architecture, len(start_model), trail.tested),
        ("adapted", end.architecture, exported.size_bytes, tested),
    ):
        graph = architecture.graph()
        rows[name] = {
            "accuracy": right,
            "latency": latencies[name].to_dict(),
            "madds": madds(graph),
            "parameters": parameters(graph),
            "size_bytes": size,
            "digest": architecture.digest,
        }
    return {**rows, "tested_on": len(parts.test), "steps": len(trail.steps)}


def _device(config: AdaptConfig, network: Architecture, scale: float | None = None) -> Device:
    return open_device(
        config.device,
        write(network.graph()),
        threads=config.threads,
        reference_ms=scale,
        program=config.benchmark_model,
    )
