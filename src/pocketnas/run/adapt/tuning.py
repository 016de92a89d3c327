"""The short trainings of NetAdapt's proposals, as tasks for worker processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np

from pocketnas.arch.architecture import Architecture
from pocketnas.data.draws import order, seed_of
from pocketnas.data.images import Images, Indices
from pocketnas.data.load import load_cached
from pocketnas.data.pixels import Pixels
from pocketnas.netadapt.carry import carried
from pocketnas.run.folder import load_weights, save_weights
from pocketnas.train.augment import Augmentation
from pocketnas.train.network import weights_of
from pocketnas.train.recipe import Recipe
from pocketnas.train.schedules import Cosine
from pocketnas.train.score import accuracy
from pocketnas.train.trainer import Training


@dataclass(frozen=True, slots=True, eq=False)
class TuneTask:
    """One proposal to train for a short while, with the weights of the network that it is from.

    Attributes:
        larger: that network.
        weights: its file.
        smaller: the proposal.
        names: nodes of the proposal that the larger network calls otherwise.
        out: where the proposal's weights go.
        images: the cache.
        train: images to train on.
        held_out: images to score on.
        recipe: of the training; one epoch.
        scale: of the input.
        seed: of everything random.
        device: a torch device.
    """

    larger: Architecture
    weights: Path
    smaller: Architecture
    out: Path
    images: Path
    train: Indices
    held_out: Indices
    recipe: Recipe
    scale: Pixels
    seed: int
    device: str = "cpu"
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TuneResult:
    """Top-1 of the held-out images, and the time that it took."""

    accuracy: float
    seconds: float


def tune(task: TuneTask) -> TuneResult:
    """Carries the weights over, trains and scores; what a worker process does.

    Raises:
        ModelError: the training diverged, or the weights do not fit.
        StudyError: a file cannot be written.
    """
    began = perf_counter()
    images, graph = _images(task.images), task.smaller.graph()
    weights = carried(task.larger.graph(), load_weights(task.weights), graph, task.names)
    training = Training(
        graph,
        images,
        task.train,
        task.recipe,
        seed=task.seed,
        device=task.device,
        weights=weights,
        scale=task.scale,
    )
    network = training.run(task.recipe.epochs)
    found = accuracy(network, images, task.held_out, task.scale)
    save_weights(task.out, weights_of(network))
    return TuneResult(found, perf_counter() - began)


def short_recipe(*, batch: int, learning_rate: float, flip: bool, crops: bool) -> Recipe:
    """One pass over as many images as the steps need; the rate falls to zero, so it is settled."""
    how = Augmentation(crop=0.4, flip=flip) if crops else Augmentation(shift=1 / 8, flip=flip)
    return Recipe(
        epochs=1,
        batch=batch,
        learning_rate=learning_rate,
        schedule=Cosine(0.0),
        augmentation=how,
        source="short trainings of NetAdapt's proposals",
    )


def some(train: Indices, seed: int, number: int, count: int) -> Indices:
    """The images of a step: others in each, the same for all its proposals."""
    found = order(seed_of(seed, number), 0, len(train))[: min(count, len(train))]
    return np.sort(train[found])


@cache
def _images(path: Path) -> Images:
    return load_cached(path)
