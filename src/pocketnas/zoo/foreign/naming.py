"""A naming: the modules of another project's network, by our layers' paths."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block
from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import Padding

Names = dict[str, str]
"""The path of a node or a layer of ours → their module; more than a network has does no harm."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How one project names the layers of a kind of network, and how it trained them.

    Attributes:
        project: whose names they are.
        sign: a key that its checkpoints have and no other project's.
        names: the names of all layers of an architecture.
        trained: padding and batch norms' epsilon of its networks; None as the zoo has them, which
            is TensorFlow's way.
    """

    project: str
    sign: str
    names: Callable[[Architecture], Names]
    trained: tuple[Padding, float] | None = None


def layer(ours: str, conv: str, norm: str) -> Names:
    """The two modules of a convolution with its batch norm."""
    return {f"{ours}.conv": conv, f"{ours}.bn": norm}


def under(ours: str, theirs: str, names: Names) -> Names:
    """The names of a block's layers, where the block lies at `ours` and `theirs`."""
    return {f"{ours}.{key}": f"{theirs}.{module}" for key, module in names.items()}


def blocks(architecture: Architecture) -> Iterator[tuple[int, int, Block]]:
    """Stage, place in the stage, and block."""
    for i, stage in enumerate(architecture.stages):
        for j, block in enumerate(stage):
            yield i, j, block


def renamed(graph: Graph, names: Names) -> Graph:
    """The same graph, whose weights have their keys instead of ours."""

    def theirs(name: str) -> str:
        return names.get(name, name)

    nodes = (
        replace(node, name=theirs(node.name), inputs=tuple(map(theirs, node.inputs)))
        for node in graph.nodes
    )
    return Graph(tuple(nodes), tuple(map(theirs, graph.outputs)))
