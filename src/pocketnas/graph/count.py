"""Parameters and multiply-adds, counted op by op.

MAdds are the multiply-accumulates of convolutions and dense layers (those of squeeze-and-excite
included); biases, batch norm, activations and pooling count nothing. This is the convention behind
the published figures of MnasNet, MobileNet and EfficientNet.
"""

from math import prod

from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import Conv, Dense, Depthwise, weights


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
