"""Trainings as tasks for worker processes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter

import torch

from pocketnas.arch.architecture import Architecture
from pocketnas.run.folder import save_weights
from pocketnas.train.data import load_cached
from pocketnas.train.images import Images, Split, split
from pocketnas.train.network import weights_of
from pocketnas.train.recipe import Recipe
from pocketnas.train.trainer import accuracy, train


@dataclass(frozen=True, slots=True)
class Task:
    """One network to train on the run's images.

    `weights` is where a final training leaves its weights; a proxy training (None) keeps none and
    never looks at the test images.
    """

    architecture: Architecture
    images: Path
    recipe: Recipe
    seed: int
    accelerator: str
    weights: Path | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """Top-1 accuracies in [0, 1] and the time it took; `test` only of a final training."""

    validation: float
    test: float | None
    seconds: float


def run_task(task: Task) -> Trained:
    """Trains one network; what a worker process does."""
    began = perf_counter()
    images, parts = _images(task.images, task.seed)
    network = train(
        task.architecture.graph(),
        images,
        parts.train,
        task.recipe,
        seed=task.seed,
        device=task.accelerator,
    )
    validation = accuracy(network, images, parts.validation, task.accelerator)
    test = None
    if task.weights:
        test = accuracy(network, images, parts.test, task.accelerator)
        save_weights(task.weights, weights_of(network))
    return Trained(validation, test, perf_counter() - began)


def setup_worker(threads: int) -> None:
    """Prepares a worker: so many threads, and reproducible kernels."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False


@cache
def _images(path: Path, seed: int) -> tuple[Images, Split]:
    """The run's images, opened once a process, and their split."""
    images = load_cached(path)
    return images, split(images, seed=seed)
