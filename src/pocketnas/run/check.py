"""Is the written `.tflite` the trained network? Both see the same images."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketnas.data.images import Images, Indices
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.errors import ModelError
from pocketnas.tflite.runner import Runner
from pocketnas.train.augment import centre, to_input
from pocketnas.train.network import Network
from pocketnas.train.score import logits

TOLERANCE = 1e-3
"""Largest allowed difference of two logits, as a share of the largest logit (float32 rounding)."""

_EVERY = 100  # images between two words of the progress

Floats = NDArray[np.float32]
Told = Callable[[str], None]


def check(
    model: bytes,
    network: Network,
    images: Images,
    indices: Indices,
    int8: bytes | None = None,
    *,
    scale: Pixels = OURS,
    told: Told = lambda text: None,
) -> dict[str, Any]:
    """Runs `model` through LiteRT, and `network` through torch, on `images[indices]`.

    Args:
        model: the float `.tflite`.
        network: that it was written from.
        images: of the run.
        indices: of those to look at.
        int8: its full-integer form.
        scale: of the network's input.
        told: hears of the progress.

    Returns:
        images; largest_difference of two logits; agreement, the share of equal top classes;
        accuracy, the `.tflite`'s own top-1, and torch_accuracy, the network's. With `int8` also,
        under that name, its accuracy, its agreement with the network, and the scales and zero
        points of its input and output.

    Raises:
        ModelError: they differ by more than rounding explains.
    """
    labels = images.labels[indices]
    expected = logits(network, images, indices, scale).numpy()
    seen = expected.argmax(1)
    found = outputs(model, images, indices, scale, told)
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ModelError(
            f"the exported model differs from the trained network by {difference:.2g} on"
            f" {len(indices)} images; up to {TOLERANCE:g} of the largest output is rounding"
        )
    top = found.argmax(1)
    said: dict[str, Any] = {}
    if int8 is not None:
        integers, run = outputs(int8, images, indices, scale, told).argmax(1), Runner(int8)
        said["int8"] = {
            "accuracy": float((integers == labels).mean()),
            "agreement": float((integers == seen).mean()),
            "input": {"scale": run.scale, "zero_point": run.zero_point},
            "output": {"scale": run.output_scale, "zero_point": run.output_zero_point},
        }
    return said | {
        "images": len(indices),
        "largest_difference": difference,
        "agreement": float((top == seen).mean()),
        "accuracy": float((top == labels).mean()),
        "torch_accuracy": float((seen == labels).mean()),
    }


def inputs(
    images: Images, indices: Indices, side: int | None = None, scale: Pixels = OURS
) -> Iterator[Floats]:
    """What a `.tflite` is given for these images: the middle, normalized, each (1, H, W, C)."""
    for index in indices:
        yield one_input(images.pixels[[index]], side or images.resolution, scale)


def one_input(pixels: NDArray[np.uint8], side: int, scale: Pixels = OURS) -> Floats:
    """The middle of images (N, H, W, C) as a `.tflite` is given it, (N, side, side, C)."""
    x = to_input(centre(pixels, side), scale=scale)
    found: Floats = x.permute(0, 2, 3, 1).contiguous().numpy()
    return found


def outputs(
    model: bytes,
    images: Images,
    indices: Indices,
    scale: Pixels = OURS,
    told: Told = lambda text: None,
) -> Floats:
    """The logits of a `.tflite`, float or int8, as floats of shape (images, classes)."""
    run, found = Runner(model), []
    for done, x in enumerate(inputs(images, indices, run.shape[1], scale), 1):
        found.append(run(x))
        if done % _EVERY == 0:
            told(f"{'int8' if run.is_integer else 'float'}, {done} of {len(indices)} images")
    return np.concatenate(found)
