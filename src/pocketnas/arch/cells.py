"""NASNet's cells (1707.07012, figure 4 and appendix A.4; reference code `nasnet_utils`)."""

from dataclasses import dataclass

from pocketnas.arch.blocks import check, whole
from pocketnas.arch.heads import check_dropout
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
    Depthwise,
    Dropout,
    GlobalAvgPool,
    MaxPool,
    Padding,
    Shift,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A normal cell (`stride` 1) or a reduction cell (2).

    Attributes:
        cell: its string, see `pocketnas.arch.wiring`.
        filters: of every operation; the output has as many for each state that it joins.
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
        return self.filters * len(wiring(self.cell).joined)

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        previous = prev if prev == x else self._aligned(net, x, prev)
        states = [_relu_conv(net, x, "input", self.filters), previous]
        pairs, joined = wiring(self.cell)
        for i, pair in enumerate(pairs):
            with net.scope(f"pairs.{i}"):
                left = self._branch(net, "left", pair.left, states)
                right = self._branch(net, "right", pair.right, states)
                states.append(net.add("add", Add(), left, right))
        last = states[-1]
        with net.scope("output"):
            fitted = [_fitted(net, states[i], f"reduce{i}", last) for i in joined]
            return net.add("concat", Concat(), *fitted)

    def _aligned(self, net: Builder, x: Value, prev: Value) -> Value:
        """State 1 in the size of state 0 (appendix A.4: 1x1 convolutions where shapes differ)."""
        if prev.shape[:2] != x.shape[:2]:
            y = net.add("previous.act", Activation("relu"), prev)
            return _factorized_reduction(net, y, "previous", self.filters)
        if prev.channels != self.filters:
            return _relu_conv(net, prev, "previous", self.filters)
        return prev

    def _branch(self, net: Builder, name: str, branch: Branch, states: list[Value]) -> Value:
        x = states[branch.state]
        stride = self.stride if branch.state < CELL_INPUTS else 1
        with net.scope(name):
            match branch.operation:
                case "id":
                    if stride == 1 and x.channels == self.filters:
                        return x  # and nothing to drop
                    return _relu_conv(net, x, "conv", self.filters, stride)
                case "avg3" | "max3" as pool:
                    op = AvgPool if pool == "avg3" else MaxPool
                    y = net.add("pool", op(3, stride, net.padding), x)
                    if y.channels != self.filters:
                        y = net.conv(y, "conv", self.filters)
                case separable:
                    y = _separable(net, x, self.filters, int(separable[-1]), stride)
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


def _relu_conv(net: Builder, x: Value, name: str, filters: int, stride: int = 1) -> Value:
    with net.scope(name):
        y = net.add("act", Activation("relu"), x)
        y = net.add("conv", Conv(filters, (1, 1), stride), y)
        return net.norm(y)


def _separable(net: Builder, x: Value, filters: int, kernel: int, stride: int) -> Value:
    """A depthwise separable convolution applied twice, each ReLU, depthwise, pointwise, BN."""
    for i in range(2):
        with net.scope(str(i)):
            y = net.add("act", Activation("relu"), x)
            depthwise = Depthwise((kernel, kernel), stride if i == 0 else 1, net.padding)
            y = net.add("depthwise", depthwise, y)
            y = net.add("pointwise", Conv(filters, (1, 1)), y)
            x = net.norm(y)
    return x


def _fitted(net: Builder, x: Value, name: str, like: Value) -> Value:
    """A state in the shape of the others, so that they can be concatenated."""
    if x.shape == like.shape:
        return x
    if x.shape[:2] != like.shape[:2]:
        return _factorized_reduction(net, x, name, like.channels)
    with net.scope(name):
        return net.norm(net.add("conv", Conv(like.channels, (1, 1)), x))


def _factorized_reduction(net: Builder, x: Value, name: str, filters: int) -> Value:
    """Halves a map and loses no pixel: half the filters see the even ones, half the odd ones."""
    with net.scope(name):
        even = net.add("even", Conv(filters // 2, (1, 1), 2), x)
        shifted = net.add("shift", Shift(), x)
        odd = net.add("odd", Conv(filters - filters // 2, (1, 1), 2), shifted)
        return net.norm(net.add("concat", Concat(), even, odd))
