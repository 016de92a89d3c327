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
    DropPath,
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
    """Collects nodes under dotted paths: `with net.scope("stages.0"): …`.

    `padding` is that of all convolutions and pools which name none, `place` the block under
    construction and the number of blocks, for what depends on depth.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        norm: BatchNorm | None = None,
        padding: Padding = "same",
        drop_path: float = 0.0,
    ) -> None:
        self._nodes: list[Node] = []
        self._path: list[str] = []
        self._norm = norm or BatchNorm()
        self._drop_path = drop_path
        self.padding = padding
        self.place = (0, 1)
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
        padding: Padding | None = None,
        groups: int = 1,
    ) -> Value:
        """Convolution, batch norm and (unless None) activation."""
        with self.scope(name):
            op = Conv(filters, _pair(kernel), stride, padding or self.padding, groups)
            return self._finish(self.add("conv", op, x), act)

    def depthwise(
        self,
        x: Value,
        name: str,
        kernel: int | tuple[int, int],
        stride: int = 1,
        *,
        act: Kind | None = None,
        padding: Padding | None = None,
    ) -> Value:
        """Depthwise convolution, batch norm and (unless None) activation."""
        with self.scope(name):
            op = Depthwise(_pair(kernel), stride, padding or self.padding)
            return self._finish(self.add("conv", op, x), act)

    def norm(self, x: Value, name: str = "bn") -> Value:
        """Batch norm by itself."""
        return self.add(name, self._norm, x)

    def drop_path(self, x: Value, name: str, depth: float) -> Value:
        """Stochastic depth (1603.09382): drops the whole map more often the deeper it lies.

        Args:
            x: the map.
            name: of the node.
            depth: where the block stands, from 0 at the image to 1 at the head.
        """
        rate = self._drop_path * depth
        return self.add(name, DropPath(rate), x) if rate else x

    def graph(self, *outputs: Value) -> Graph:
        """The finished graph."""
        return Graph(tuple(self._nodes), tuple(value.name for value in outputs))

    def _finish(self, x: Value, act: Kind | None) -> Value:
        x = self.norm(x)
        return self.add("act", Activation(act), x) if act else x


def _pair(kernel: int | tuple[int, int]) -> tuple[int, int]:
    return (kernel, kernel) if isinstance(kernel, int) else kernel
