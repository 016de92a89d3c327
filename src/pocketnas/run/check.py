"""Is the written `.tflite` the trained network? Both see the same real images."""

from typing import Any

import numpy as np
import torch

from pocketnas.errors import ModelError
from pocketnas.tflite.runner import Runner
from pocketnas.train.augment import to_input
from pocketnas.train.images import Images, Indices
from pocketnas.train.network import Network
from pocketnas.train.trainer import logits

TOLERANCE = 1e-3
"""Largest allowed difference of two logits, as a share of the largest logit (float32 rounding)."""


def check(model: bytes, network: Network, images: Images, indices: Indices) -> dict[str, Any]:
    """Runs `model` through LiteRT, and `network` through torch, on `images[indices]`.

    Returns:
        images; largest_difference of two logits; agreement, the share of equal top classes;
        accuracy, the `.tflite`'s own top-1.

    Raises:
        ModelError: they differ by more than rounding explains.
    """
    expected = logits(network, images, indices).numpy()
    run = Runner(model)
    found = np.concatenate(
        [
            run(to_input(images.pixels[[index]]).permute(0, 2, 3, 1).contiguous().numpy())
            for index in indices
        ]
    )
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ModelError(
            f"the exported model differs from the trained network by {difference:.2g} on"
            f" {len(indices)} images; up to {TOLERANCE:g} of the largest output is rounding"
        )
    top = torch.from_numpy(found).argmax(1).numpy()
    return {
        "images": len(indices),
        "largest_difference": difference,
        "agreement": float((top == expected.argmax(1)).mean()),
        "accuracy": float((top == images.labels[indices]).mean()),
    }
