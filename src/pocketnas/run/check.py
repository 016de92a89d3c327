"""Is the written `.tflite` the trained network? Both see the same real images."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pocketnas.data.images import Images, Indices
from pocketnas.errors import ModelError
from pocketnas.tflite.runner import Runner
from pocketnas.train.augment import to_input
from pocketnas.train.network import Network
from pocketnas.train.score import logits

TOLERANCE = 1e-3
"""Largest allowed difference of two logits, as a share of the largest logit (float32 rounding)."""


def check(
    model: bytes,
    network: Network,
    images: Images,
    indices: Indices,
    int8: bytes | None = None,
) -> dict[str, Any]:
    """Runs `model` through LiteRT, and `network` through torch, on `images[indices]`.

    Args:
        model: the float `.tflite`.
        network: that it was written from.
        images: of the run.
        indices: of those to look at.
        int8: its full-integer form.

    Returns:
        images; largest_difference of two logits; agreement, the share of equal top classes;
        accuracy, the `.tflite`'s own top-1. With `int8` also, under that name, its accuracy, its
        agreement with the network, and the scales and zero points of its input and output.

    Raises:
        ModelError: they differ by more than rounding explains.
    """
    expected = logits(network, images, indices).numpy()
    found = outputs(model, images, indices)
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ModelError(
            f"the exported model differs from the trained network by {difference:.2g} on"
            f" {len(indices)} images; up to {TOLERANCE:g} of the largest output is rounding"
        )
    top, labels = torch.from_numpy(found).argmax(1).numpy(), images.labels[indices]
    said: dict[str, Any] = {}
    if int8 is not None:
        integers, run = outputs(int8, images, indices).argmax(1), Runner(int8)
        said["int8"] = {
            "accuracy": float((integers == labels).mean()),
            "agreement": float((integers == expected.argmax(1)).mean()),
            "input": {"scale": run.scale, "zero_point": run.zero_point},
            "output": {"scale": run.output_scale, "zero_point": run.output_zero_point},
        }
    return said | {
        "images": len(indices),
        "largest_difference": difference,
        "agreement": float((top == expected.argmax(1)).mean()),
        "accuracy": float((top == labels).mean()),
    }


def inputs(images: Images, indices: Indices) -> Iterator[NDArray[np.float32]]:
    """What a `.tflite` is given for these images: each normalized, (1, H, W, C)."""
    for index in indices:
        yield to_input(images.pixels[[index]]).permute(0, 2, 3, 1).contiguous().numpy()


def outputs(model: bytes, images: Images, indices: Indices) -> NDArray[np.float32]:
    """The logits of a `.tflite`, float or int8, as floats of shape (images, classes)."""
    run = Runner(model)
    return np.concatenate([run(each) for each in inputs(images, indices)])
