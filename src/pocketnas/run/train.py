"""The run of `pocketnas train`: images, network, training, its test accuracy, the files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from time import monotonic, perf_counter
from typing import Any, Protocol

import numpy as np
import torch

from pocketnas.arch.notation import to_lines
from pocketnas.data.images import Images, Split, split
from pocketnas.data.load import load
from pocketnas.errors import ModelError, SettingError, StudyError
from pocketnas.graph.count import madds, parameters
from pocketnas.report.curves import curves_png
from pocketnas.run.folder import RunFolder, save_weights, write_bytes, write_json
from pocketnas.run.ship import versions
from pocketnas.run.start import Start, start
from pocketnas.run.train_config import TrainConfig
from pocketnas.train.network import Network, weights_of
from pocketnas.train.recipe import Recipe
from pocketnas.train.score import accuracy
from pocketnas.train.trainer import Training

CHECKPOINT_S = 60.0
"""A kill costs no more than this much training."""

MARGIN = 0.875
"""The network sees this share of an image's side where the recipe crops (Inception's 224 / 256)."""


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


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training came to.

    Attributes:
        accuracy: top-1 of the held-out images.
        held_out: how many they are.
        trained_on: how many images the network was trained on.
        epochs: of the training.
        seconds: of all its sessions.
        records: a line of the log for each epoch.
        about: what `best.json` says.
    """

    accuracy: float
    held_out: int
    trained_on: int
    epochs: int
    seconds: float
    records: tuple[dict[str, Any], ...]
    about: dict[str, Any]


def train(config: TrainConfig, folder: RunFolder, follow: Follow) -> TrainResult:
    """Trains a network, or goes on with what the folder holds.

    Raises:
        PocketNASError: one sentence; the latest checkpoint is in the folder.
    """
    device = config.device or ("cuda" if torch.cuda.is_available() else "cpu")
    images = _images(config, folder, follow)
    parts = split(images, seed=config.seed, test=config.hold_out)
    fitted_on = np.sort(np.concatenate([parts.train, parts.validation]))
    recipe = config.planned(flips=images.flips)
    begun = start(
        config.network,
        Path(config.weights) if config.weights else None,
        images,
        resolution=_side(config, images),
        smallest=config.smallest,
    )
    write_json(folder.settings, config.to_dict())
    training = _training(config, recipe, begun, images, fitted_on, device)
    records = _resumed(training, folder)
    graph = begun.architecture.graph()
    follow.note(
        f"{config.network}: {parameters(graph):,} parameters, {madds(graph) / 1e6:,.1f} M MAdds at"
        f" {begun.architecture.resolution} pixels; recipe {config.recipe_name}, {recipe.epochs}"
        f" epochs of {training.batches.steps} steps on {device}"
    )
    if begun.new:
        follow.note(f"new weights: {', '.join(begun.new)}; all others from {config.weights}")
    follow.begin(training, recipe.epochs)
    clock = _Clock(records, monotonic())
    saved_at = [monotonic()]

    def after_step() -> None:
        follow.stepped(training)
        if monotonic() - saved_at[0] > CHECKPOINT_S:
            saved_at[0] = monotonic()
            _save(training, records, folder)

    def after_epoch(epoch: int, loss: float) -> None:
        seconds, waited = clock.lap(training)
        records.append(
            {
                "epoch": epoch,
                "loss": loss,
                "accuracy": accuracy(training.result(), images, parts.test, device, begun.scale),
                "learning_rate": training.rate,
                "images_per_second": training.batches.steps * training.batches.size / seconds,
                "waiting": waited / seconds,
                "seconds": clock.total(),
            }
        )
        clock.skip()
        _save(training, records, folder)
        _log(records, folder)
        follow.epoch(records[-1], recipe.epochs)

    network = training.run(recipe.epochs, after_epoch, after_step)
    return _finished(
        config, recipe, begun, network, images, parts, len(fitted_on), records, folder, device
    )


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


def _images(config: TrainConfig, folder: RunFolder, follow: Follow) -> Images:
    """Decoded once into the folder, a little larger than the network's input if it is to crop."""
    side = config.resolution
    if side and config.planned(flips=True).augmentation.crop is not None:
        side = round(side / MARGIN)

    def progress(done: int, total: int) -> None:
        if done == total or done % 2000 == 0:
            follow.note(f"decoded {done} of {total} images")

    images = load(config.data, resolution=side, cache=folder.images, progress=progress)
    if images.skipped:
        names = "; ".join(images.skipped[:5])
        more = f"; and {len(images.skipped) - 5} more" if len(images.skipped) > 5 else ""
        follow.note(f"skipped {len(images.skipped)} files: {names}{more}")
    return images


