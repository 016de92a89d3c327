"""A graph: nodes in execution order, each used by the name of its path."""

from collections import Counter
from dataclasses import dataclass

from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import Input, Op, Shape


@dataclass(frozen=True, slots=True)
class Node:
    """One op. `name` is a stable path (`stages.2.0.expand.conv`): it keys weights and taps."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in an order in which they can run, each assigned once, and the outputs' names."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    @property
    def input(self) -> Node:
        """The node that stands for the image."""
        return self.nodes[0]

    def node(self, name: str) -> Node:
        """The node called `name`.

        Raises:
            ArchitectureError: there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise ArchitectureError(f"the graph has no node {name!r}")

    def consumers(self) -> Counter[str]:
        """How often each value is read, by nodes and as an output."""
        reads = Counter(name for node in self.nodes for name in node.inputs)
        return reads + Counter(self.outputs)

    def __post_init__(self) -> None:
        known: set[str] = set()
        for node in self.nodes:
            if node.name in known:
                raise ArchitectureError(f"two nodes are called {node.name!r}")
            if missing := [name for name in node.inputs if name not in known]:
                raise ArchitectureError(f"{node.name}: reads {missing[0]!r}, not yet there")
            if isinstance(node.op, Input) != (node is self.nodes[0]):
                raise ArchitectureError(f"{node.name}: a graph has one input, its first node")
            known.add(node.name)
        if missing := [name for name in self.outputs if name not in known]:
            raise ArchitectureError(f"the output {missing[0]!r} is not a node")
