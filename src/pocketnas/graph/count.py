"""Parameters, multiply-adds and memory, counted op by op.

MAdds are the multiply-accumulates of convolutions and dense layers (those of squeeze-and-excite
included); biases, batch norm, activations and pooling count nothing. This is the convention behind
the published figures of MnasNet, MobileNet and EfficientNet.
"""

from math import prod

from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    Multiply,
    Op,
    weights,
)


def node_parameters(node: Node) -> int:
    """Trained values of one node; a batch norm has two a channel."""
    return sum(prod(shape) for shape in weights(node.op, node.input_shapes).values())


def node_madds(node: Node) -> int:
    """Multiply-accumulates of one node, for one image."""
    match node.op:
        case Conv() | Depthwise():
            kernel = weights(node.op, node.input_shapes)["weight"][1:]
            return prod(node.shape) * prod(kernel)
        case Dense():
            return prod(weights(node.op, node.input_shapes)["weight"])
        case _:
            return 0


def parameters(graph: Graph) -> int:
    """Trained values of the whole graph."""
    return sum(map(node_parameters, graph.nodes))


def madds(graph: Graph) -> int:
    """Multiply-accumulates of the whole graph, for one image."""
    return sum(map(node_madds, graph.nodes))


def peak_memory(graph: Graph, *, bytes_a_value: int = 4) -> int:
    """Bytes of the maps that are alive at once at the worst moment, for one image.

    While a node runs, its inputs, its output and all that is read later are alive, and the image
    always. Sums, products and fused clamps are written over a map that nobody reads any more.
    MCUNet limits this peak (2007.10319). LiteRT's arena with reference kernels is as large in most
    of the zoo, and 10 % larger in EfficientNetV2-S, where gaps remain. Optimized kernels and
    XNNPACK add scratch space of their own; weights are not counted.

    Args:
        graph: folded; unfolded, what several branches compute alike counts more than once.
        bytes_a_value: 4 for float32, 1 for int8.
    """
    last = {name: node.name for node in graph.nodes for name in node.inputs}
    last |= dict.fromkeys((graph.input.name, *graph.outputs), "")
    alive: dict[str, int] = {}
    peak = 0
    for node in graph.nodes:
        read = {name for name in node.inputs if last[name] == node.name}
        size = prod(node.shape)
        if _is_in_place(node.op):
            alive.pop(next((name for name in read if alive[name] == size), ""), None)
        alive[node.name] = size
        peak = max(peak, sum(alive.values()))
        over = read if node.name in last else read | {node.name}
        alive = {name: size for name, size in alive.items() if name not in over}
    return bytes_a_value * peak


def _is_in_place(op: Op) -> bool:
    """Whether LiteRT writes the output over an input, or the convolution before clamps its own."""
    match op:
        case Activation(kind):
            return kind in ("relu", "relu6")
        case Add() | Multiply() | BatchNorm() | Dropout() | DropPath():
            return True
        case _:
            return False