def _side(config: TrainConfig, images: Images) -> int:
    return config.resolution or images.resolution


def _training(
    config: TrainConfig,
    recipe: Recipe,
    begun: Start,
    images: Images,
    indices: Any,
    device: str,
) -> Training:
    graph = begun.architecture.graph()
    return Training(
        graph,
        images,
        indices,
        recipe,
        seed=config.seed,
        device=device,
        weights=begun.weights,
        training_graph=begun.architecture.graph(
            drop_path=recipe.drop_path, auxiliary=recipe.auxiliary > 0
        ),
        scale=begun.scale,
        precision=precision_on(device, config.precision),
        parts=config.parts,
    )


def _save(training: Training, records: list[dict[str, Any]], folder: RunFolder) -> None:
    buffer = BytesIO()
    torch.save({"training": training.state(), "records": records}, buffer)
    write_bytes(folder.checkpoint, buffer.getvalue())


def _resumed(training: Training, folder: RunFolder) -> list[dict[str, Any]]:
    """Restores the checkpoint, if there is one; the log up to there.

    Raises:
        StudyError: it is damaged, or of another training.
    """
    if not folder.checkpoint.exists():
        return []
    try:
        kept = torch.load(folder.checkpoint, map_location="cpu", weights_only=True)
        training.restore(kept["training"])
        return list(kept["records"])
    except (OSError, EOFError, UnpicklingError, RuntimeError, KeyError, ModelError) as error:
        raise StudyError(
            f"{folder.checkpoint}: cannot be resumed ({error}); remove it to begin anew"
        ) from None


def _log(records: list[dict[str, Any]], folder: RunFolder) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    write_bytes(folder.log, lines.encode())
    curves_png(records, folder.curves)


def _finished(
    config: TrainConfig,
    recipe: Recipe,
    begun: Start,
    network: Network,
    images: Images,
    parts: Split,
    trained_on: int,
    records: list[dict[str, Any]],
    folder: RunFolder,
    device: str,
) -> TrainResult:
    """The test accuracy, and everything that the other verbs need of a run folder."""
    found = accuracy(network, images, parts.test, device, begun.scale)
    save_weights(folder.best_weights, weights_of(network))
    graph = begun.architecture.graph()
    about = {
        "weights": folder.best_weights.name,
        "input": {
            "shape": [1, *graph.nodes[0].shape],
            "layout": "NHWC",
            "dtype": "float32",
            "mean": list(begun.scale.mean),
            "std": list(begun.scale.std),
            "meaning": "(pixel (0 to 255) - mean) / std; short side resized to"
            f" {images.resolution}, then centre crop",
        },
        "classes": list(images.classes),
        "accuracy": found,
        "madds": madds(graph),
        "parameters": parameters(graph),
        "digest": begun.architecture.digest,
        "block_strings": to_lines(begun.architecture),
        "architecture": begun.architecture.to_dict(),
        "config": config.to_dict(),
        "recipe": {"name": config.recipe_name, "source": recipe.source, "epochs": recipe.epochs},
        "data": {
            "name": images.name,
            "images": len(images),
            "train": trained_on,
            "test": len(parts.test),
            "resolution": images.resolution,
            "channels": images.channels,
        },
        "versions": versions(),
    }
    write_json(folder.about, about)
    return TrainResult(
        accuracy=found,
        held_out=len(parts.test),
        trained_on=trained_on,
        epochs=recipe.epochs,
        seconds=records[-1]["seconds"] if records else 0.0,
        records=tuple(records),
        about=about,
    )


class _Clock:
    """The training's time over all its sessions, without that of scoring."""

    def __init__(self, records: list[dict[str, Any]], now: float) -> None:
        self._before = records[-1]["seconds"] if records else 0.0
        self._spent = 0.0
        self._lap = perf_counter()
        self._waited = 0.0

    def lap(self, training: Training) -> tuple[float, float]:
        """Seconds since the last lap, and how many of them went by waiting for pixels."""
        seconds = perf_counter() - self._lap
        self._spent += seconds
        waited, self._waited = training.batches.waited - self._waited, training.batches.waited
        return seconds, waited

    def total(self) -> float:
        return self._before + self._spent

    def skip(self) -> None:
        """What has passed since the last lap was not training."""
        self._lap = perf_counter()
