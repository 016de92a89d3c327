"""What takes time in a deployed network: its operators, each told by its shapes alone.

Two operators that are equal here do the same work on other weights, so one price holds for both,
in whatever network they are.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Self, assert_never

from pocketnas.errors import ArchitectureError
from pocketnas.graph.count import node_madds
from pocketnas.graph.fold import fold
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import (
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    GlobalAvgPool,
    Input,
    MaxPool,
    Multiply,
    Op,
    Padding,
    Shape,
    Shift,
)
from pocketnas.tflite.neighbours import neighbours


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; shapes are (height, width, channels).

    Attributes:
        family: what it computes, without its sizes: `conv 3x3 s2`, `depthwise 5x5`, `add`.
        inputs: shapes that it reads.
        output: shape that it writes.
        madds: its multiply-adds.
    """

    family: str
    inputs: tuple[Shape, ...]
    output: Shape
    madds: int = 0

    @property
    def kind(self) -> str:
        """Families whose operators behave alike in a network: `conv 1x1`, `conv`, `depthwise`."""
        return "conv 1x1" if self.family == "conv 1x1" else self.family.partition(" ")[0]

    @property
    def maps(self) -> int:
        """Values that it reads and writes at run time."""
        return sum(map(prod, self.inputs)) + prod(self.output)

    @property
    def weights(self) -> int:
        """Weights, where each is used once a pixel; biases are left out."""
        return self.madds // (self.output[0] * self.output[1])

    def __str__(self) -> str:
        read = " + ".join(map(_size, self.inputs))
        return f"{self.family} {read} > {_size(self.output)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ArchitectureError: these are not its values.
        """
        try:
            return cls(
                family=str(values["family"]),
                inputs=tuple(_shape(shape) for shape in values["inputs"]),
                output=_shape(values["output"]),
                madds=int(values["madds"]),
            )
        except (KeyError, TypeError, ValueError):
            raise ArchitectureError(f"operator: these are not its values: {values!r}") from None


def operators(graph: Graph) -> list[tuple[Node, Operator]]:
    """The operators of the deployed network beside their nodes, in order.

    A relu or relu6 that an operator can end in costs nothing, and is none.

    Args:
        graph: as built, with its batch norms, or folded.
    """
    folded = fold(graph)
    near = neighbours(folded)
    return [
        (node, Operator(_family(node.op), node.input_shapes, node.shape, node_madds(node)))
        for node in folded.nodes
        if node.name in near and not isinstance(node.op, Input)
    ]


def _family(op: Op) -> str:
    match op:
        case Conv(_, (height, width), stride, padding, groups, _, dilation):
            many = f" g{groups}" if groups > 1 else ""
            return f"conv {height}x{width}{_how(stride, padding, dilation)}{many}"
        case Depthwise((height, width), stride, padding, _, dilation):
            return f"depthwise {height}x{width}{_how(stride, padding, dilation)}"
        case MaxPool(kernel, stride, padding):
            return f"maxpool {kernel}x{kernel}{_how(stride, padding)}"
        case AvgPool(kernel, stride, padding):
            return f"avgpool {kernel}x{kernel}{_how(stride, padding)}"
        case Activation(kind):
            return str(kind)
        case (
            Add() | Multiply() | Concat() | GlobalAvgPool() | Dense() | Shift() | BatchNorm()
            | Dropout() | DropPath() | Input()
        ):  # fmt: skip
            return type(op).__name__.lower()
        case _:
            assert_never(op)


def _how(stride: int, padding: Padding, dilation: int = 1) -> str:
    words = [f"s{stride}"] * (stride > 1) + [padding] * (padding != "same")
    words += [f"d{dilation}"] * (dilation > 1)
    return "".join(f" {word}" for word in words)


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _shape(values: Any) -> Shape:
    height, width, channels = map(int, values)
    return height, width, channels
