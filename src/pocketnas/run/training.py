"""Trainings as tasks for worker processes."""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from time import perf_counter

import torch

from pocketnas.arch.architecture import Architecture
from pocketnas.data.images import Images, Split, split
from pocketnas.data.load import load_cached
from pocketnas.errors import ModelError
from pocketnas.run.folder import save_weights, write_bytes
from pocketnas.train.network import weights_of
from pocketnas.train.recipe import Recipe
from pocketnas.train.score import accuracy
from pocketnas.train.trainer import Training


@dataclass(frozen=True, slots=True)
class Task:
    """One network to train on the run's images.

    `weights` is where a final training leaves its weights; a proxy training (None) keeps none and
    never looks at the test images. A training with `until` stops after so many of its recipe's
    epochs and leaves all that it needs to go on in `partial`; one without goes on from there.
    """

    architecture: Architecture
    images: Path
    recipe: Recipe
    seed: int
    accelerator: str
    weights: Path | None = None
    until: int | None = None
    partial: Path | None = None

    @property
    def epochs(self) -> int:
        """After how many epochs it ends."""
        return self.until or self.recipe.epochs


@dataclass(frozen=True, slots=True)
class Trained:
    """Top-1 accuracies in [0, 1] and the time it took; `test` only of a final training."""

    validation: float
    test: float | None
    seconds: float


def run_task(task: Task) -> Trained:
    """Trains one network; what a worker process does.

    Raises:
        ModelError: the training diverged.
        StudyError: a file cannot be written.
    """
    began = perf_counter()
    images, parts = _images(task.images, task.seed)
    training = Training(
        task.architecture.graph(),
        images,
        parts.train,
        task.recipe,
        seed=task.seed,
        device=task.accelerator,
    )
    if task.partial:
        _go_on(training, task.partial)
    network = training.run(task.epochs)
    if task.partial and task.until:
        buffer = BytesIO()
        torch.save(training.state(), buffer)
        write_bytes(task.partial, buffer.getvalue())
    validation = accuracy(network, images, parts.validation)
    test = None
    if task.weights:
        test = accuracy(network, images, parts.test)
        save_weights(task.weights, weights_of(network))
    return Trained(validation, test, perf_counter() - began)


def _go_on(training: Training, partial: Path) -> None:
    """From the file, if it is there and whole; else the training begins anew, to the same end."""
    try:
        training.restore(torch.load(partial, map_location="cpu", weights_only=True))
    except (OSError, EOFError, UnpicklingError, RuntimeError, ModelError):
        return


def setup_worker(threads: int) -> None:
    """Prepares a worker: so many threads, and reproducible kernels."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False


@cache
def _images(path: Path, seed: int) -> tuple[Images, Split]:
    """The run's images, opened once a process, and their split."""
    images = load_cached(path)
    return images, split(images, seed=seed)
