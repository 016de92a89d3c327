"""One node alone computes what it computes in its network, and runs in LiteRT by itself."""

import numpy as np
import pytest

from pocketnas.graph.fold import fold
from pocketnas.graph.graph import Node
from pocketnas.graph.ops import Dropout, Input
from pocketnas.tflite.alone import write_alone
from pocketnas.tflite.runner import Runner
from pocketnas.zoo.registry import entry
from ai_edge_litert.interpreter import Interpreter


def nodes(name: str) -> list[Node]:
    graph = fold(entry(name).architecture(resolution=32).graph())
    kinds: dict[tuple, Node] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Input | Dropout):
            kinds.setdefault((type(node.op), getattr(node.op, "kind", None)), node)
    return list(kinds.values())
