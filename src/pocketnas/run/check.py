"""Is the written `.tflite` the trained network? Both see the same real images."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from pocketnas.errors import ModelError
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
    with _quiet():
        interpreter = Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    found = np.empty_like(expected)
    for row, index in enumerate(indices):
        image = to_input(images.pixels[[index]]).permute(0, 2, 3, 1)
        interpreter.set_tensor(source, image.contiguous().numpy())
        interpreter.invoke()
        found[row] = interpreter.get_tensor(target)[0]
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


@contextmanager
def _quiet() -> Iterator[None]:
    """LiteRT announces its delegate on file descriptor 2; that is no news to anybody here."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
