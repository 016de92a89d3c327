"""What a drawing needs to know of each block, read off the primitive ops alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pocketnas.graph.count import node_madds, node_parameters
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import (
    Activation,
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Multiply,
    Shape,
)

Kind = Literal["plain", "separable", "inverted", "fused", "residual", "cell", "classifier"]
Skip = Literal["none", "identity", "pool", "projection"]

KINDS: dict[Kind, tuple[str, str]] = {
    "plain": ("#c2562d", "convolution"),
    "separable": ("#16897a", "depthwise separable"),
    "inverted": ("#3b7bd1", "inverted bottleneck"),
    "fused": ("#7d55b8", "fused bottleneck"),
    "residual": ("#b0416b", "residual"),
    "cell": ("#6d8a1f", "cell of branches"),
    "classifier": ("#7b828c", "classifier"),
}
"""Kind → its colour in all drawings, and what a legend calls it."""

SKIPS: dict[Skip, str] = {
    "identity": "shortcut",
    "pool": "pooled shortcut",
    "projection": "projected shortcut",
}
"""What a legend calls a shortcut."""


@dataclass(frozen=True, slots=True)
class Step:
    """One convolution or dense layer on a block's main path; `channels` leave it."""

    kernel: int
    channels: int
    depthwise: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """One block: the maps it reads and writes (height, width, channels) and what is between.

    `joined` counts the branches that a cell's output consists of; `steps` are those of its longest.
    """

    path: str
    kind: Kind
    before: Shape
    after: Shape
    steps: tuple[Step, ...]
    gated: bool
    skip: Skip
    joined: int
    madds: int
    parameters: int

    def __str__(self) -> str:
        """In words, for those who point at it."""
        steps = " → ".join(
            f"{'depthwise ' if step.depthwise else ''}{step.kernel}×{step.kernel} to"
            f" {step.channels}"
            for step in self.steps
        )
        inside = f"{self.joined} branches joined, the longest {steps}" if self.joined else steps
        gate = ", squeeze-and-excite" if self.gated else ""
        skip = f", {SKIPS[self.skip]}" if self.skip in SKIPS else ""
        counts = f"{self.madds:,} MAdds, {self.parameters:,} parameters"
        shapes = f"{shape_text(self.before)} → {shape_text(self.after)}"
        return f"{self.path}: {shapes}; {inside}{gate}{skip}; {counts}"


def shape_text(shape: Shape) -> str:
    """28×28×40."""
    return "×".join(map(str, shape))


def stages(graph: Graph) -> dict[str, list[Layer]]:
    """The blocks by stage, in order: `stem`, `stages.0`, `stages.1`, …, `head`."""
    blocks: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.inputs:
            blocks.setdefault(_block(node.name), []).append(node)
    found: dict[str, list[Layer]] = {}
    before = graph.input.shape
    for path, nodes in blocks.items():
        parts = path.split(".")
        layer = _layer(path, nodes, before)
        found.setdefault(".".join(parts[:2]), []).append(layer)
        before = layer.after
    return found


def _block(name: str) -> str:
    """The path of the block that a node belongs to."""
    parts = name.split(".")
    return ".".join(parts[: 3 if parts[0] == "stages" else 1])


def _layer(path: str, nodes: Sequence[Node], before: Shape) -> Layer:
    paths = _paths(nodes)
    steps = tuple(step for node in paths[nodes[-1].name] if (step := _step(node)))
    kind = _kind(nodes, steps)
    return Layer(
        path=path,
        kind=kind,
        before=before,
        after=nodes[-1].shape,
        steps=steps,
        gated=any(isinstance(node.op, Multiply) for node in nodes),
        skip="none" if kind == "cell" else _skip(nodes, paths),
        joined=len(nodes[-1].inputs) if isinstance(nodes[-1].op, Concat) else 0,
        madds=sum(map(node_madds, nodes)),
        parameters=sum(map(node_parameters, nodes)),
    )


def _kind(nodes: Sequence[Node], steps: Sequence[Step]) -> Kind:
    """What a block would be called, by what is in it and in which order."""
    ops = {node.name: node.op for node in nodes}
    if any(isinstance(op, Dense) for op in ops.values()):
        return "classifier"
    if any(isinstance(op, Concat) for op in ops.values()):
        return "cell"
    last = nodes[-1]
    if isinstance(last.op, Activation) and isinstance(ops.get(last.inputs[0]), Add):
        return "residual"  # activated after the sum
    for i, step in enumerate(steps):
        if step.depthwise:
            return "inverted" if i else "separable"
    return "fused" if len(steps) > 1 and steps[0].kernel > 1 else "plain"


def _paths(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """From the block's input to each node, past the gates and around the shortcuts.

    Where values meet, the main path is the one with more convolutions behind it; the first input
    of a product is the map, the second its gate.
    """
    paths: dict[str, list[Node]] = {}
    for node in nodes:
        inputs = node.inputs[:1] if isinstance(node.op, Multiply) else node.inputs
        behind = [paths[name] for name in inputs if name in paths]
        paths[node.name] = [*max(behind, key=_steps, default=[]), node]
    return paths


def _steps(path: Sequence[Node]) -> int:
    return sum(_step(node) is not None for node in path)


def _step(node: Node) -> Step | None:
    match node.op:
        case Conv(kernel=kernel):
            return Step(max(kernel), node.shape[2], False)
        case Depthwise(kernel=kernel):
            return Step(max(kernel), node.shape[2], True)
        case Dense():
            return Step(1, node.shape[2], False)
        case _:
            return None


def _skip(nodes: Sequence[Node], paths: dict[str, list[Node]]) -> Skip:
    """How the block's input reaches its last sum: as it is, through a pool or a convolution."""
    add = next((node for node in reversed(nodes) if isinstance(node.op, Add)), None)
    if add is None:
        return "none"
    side = min((paths.get(name, []) for name in add.inputs), key=_steps)
    if any(isinstance(node.op, AvgPool) for node in side):
        return "pool"
    return "projection" if side else "identity"
