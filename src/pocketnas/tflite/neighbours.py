"""What the operators of a node depend on besides the node: a clamp behind it, who reads it."""

from dataclasses import dataclass

from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import Activation, Add, BatchNorm, Conv, Dense, Depthwise, Kind, Multiply

# What these ops compute last can end in a clamp at no cost.
_FUSING = Conv | Depthwise | Dense | BatchNorm | Add | Multiply

# Activations whose values are never below 0.
_POSITIVE: tuple[Kind, ...] = ("relu", "relu6", "sigmoid", "hsigmoid")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the operators of a node depend on, besides the node.

    `clamp` is a relu or relu6 to end in (only after an op that can), `is_end` says that only the
    network's output reads the value, `is_positive` that the first input has nothing below 0.
    """

    clamp: Kind | None
    is_end: bool
    is_positive: bool


def neighbours(graph: Graph) -> dict[str, Neighbours]:
    """Node → what it can use of its neighbours; a clamp that the node before computes is no key."""
    reads = graph.consumers()
    ops = {node.name: node.op for node in graph.nodes}
    kinds = {name: op.kind for name, op in ops.items() if isinstance(op, Activation)}
    clamps = {
        source: node.name
        for node in graph.nodes
        for source in node.inputs
        if kinds.get(node.name) in ("relu", "relu6")
        and isinstance(ops[source], _FUSING)
        and reads[source] == 1
    }
    found = {}
    for node in graph.nodes:
        if node.name not in clamps.values():
            clamp = clamps.get(node.name)
            last = clamp or node.name
            found[node.name] = Neighbours(
                clamp=kinds[clamp] if clamp else None,
                is_end=last in graph.outputs and reads[last] == 1,
                is_positive=any(kinds.get(source) in _POSITIVE for source in node.inputs[:1]),
            )
    return found
