"""What a deployed network no longer needs: batch norm, what only training does, repetition."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import BatchNorm, Conv, Depthwise, Dropout, DropPath, Op, weights

Weights = Mapping[str, NDArray[np.float32]]


def fold(graph: Graph) -> Graph:
    """The same function at inference: each batch norm becomes its convolution's bias and scale.

    A batch norm that does not directly follow a convolution of its own stays a node. What several
    branches compute alike from one value without weights, as NASNet's cells do, is computed once.
    """
    pairs = _pairs(graph)
    renamed: dict[str, str] = {}
    known: dict[tuple[Op, tuple[str, ...]], str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        if node.name in pairs or isinstance(node.op, Dropout | DropPath):
            renamed[node.name] = inputs[0]
        elif (node.op, inputs) in known and node.name not in graph.outputs:
            renamed[node.name] = known[node.op, inputs]
        elif isinstance(node.op, Conv | Depthwise) and node.name in pairs.values():
            nodes.append(replace(node, inputs=inputs, op=replace(node.op, bias=True)))
        else:
            nodes.append(replace(node, inputs=inputs))
            if not weights(node.op, node.input_shapes):
                known[node.op, inputs] = node.name
    return Graph(tuple(nodes), tuple(renamed.get(name, name) for name in graph.outputs))


def fold_weights(graph: Graph, arrays: Weights) -> dict[str, NDArray[np.float32]]:
    """The weights of `fold(graph)`, computed from those of `graph` in double precision.

    Args:
        graph: before folding.
        arrays: by key, running statistics included.
    """
    pairs = _pairs(graph)
    folded = {key: value for key, value in arrays.items() if key.rpartition(".")[0] not in pairs}
    norms = {node.name: node.op for node in graph.nodes if isinstance(node.op, BatchNorm)}
    for norm, conv in pairs.items():
        gamma, beta, mean, variance = (
            arrays[f"{norm}.{key}"].astype(np.float64)
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + norms[norm].epsilon)
        kernel = arrays[f"{conv}.weight"]
        bias = arrays.get(f"{conv}.bias", np.zeros(len(kernel), np.float32))
        folded[f"{conv}.weight"] = (kernel * scale[:, None, None, None]).astype(np.float32)
        folded[f"{conv}.bias"] = (beta + (bias - mean) * scale).astype(np.float32)
    return folded


def _pairs(graph: Graph) -> dict[str, str]:
    """Batch norm → the convolution that it directly follows and alone reads."""
    convs = {n.name for n in graph.nodes if isinstance(n.op, Conv | Depthwise)}
    reads = graph.consumers()
    return {
        node.name: node.inputs[0]
        for node in graph.nodes
        if isinstance(node.op, BatchNorm) and node.inputs[0] in convs and reads[node.inputs[0]] == 1
    }
