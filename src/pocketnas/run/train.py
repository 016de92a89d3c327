"""The run of `pocketnas train`: images, network, training, its test accuracy, the files."""

import json
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Protocol

import torch

from pocketnas.data.feed import CENTRE
from pocketnas.data.images import Images, Split, split
from pocketnas.errors import SettingError
from pocketnas.graph.count import madds, parameters
from pocketnas.report.curves import curves_png
from pocketnas.run.checkpoint import Records, resumed, save
from pocketnas.run.folder import RunFolder, save_weights, write_bytes, write_json
from pocketnas.run.images import opened
from pocketnas.run.start import Start, start
from pocketnas.run.together import Job, together
from pocketnas.run.train_config import TrainConfig
from pocketnas.run.trained import TrainResult, about
from pocketnas.train.network import Network, weights_of
from pocketnas.train.score import accuracy
from pocketnas.train.trainer import Training

CHECKPOINT_S = 60.0
"""A kill costs no more than this much training."""


class Follow(Protocol):
    """Hears how a training goes."""

    def note(self, text: str) -> None:
        """Something that a reader of the log wants to know."""
        ...

    def begin(self, training: Training, epochs: int) -> None:
        """The training is about to begin or to go on."""
        ...

    def stepped(self, training: Training) -> None:
        """After each step; has to be quick."""
        ...

    def epoch(self, record: Mapping[str, Any], epochs: int) -> None:
        """After each epoch, with its line of the log."""
        ...


def train(config: TrainConfig, folder: RunFolder, follow: Follow) -> TrainResult:
    """Trains a network, or goes on with what the folder holds.

    Raises:
        PocketNASError: one sentence; the latest checkpoint is in the folder.
    """
    precision_on(devices_called(config.device)[0], config.precision)  # before hours of decoding
    images = opened(config.data, _stored_side(config), folder.images, follow.note)
    parts = split(images, seed=config.seed, test=config.hold_out)
    weights = Path(config.weights) if config.weights else None
    begun = start(
        config.network, weights, images, resolution=config.resolution, smallest=config.smallest
    )
    return fit(config, begun, images, parts, folder, follow)


def fit(
    config: TrainConfig,
    begun: Start,
    images: Images,
    parts: Split,
    folder: RunFolder,
    follow: Follow,
) -> TrainResult:
    """Trains what `begun` begins with on all but the test images, or goes on with it.

    Raises:
        PocketNASError: one sentence; the latest checkpoint is in the folder.
    """
    devices = devices_called(config.device)
    device, recipe = devices[0], config.planned(flips=images.flips)
    trained_on = len(parts.train) + len(parts.validation)
    if (batch := min(recipe.batch, trained_on)) % len(devices):
        raise SettingError(f"--batch must be a multiple of the {len(devices)} devices, got {batch}")
    precision = precision_on(device, config.precision)
    job = Job(config, begun, parts, folder.images, folder.checkpoint, precision)
    write_json(folder.settings, config.to_dict())
    with together(job, devices) as ranks:
        training = job.training(images, device, ranks)
        network, records = _run(job, training, images, folder, follow)
    found = accuracy(network, images, parts.test, begun.scale)
    counts = {"trained_on": trained_on, "held_out": len(parts.test)}
    said = about(config, recipe, begun, images, accuracy=found, **counts)
    save_weights(folder.best_weights, weights_of(network))
    write_json(folder.about, said)
    seconds = records[-1]["seconds"] if records else 0.0
    return TrainResult(accuracy=found, epochs=recipe.epochs, seconds=seconds, about=said, **counts)


