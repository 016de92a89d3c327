"""One node alone: it runs in LiteRT by itself, float and int8, and does its own work only."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from pocketnas.graph.fold import fold
from pocketnas.graph.graph import Node
from pocketnas.graph.ops import Dropout, Input
from pocketnas.tflite.alone import write_alone
from pocketnas.tflite.cut import cut
from pocketnas.tflite.writer import write
from pocketnas.zoo.registry import entry


def different(name: str) -> list[Node]:
    """The nodes of a network that differ in more than their sizes."""
    found: dict[object, Node] = {}
    for node in fold(entry(name).architecture(resolution=32).graph()).nodes:
        if not isinstance(node.op, Input | Dropout):
            kernel = getattr(node.op, "kernel", None)
            found.setdefault((type(node.op), kernel, getattr(node.op, "kind", None)), node)
    return list(found.values())


@pytest.mark.parametrize("quantize", [False, True], ids=["float", "int8"])
@pytest.mark.parametrize("name", ["mobilenet_v3_small", "mnasnet_a1", "nasnet_a_mobile"])
def test_every_kind_of_node_runs_by_itself(name: str, quantize: bool) -> None:
    for node in different(name):
        interpreter = Interpreter(model_content=write_alone(node, quantize=quantize))
        interpreter.allocate_tensors()
        given, [output] = interpreter.get_input_details(), interpreter.get_output_details()
        assert sorted(tuple(each["shape"]) for each in given) == sorted(
            (1, *shape) for shape in node.input_shapes
        )
        for each in given:
            interpreter.set_tensor(each["index"], np.ones(each["shape"], each["dtype"]))
        interpreter.invoke()
        assert interpreter.get_tensor(output["index"]).shape[-1] == node.shape[2]


def test_it_has_the_operators_of_its_node_and_no_others() -> None:
    whole = entry("mnasnet_a1").architecture(resolution=32).graph()
    of_whole: dict[str, list[str]] = {}
    for piece in cut(write(whole)):
        of_whole.setdefault(piece.name.partition("/")[0], []).append(piece.op)
    for node in fold(whole).nodes:
        if node.name in of_whole and not node.name.startswith("head"):  # its end is made flat
            assert [piece.op for piece in cut(write_alone(node))] == of_whole[node.name]
