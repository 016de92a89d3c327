"""Plausible weights for a network that nobody has trained yet, so that its time can be measured."""

from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import Activation
from pocketnas.graph.state import state


def filler(graph: Graph) -> dict[str, NDArray[np.float32]]:
    """The same weights every time, which keep the size of what passes through.

    Latency depends on the values in one way only: arithmetic on denormal numbers is many times
    slower, and activations that shrink or grow from layer to layer end there, or at infinity (in
    int8 at its bounds, where a branch is easily predicted). So kernels are normal with a variance
    of 1 over the inputs of one output, twice that where an activation has halved what comes in (He
    et al., 1502.01852, section 2.2).

    Drawing a few million normal numbers takes longer than writing the file; so one short block of
    them is repeated. Its prime length keeps the filters of a layer different from each other.
    """
    block = np.random.default_rng(0).standard_normal(4099).astype(np.float32)
    halved = {node.name for node in graph.nodes if isinstance(node.op, Activation)}
    sources = {node.name: node.inputs[:1] for node in graph.nodes}
    found = {}
    for key, shape in state(graph).items():
        owner, _, name = key.rpartition(".")
        match name, len(shape):
            case (("weight" | "running_var"), 1):
                value = np.ones(shape, np.float32)
            case "weight", _:
                gain = 2 if halved.issuperset(sources[owner]) else 1
                value = np.resize(block * np.float32(sqrt(gain / prod(shape[1:]))), shape)
            case "running_mean", _:
                value = np.zeros(shape, np.float32)
            case _:
                value = np.resize(block * np.float32(0.3), shape)
        found[key] = value
    return found
