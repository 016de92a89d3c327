"""Builds a graph: `add` one op, or use the layers that every paper draws as one box."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pocketnas.errors import ArchitectureError
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import (
    Activation,
    BatchNorm,
    Conv,
    Depthwise,
    Input,
    Kind,
    Op,
    Padding,
    Shape,
    infer,
)


@dataclass(frozen=True, slots=True)
class Value:
    """The output of a node: its name and its shape (height, width, channels)."""

    name: str
    shape: Shape

    @property
    def channels(self) -> int:
        """The number of channels."""
        return self.shape[2]


class Builder:
    """Collects nodes under dotted paths: `with net.scope("stages.0"): …`."""

    def __init__(self, shape: Shape, *, norm: BatchNorm | None = None) -> None:
        self._nodes: list[Node] = []
        self._path: list[str] = []
        self._norm = norm or BatchNorm()
        self.input = self.add("input", Input(shape))

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefixes the names of all nodes added inside."""
        self._path.append(name)
        try:
            yield
        finally:
            self._path.pop()

    def add(self, name: str, op: Op, *inputs: Value) -> Value:
        """Appends one op.

        Raises:
            ArchitectureError: the inputs do not fit; the message begins with the node's path.
        """
        path = ".".join((*self._path, name))
        shapes = tuple(value.shape for value in inputs)
        try:
            shape = infer(op, shapes)
        except ArchitectureError as error:
            raise ArchitectureError(f"{path}: {error}") from None
        self._nodes.append(Node(path, op, tuple(value.name for value in inputs), shapes, shape))
        return Value(path, shape)

    def conv(
        self,
        x: Value,
        name: str,
        filters: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        *,
        act: Kind | None = None,
        padding: Padding = "same",
        groups: int = 1,
    ) -> Value:
        """Convolution, batch norm and (unless None) activation."""
        with self.scope(name):
            op = Conv(filters, _pair(kernel), stride, padding, groups)
            return self._finish(self.add("conv", op, x), act)

    def depthwise(
        self,
        x: Value,
        name: str,
        kernel: int | tuple[int, int],
        stride: int = 1,
        *,
        act: Kind | None = None,
        padding: Padding = "same",
    ) -> Value:
        """Depthwise convolution, batch norm and (unless None) activation."""
        with self.scope(name):
            op = Depthwise(_pair(kernel), stride, padding)
            return self._finish(self.add("conv", op, x), act)

    def graph(self, *outputs: Value) -> Graph:
        """The finished graph."""
        return Graph(tuple(self._nodes), tuple(value.name for value in outputs))

    def _finish(self, x: Value, act: Kind | None) -> Value:
        x = self.add("bn", self._norm, x)
        return self.add("act", Activation(act), x) if act else x


def _pair(kernel: int | tuple[int, int]) -> tuple[int, int]:
    return (kernel, kernel) if isinstance(kernel, int) else kernel
