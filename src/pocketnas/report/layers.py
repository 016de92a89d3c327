"""What a drawing needs to know of each block, read off the primitive ops alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pocketnas.graph.count import node_madds, node_parameters
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import Add, AvgPool, Conv, Dense, Depthwise, Multiply, Shape


@dataclass(frozen=True, slots=True)
class Step:
    """One convolution or dense layer on a block's main path; `channels` leave it."""

    kernel: int
    channels: int
    depthwise: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """One block: the maps it reads and writes (height, width, channels) and what is between."""

    path: str
    before: Shape
    after: Shape
    steps: tuple[Step, ...]
    gated: bool
    skip: Literal["none", "identity", "pool"]
    madds: int
    parameters: int

    @property
    def kind(self) -> Literal["plain", "separable", "bottleneck"]:
        """What it would be called: by its depthwise step and what comes before that."""
        for i, step in enumerate(self.steps):
            if step.depthwise:
                return "bottleneck" if i else "separable"
        return "plain"

    def __str__(self) -> str:
        """In words, for those who point at it."""
        steps = " → ".join(
            f"{'depthwise ' if step.depthwise else ''}{step.kernel}×{step.kernel} to"
            f" {step.channels}"
            for step in self.steps
        )
        gate = ", squeeze-and-excite" if self.gated else ""
        skip = {"none": "", "identity": ", shortcut", "pool": ", pooled shortcut"}[self.skip]
        counts = f"{self.madds:,} MAdds, {self.parameters:,} parameters"
        shapes = f"{shape_text(self.before)} → {shape_text(self.after)}"
        return f"{self.path}: {shapes}; {steps}{gate}{skip}; {counts}"


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
    for path, nodes in blocks.items():
        parts = path.split(".")
        found.setdefault(".".join(parts[:2]), []).append(_layer(path, nodes))
    return found


def _block(name: str) -> str:
    """The path of the block that a node belongs to."""
    parts = name.split(".")
    return ".".join(parts[: 3 if parts[0] == "stages" else 1])


def _layer(path: str, nodes: Sequence[Node]) -> Layer:
    main = _main_path(nodes)
    return Layer(
        path=path,
        before=main[0].input_shapes[0],
        after=nodes[-1].shape,
        steps=tuple(step for node in main if (step := _step(node))),
        gated=any(isinstance(node.op, Multiply) for node in nodes),
        skip=_skip(nodes),
        madds=sum(map(node_madds, nodes)),
        parameters=sum(map(node_parameters, nodes)),
    )


def _main_path(nodes: Sequence[Node]) -> list[Node]:
    """From the block's input to its output, past the gates and around the shortcuts.

    Where values meet, the main path is the one with more convolutions behind it; the first input
    of a product is the map, the second its gate.
    """
    paths: dict[str, list[Node]] = {}
    for node in nodes:
        inputs = node.inputs[:1] if isinstance(node.op, Multiply) else node.inputs
        behind = [paths[name] for name in inputs if name in paths]
        paths[node.name] = [*max(behind, key=_steps, default=[]), node]
    return paths[nodes[-1].name]


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


def _skip(nodes: Sequence[Node]) -> Literal["none", "identity", "pool"]:
    """Whether a sum reads the block's input, as it is or through a pool."""
    within = {node.name for node in nodes}
    pools = {
        node.name for node in nodes if isinstance(node.op, AvgPool) and node.inputs[0] not in within
    }
    read = {name for node in nodes if isinstance(node.op, Add) for name in node.inputs}
    if read & pools:
        return "pool"
    return "identity" if read - within else "none"