def _run(
    job: Job, training: Training, images: Images, folder: RunFolder, follow: Follow
) -> tuple[Network, Records]:
    """Trains to the end, with a line of the log for each epoch."""
    config, begun, test = job.config, job.begun, job.parts.test
    graph, recipe = begun.architecture.graph(), config.planned(flips=images.flips)
    records = resumed(training, folder.checkpoint)
    follow.note(
        f"{config.network}: {parameters(graph):,} parameters, {madds(graph) / 1e6:,.1f} M MAdds at"
        f" {begun.architecture.resolution} pixels; recipe {config.recipe_name}, {recipe.epochs}"
        f" epochs of {training.batches.steps} steps on {config.device or device_called(None)}"
    )
    if begun.new:
        follow.note(f"new weights: {', '.join(begun.new)}; all others from {config.weights}")
    follow.begin(training, recipe.epochs)
    clock = _Clock(training, records)
    saved_at = monotonic()

    def after_step() -> None:
        nonlocal saved_at
        follow.stepped(training)
        if monotonic() - saved_at > CHECKPOINT_S:
            saved_at = monotonic()
            save(training, records, folder.checkpoint)

    def after_epoch(epoch: int, loss: float) -> None:
        speed = clock.lap()
        network = training.result()
        records.append(
            {
                "epoch": epoch,
                "loss": loss,
                "accuracy": accuracy(network, images, test, begun.scale),
                "learning_rate": training.rate,
                **speed,
            }
        )
        save(training, records, folder.checkpoint)
        _log(records, folder)
        follow.epoch(records[-1], recipe.epochs)
        clock.go_on()

    return training.run(recipe.epochs, after_epoch, after_step), records


def devices_called(names: str | None) -> list[str]:
    """The torch devices to train on, one process each.

    Raises:
        SettingError: there is no such device, or they are of different kinds.
    """
    found = [device_called(name) for name in names.split(",")] if names else [device_called(None)]
    if len({name.partition(":")[0] for name in found}) > 1 or (
        len(found) > 1 and "cpu" not in found and len(set(found)) < len(found)
    ):
        raise SettingError(f"--device: several must be different GPUs, got {names}")
    return found


def device_called(name: str | None) -> str:
    """The torch device to train on: a GPU if there is one, unless told otherwise.

    Raises:
        SettingError: there is no such device.
    """
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    allowed = ["cpu", *(["cuda", *gpus] if gpus else [])]
    if name is None:
        return "cuda" if gpus else "cpu"
    if name not in allowed:
        raise SettingError(f"--device: must be one of {', '.join(allowed)} here; got {name!r}")
    return name


def precision_on(device: str, name: str) -> torch.dtype:
    """The data type of products.

    Raises:
        SettingError: the device cannot compute in it.
    """
    if name == "float32":
        return torch.float32
    if not device.startswith("cuda"):
        if name == "auto":
            return torch.float32
        raise SettingError(f"precision {name} needs a GPU; on {device} there is float32")
    if name == "auto":
        name = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    found: torch.dtype = getattr(torch, name)
    return found


def _stored_side(config: TrainConfig) -> int | None:
    """Of the decoded images: a little larger than the network's input if the recipe crops."""
    if config.resolution and config.planned(flips=True).augmentation.crop is not None:
        return round(config.resolution / CENTRE)
    return config.resolution


def _log(records: Records, folder: RunFolder) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    write_bytes(folder.log, lines.encode())
    curves_png(records, folder.curves)


class _Clock:
    """The training's speed, and its time over all its sessions, both without scoring."""

    def __init__(self, training: Training, records: Records) -> None:
        self._training = training
        self._seconds: float = records[-1]["seconds"] if records else 0.0
        self.go_on()

    def lap(self) -> dict[str, float]:
        """Of the steps since `go_on`: a session may begin in the middle of an epoch."""
        batches, seconds = self._training.batches, perf_counter() - self._began
        self._seconds += seconds
        return {
            "images_per_second": (self._training.step - self._step) * batches.size / seconds,
            "waiting": (batches.waited - self._waited) / seconds,
            "seconds": self._seconds,
        }

    def go_on(self) -> None:
        """Training begins again."""
        self._began, self._step = perf_counter(), self._training.step
        self._waited = self._training.batches.waited
