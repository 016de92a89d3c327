"""A network with its weights and with what its weights do not say."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pocketnas.arch.architecture import Architecture
from pocketnas.data.feed import CENTRE, Feed, stored_feed
from pocketnas.data.pixels import Pixels
from pocketnas.data.synsets import named, synsets
from pocketnas.errors import ModelError
from pocketnas.run.folder import load_weights
from pocketnas.run.subject import subject
from pocketnas.zoo.weights import load


@dataclass(frozen=True, slots=True)
class Loaded:
    """A trained network.

    Attributes:
        name: what the user called it.
        architecture: of the network.
        weights: by the keys of its graph.
        feed: how it is fed.
    """

    name: str
    architecture: Architecture
    weights: dict[str, NDArray[Any]]
    feed: Feed

    def with_pixels(
        self, mean: tuple[float, ...] | None, std: tuple[float, ...] | None
    ) -> "Loaded":
        """With another scale of its input, where one is given.

        Raises:
            ModelError: it does not have one value, or one for each channel.
        """
        pixels = Pixels(mean or self.feed.pixels.mean, std or self.feed.pixels.std)
        channels = self.architecture.channels
        if not {len(pixels.mean), len(pixels.std)} <= {1, channels}:
            raise ModelError(
                f"mean and std: need one value, or one for each of {channels} channels"
            )
        return replace(self, feed=replace(self.feed, pixels=pixels))


def loaded(word: str, file: Path | None = None, *, resolution: int | None = None) -> Loaded:
    """Loads a network.

    Args:
        word: what `subject` takes, but for a `.tflite`.
        file: the weights; None takes a run's own. What lies beside them as `.json` says how the
            network is fed; without it a network of the zoo is fed as published.
        resolution: side of the image in pixels instead of the network's own.

    Raises:
        ModelError: there are no weights, or they do not fit.
    """
    given = subject(word, resolution=resolution)
    if given.architecture is None:
        raise ModelError(f"{word}: is exported already")
    file = file or given.weights
    if file is None:
        missing = (
            "a checkpoint of this network"
            if given.published
            else "there is no .safetensors beside it"
        )
        raise ModelError(f"{word}: needs --weights; {missing}")
    said = stored_feed(file.with_suffix(".json"))
    if given.published is None:
        return Loaded(word, given.architecture, load_weights(file), said or Feed())
    found = load(word, file, resolution=resolution)
    usual = Feed(found.pixels, CENTRE, _classes(found.architecture))
    return Loaded(word, found.architecture, dict(found.weights), said or usual)


def _classes(architecture: Architecture) -> tuple[str, ...]:
    """ImageNet's, for a published network with as many outputs."""
    outputs = architecture.graph().nodes[-1].shape[-1]
    return named(synsets()) if outputs == len(synsets()) else ()
