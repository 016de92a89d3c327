"""Plausible weights for a network that nobody has trained yet, so that its time can be measured."""

from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from pocketnas.graph.graph import Graph
from pocketnas.graph.state import state


def filler(graph: Graph) -> dict[str, NDArray[np.float32]]:
    """The same weights every time, of He's scale: sqrt(2 / inputs of one output).

    Latency depends on the values in one way only: arithmetic on denormal numbers is many times
    slower, and activations that shrink or grow from layer to layer end there, or at infinity.
    Drawing a few million normal numbers takes longer than writing the file; so one short block of
    them is repeated. Its prime length keeps the filters of a layer different from each other.
    """
    block = np.random.default_rng(0).standard_normal(4099).astype(np.float32)
    found = {}
    for key, shape in state(graph).items():
        match key.rpartition(".")[2], len(shape):
            case "weight", 1:
                value = np.ones(shape, np.float32)
            case "weight", _:
                scale = np.float32(sqrt(2 / prod(shape[1:])))
                value = np.resize(block * scale, shape)
            case "running_var", _:
                value = np.ones(shape, np.float32)
            case _:
                value = np.resize(block * np.float32(0.01), shape)
        found[key] = value
    return found
