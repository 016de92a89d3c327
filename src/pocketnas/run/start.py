"""What a training begins with: an architecture for the user's images, and weights or none."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.small import SMALLEST, fitted
from pocketnas.data.images import Images
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.errors import ModelError, SettingError
from pocketnas.graph.graph import Graph
from pocketnas.graph.state import state
from pocketnas.run.loaded import loaded
from pocketnas.run.subject import subject

SMALL = 96
"""Below this many pixels a network of the zoo without weights is fitted to small images."""


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of a training.

    Attributes:
        architecture: with an output for each class.
        weights: those taken over; the others are new.
        scale: of its input: that of the weights' training.
        new: names of the layers with new weights, where some were taken over.
    """

    architecture: Architecture
    weights: dict[str, NDArray[Any]] | None = None
    scale: Pixels = OURS
    new: tuple[str, ...] = ()


def start(
    word: str,
    weights: Path | None,
    images: Images,
    *,
    resolution: int | None = None,
    smallest: int | None = None,
) -> Start:
    """The network `word` for `images`.

    Args:
        word: what `subject` takes, but for a `.tflite`.
        weights: a checkpoint to begin with.
        images: of the training.
        resolution: side of its input; None takes the images' own.
        smallest: least side of the last map in pixels; None fits a network of the zoo without
            weights to images below 96 pixels, and leaves all others as they are.

    Raises:
        ModelError: the weights do not fit, or a `.tflite` was given.
        SettingError: the images have other colours than the weights.
    """
    side, classes = resolution or images.resolution, len(images.classes)
    if weights is None:
        network = subject(word, resolution=side).architecture
        if network is None:
            raise ModelError(f"{word}: is exported already; train its run folder or its .json")
        network = replace(for_classes(network, classes), channels=images.channels)
        if smallest is not None or (side < SMALL and not Path(word).exists()):
            network = fitted(network, smallest=smallest or SMALLEST)
        return Start(network)
    given = loaded(word, weights, resolution=side)
    if given.architecture.channels != images.channels:
        raise SettingError(
            f"{weights}: is for images of {given.architecture.channels} channels, those of"
            f" {images.name} have {images.channels}"
        )
    network = for_classes(given.architecture, classes)
    if smallest is not None:
        network = fitted(network, smallest=smallest)
    kept, new = _fitting(network.graph(), given.weights, weights)
    return Start(network, kept, given.feed.pixels, new)


def for_classes(architecture: Architecture, classes: int) -> Architecture:
    """The same network with another number of outputs."""

    def changed(block: Any) -> Any:
        names = [field.name for field in fields(block)]
        return replace(block, classes=classes) if "classes" in names else block

    return replace(
        architecture,
        head=changed(architecture.head),
        auxiliary=architecture.auxiliary and changed(architecture.auxiliary),
    )


def _fitting(
    graph: Graph, weights: dict[str, NDArray[Any]], file: Path
) -> tuple[dict[str, NDArray[np.float32]], tuple[str, ...]]:
    """Those of `weights` that have the shapes of `graph`; only the classifier's may differ."""
    shapes = state(graph)
    kept = {
        key: weights[key] for key in shapes if key in weights and weights[key].shape == shapes[key]
    }
    new = tuple(dict.fromkeys(key.rpartition(".")[0] for key in shapes if key not in kept))
    if wrong := [name for name in new if not name.startswith(("head.", "auxiliary."))]:
        raise ModelError(f"{file}: does not fit the network at {wrong[0]}")
    return kept, new
