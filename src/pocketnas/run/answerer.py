"""A network ready to be asked: in torch, or a `.tflite` in LiteRT."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pocketnas.data.feed import Feed, stored_feed
from pocketnas.errors import ModelError
from pocketnas.run.check import one_input
from pocketnas.run.loaded import Loaded, loaded
from pocketnas.tflite.runner import Runner
from pocketnas.train.network import Network, load_weights
from pocketnas.train.score import answers

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Answerer:
    """A network that answers.

    Attributes:
        name: what the user called it.
        kind: torch, or the type of a `.tflite`'s input.
        side: of its input in pixels.
        channels: of its input.
        outputs: how many classes it tells apart.
        feed: how an image becomes its input, and what its outputs are called.
        answer: uint8 (images, height, width, channels), of whose middle it sees `side` pixels, to
            logits (images, outputs).
    """

    name: str
    kind: str
    side: int
    channels: int
    outputs: int
    feed: Feed
    answer: Callable[[NDArray[np.uint8]], Logits]

    @property
    def resized(self) -> int:
        """What the short side of an image is resized to."""
        return self.feed.resized(self.side)

    def called(self, output: int) -> str:
        """The name of an output."""
        return self.feed.classes[output] if self.feed.classes else f"class {output}"


def answerer(
    word: str,
    weights: Path | None = None,
    *,
    resolution: int | None = None,
    device: str = "cpu",
) -> Answerer:
    """Loads what `word` names.

    Args:
        word: what `subject` takes. What lies beside a `.tflite` as `….tflite.json` or `….json` says
            how it is fed.
        weights: a checkpoint; None takes a run's own.
        resolution: side of the image in pixels instead of the network's own.
        device: for torch.

    Raises:
        ModelError: there are no weights, they do not fit, or LiteRT refuses the file.
        SettingError: weights or a resolution for a `.tflite`.
    """
    path = Path(word)
    if path.suffix == ".tflite":
        if weights is not None or resolution is not None:
            raise ModelError(f"{word}: has weights and a resolution of its own")
        return _litert(word, path)
    return in_torch(loaded(word, weights, resolution=resolution), device)


def in_torch(given: Loaded, device: str = "cpu") -> Answerer:
    """The network in torch."""
    graph = given.architecture.graph()
    network = Network(graph).to(device)
    load_weights(network, given.weights)
    side, _, channels = graph.nodes[0].shape
    return Answerer(
        name=given.name,
        kind="torch",
        side=side,
        channels=channels,
        outputs=graph.nodes[-1].shape[-1],
        feed=given.feed,
        answer=lambda pixels: answers(network, pixels, given.feed.pixels).numpy(),
    )


def _litert(word: str, path: Path) -> Answerer:
    try:
        run = Runner(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    if len(run.shape) != 4 or run.shape[1] != run.shape[2]:
        raise ModelError(f"{path}: needs one square image (1, side, side, channels) as its input")
    beside = path.with_name(f"{path.name}.json"), path.with_suffix(".json")
    feed = next(filter(None, map(stored_feed, beside)), Feed())

    def answer(pixels: NDArray[np.uint8]) -> Logits:
        x = one_input(pixels, run.shape[1], feed.pixels)
        return np.concatenate([run(x[[i]]) for i in range(len(x))])

    blank = np.zeros((1, *run.shape[1:]), np.uint8)
    return Answerer(
        name=word,
        kind="int8" if run.is_integer else "float32",
        side=run.shape[1],
        channels=run.shape[3],
        outputs=answer(blank).shape[-1],
        feed=feed,
        answer=answer,
    )
