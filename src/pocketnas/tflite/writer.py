"""Graph → `.tflite`, straight into the file format."""

from pocketnas import __version__
from pocketnas.graph.fold import Weights, fold, fold_weights
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.state import check_state
from pocketnas.tflite.assembly import Assembly
from pocketnas.tflite.filler import filler
from pocketnas.tflite.neighbours import neighbours
from pocketnas.tflite.operators import lower, reshape
from pocketnas.tflite.precision import Float32, Int8


def write(graph: Graph, weights: Weights | None = None, *, quantize: bool = False) -> bytes:
    """The flatbuffer of `graph` for one image, with batch norm folded away.

    It maps "image" (1, H, W, C) to "logits", or to "output_0", "output_1", … of a graph with
    several; a 1x1 output has the shape (1, C), others (1, H, W, C). Tensors have the names of
    the nodes that compute them. The same arguments give the same bytes.

    Args:
        graph: as built, with its batch norms.
        weights: by key (`<node>.<weight>`), batch norm's running statistics included. Without
            them the network gets plausible numbers: enough to measure its latency.
        quantize: full-integer instead of float32: int8 input, output and activations, int8 weights
            with a scale for each filter, int32 biases. The ranges of the activations are made up:
            the file has the operators and the latency of the network that
            `pocketnas.tflite.quantize` makes from images, but its outputs mean nothing.

    Raises:
        ModelError: weights are missing, unknown or of another shape.
    """
    folded = fold(graph)
    if weights is None:
        weights = filler(folded)
    else:
        check_state(graph, {key: value.shape for key, value in weights.items()})
        weights = fold_weights(graph, weights)
    net = Assembly(Int8() if quantize else Float32())
    near = neighbours(folded)
    for node in folded.nodes:
        if node.name in near:
            lower(net, node, weights, near[node.name])
        else:
            net.alias(node.name, node.inputs[0])
    tensors = [_flat(net, folded.node(name)) for name in folded.outputs]
    names = ["logits"] if len(tensors) == 1 else [f"output_{i}" for i in range(len(tensors))]
    return net.finish(
        {"image": folded.input.name},
        dict(zip(names, tensors, strict=True)),
        f"PocketNAS {__version__}",
    )


def _flat(net: Assembly, node: Node) -> str:
    """An output tensor: a 1x1 map as (1, C)."""
    if net.shape(node.name)[1:3] != (1, 1):
        return node.name
    return reshape(net, node.name, f"{node.name}/flat", (1, node.shape[2]))
