"""NASNet's cells (1707.07012, figure 4 and appendix A.4; reference code `nasnet_utils`).

Every operation gives a cell's number of filters, whatever it reads. `pocketnas.arch.operations` has
the operations.
"""

from dataclasses import dataclass

from pocketnas.arch.blocks import check, whole
from pocketnas.arch.heads import check_dropout
from pocketnas.arch.operations import operate, relu_conv
from pocketnas.arch.wiring import CELL_INPUTS, Branch, canonical, wiring
from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.ops import (
    Activation,
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    Dropout,
    GlobalAvgPool,
    Padding,
    Shape,
    Shift,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A normal cell (`stride` 1) or a reduction cell (2).

    Attributes:
        cell: its string, see `pocketnas.arch.wiring`.
        filters: of every operation; the output has as many for each state that it joins, twice as
            many where the state is a concatenated pair.
        stride: of operations that read one of the two cell inputs.
        reach: which earlier output is state 1: 2 the one before the last. NASNet-A large takes the
            third last after a reduction cell (`skip_reduction_layer_input`).
    """

    cell: str
    filters: int
    stride: int = 1
    reach: int = 2

    def __post_init__(self) -> None:
        check(self, "filters", "stride", "reach")
        if not isinstance(self.cell, str):
            raise ArchitectureError(f"Cell: cell must be a string, got {self.cell!r}")
        object.__setattr__(self, "cell", canonical(self.cell))

    @property
    def channels(self) -> int:
        """Of the output."""
        return self.filters * wiring(self.cell).width

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        previous = prev if prev == x else self._aligned(net, x, prev)
        states = [relu_conv(net, x, "input", self.filters), previous]
        pairs, joined = wiring(self.cell)
        for i, pair in enumerate(pairs):
            with net.scope(f"pairs.{i}"):
                left = self._branch(net, "left", pair.left, states)
                right = self._branch(net, "right", pair.right, states)
                op = Add() if pair.combine == "add" else Concat()
                states.append(net.add(pair.combine, op, left, right))
        size = states[-1].shape[:2]
        with net.scope("output"):
            for i, state in enumerate(states[:CELL_INPUTS]):
                if i in joined:
                    states[i] = _fitted(net, state, f"reduce{i}", (*size, self.filters))
            return net.add("concat", Concat(), *(states[i] for i in joined))

    def _aligned(self, net: Builder, x: Value, prev: Value) -> Value:
        """State 1 in the size of state 0 (appendix A.4: 1x1 convolutions where shapes differ)."""
        if prev.shape[:2] != x.shape[:2]:
            y = net.add("previous.act", Activation("relu"), prev)
            return _factorized_reduction(net, y, "previous", self.filters)
        if prev.channels != self.filters:
            return relu_conv(net, prev, "previous", self.filters)
        return prev

    def _branch(self, net: Builder, name: str, branch: Branch, states: list[Value]) -> Value:
        x = states[branch.state]
        stride = self.stride if branch.state < CELL_INPUTS else 1
        with net.scope(name):
            y = operate(net, branch.operation, x, self.filters, stride)
            if branch.operation == "id":
                return y  # `nasnet_utils` never drops it
            number, cells = net.place
            return net.drop_path(y, "drop", (number + 1) / cells)


@dataclass(frozen=True, slots=True)
class CellStem:
    """The convolution in front of the cells, which activate their inputs themselves: conv and BN.

    Stride 2 and no padding for ImageNet, stride 1 and TensorFlow's SAME for CIFAR-10.
    """

    kernel: int
    stride: int
    filters: int
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        return net.conv(x, "conv", self.filters, self.kernel, self.stride, padding=self.padding)


@dataclass(frozen=True, slots=True)
class CellHead:
    """ReLU, global average pool, dropout, classifier."""

    classes: int
    dropout: float = 0.5

    def __post_init__(self) -> None:
        check(self, "classes")
        check_dropout(self)

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.add("act", Activation("relu"), x)
        y = net.add("pool", GlobalAvgPool(), y)
        if self.dropout:
            y = net.add("dropout", Dropout(self.dropout), y)
        return net.add("classifier", Dense(self.classes), y)


@dataclass(frozen=True, slots=True)
class AuxiliaryHead:
    """A second classifier that trains the lower two thirds (1409.4842); not deployed.

    Attributes:
        after: the stage whose output it reads.
        classes: outputs.
        filters: of its 1x1 convolution.
        hidden: of its convolution over the whole map.
    """

    after: int
    classes: int
    filters: int = 128
    hidden: int = 768

    def __post_init__(self) -> None:
        check(self, "classes", "filters", "hidden")
        whole("AuxiliaryHead", "after", self.after, least=0)

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.add("act", Activation("relu"), x)
        y = net.add("pool", AvgPool(5, 3, "valid"), y)
        y = net.conv(y, "project", self.filters, act="relu")
        height, width, _ = y.shape
        y = net.conv(y, "hidden", self.hidden, (height, width), act="relu", padding="valid")
        return net.add("classifier", Dense(self.classes), y)


def _fitted(net: Builder, x: Value, name: str, shape: Shape) -> Value:
    """A cell input in the shape of the other states, so that they can be concatenated."""
    if x.shape == shape:
        return x
    if x.shape[:2] != shape[:2]:
        return _factorized_reduction(net, x, name, shape[2])
    return net.conv(x, name, shape[2])


def _factorized_reduction(net: Builder, x: Value, name: str, filters: int) -> Value:
    """Halves a map and loses no pixel: half the filters see the even ones, half the odd ones."""
    with net.scope(name):
        even = net.add("even", Conv(filters // 2, (1, 1), 2), x)
        shifted = net.add("shift", Shift(), x)
        odd = net.add("odd", Conv(filters - filters // 2, (1, 1), 2), shifted)
        return net.norm(net.add("concat", Concat(), even, odd))
