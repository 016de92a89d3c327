"""A `.tflite` of one node alone, to time it by itself."""

from dataclasses import replace

from pocketnas import __version__
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import Input, weights
from pocketnas.tflite.assembly import Assembly
from pocketnas.tflite.filler import filler
from pocketnas.tflite.neighbours import Neighbours
from pocketnas.tflite.operators import lower
from pocketnas.tflite.precision import Float32, Int8


def write_alone(node: Node, *, quantize: bool = False) -> bytes:
    """The flatbuffer of one node of a folded graph, with made-up weights.

    Args:
        node: any but an input or a dropout.
        quantize: int8 instead of float32.
    """
    inputs = tuple(f"input_{i}" for i in range(len(node.inputs)))
    node = replace(node, name="node", inputs=inputs)
    arrays = {}
    if weights(node.op, node.input_shapes):  # such a node reads one map
        source = Node(inputs[0], Input(node.input_shapes[0]), (), (), node.input_shapes[0])
        arrays = filler(Graph((source, node), (node.name,)))
    net = Assembly(Int8() if quantize else Float32())
    for name, shape in zip(inputs, node.input_shapes, strict=True):
        net.tensor(name, (1, *shape))
    lower(net, node, arrays, Neighbours(None, is_end=False, is_positive=False))
    return net.finish(
        {name: name for name in inputs}, {"output": "node"}, f"PocketNAS {__version__}"
    )
