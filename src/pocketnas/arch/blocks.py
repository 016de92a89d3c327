"""The blocks: frozen values of absolute integers whose `emit` reads like the paper's figure."""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.ops import (
    KINDS,
    Activation,
    Add,
    AvgPool,
    Conv,
    GlobalAvgPool,
    Kind,
    Multiply,
)

Skip = Literal["identity", "pool", "none"]


class Block(Protocol):
    """Anything that can add its layers to a network."""

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        """Adds the layers to `net`.

        Args:
            net: the network under construction.
            x: the output of the block before.
            prev: the output of the block before that one (only NASNet's cells read it).

        Returns:
            The block's output.
        """
        ...


@dataclass(frozen=True, slots=True)
class ConvBlock:
    """A regular convolution: conv, BN, activation; then SE and a shortcut if asked for.

    It is MnasNet's ConvOp "regular conv" (1807.11626, section 4.1) and every network's stem.
    """

    kernel: int
    stride: int
    filters: int
    act: Kind = "relu"
    se: int = 0
    skip: Skip = "none"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "conv", self.filters, self.kernel, self.stride, act=self.act)
        y = squeeze_excite(net, y, self.se)
        return shortcut(net, x, y, self.skip, self.stride)


@dataclass(frozen=True, slots=True)
class SepConv:
    """A depthwise separable convolution with a linear projection (1807.11626, figure 7)."""

    kernel: int
    stride: int
    filters: int
    act: Kind = "relu"
    se: int = 0
    skip: Skip = "none"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.depthwise(x, "depthwise", self.kernel, self.stride, act=self.act)
        y = squeeze_excite(net, y, self.se)
        y = net.conv(y, "project", self.filters)
        return shortcut(net, x, y, self.skip, self.stride)


@dataclass(frozen=True, slots=True)
class MBConv:
    """The mobile inverted bottleneck of MobileNetV2 with MnasNet's SE after the depthwise layer.

    `expanded` and `se` are absolute widths; `se=0` leaves squeeze-and-excite out.
    Sources: 1801.04381, figure 4; 1807.11626, figure 7.
    """

    kernel: int
    stride: int
    expanded: int
    filters: int
    act: Kind = "relu"
    se: int = 0
    skip: Skip = "none"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "expanded", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "expand", self.expanded, act=self.act)
        y = net.depthwise(y, "depthwise", self.kernel, self.stride, act=self.act)
        y = squeeze_excite(net, y, self.se)
        y = net.conv(y, "project", self.filters)
        return shortcut(net, x, y, self.skip, self.stride)


def squeeze_excite(net: Builder, x: Value, hidden: int) -> Value:
    """Weighs each channel by what the whole map holds: pool, reduce, ReLU, expand, sigmoid.

    Both layers have biases and no BN (MnasNet reference code); `hidden` of 0 leaves it out.
    """
    if not hidden:
        return x
    with net.scope("se"):
        y = net.add("pool", GlobalAvgPool(), x)
        y = net.add("reduce", Conv(hidden, (1, 1), bias=True), y)
        y = net.add("act", Activation("relu"), y)
        y = net.add("expand", Conv(x.channels, (1, 1), bias=True), y)
        y = net.add("gate", Activation("sigmoid"), y)
        return net.add("scale", Multiply(), x, y)


def shortcut(net: Builder, x: Value, y: Value, skip: Skip, stride: int) -> Value:
    """Adds the block's input to its output.

    The paper names pooling as a SkipOp without drawing it. Here it is a 3x3 average pool with the
    block's stride, so that a layer which halves the map can have a shortcut too.
    """
    if skip == "none":
        return y
    if skip == "pool":
        x = net.add("pool", AvgPool(3, stride), x)
    return net.add("add", Add(), x, y)


def check(block: object, *sizes: str) -> None:
    """Validates what every block shares.

    Raises:
        ArchitectureError: one sentence with the block, the field, the value and what is allowed.
    """
    kind = type(block).__name__
    for name in sizes:
        value = getattr(block, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ArchitectureError(f"{kind}: {name} must be a whole number from 1, got {value!r}")
    kernel = getattr(block, "kernel", 1)
    if kernel % 2 == 0:
        raise ArchitectureError(f"{kind}: kernel must be odd, got {kernel}")
    se = getattr(block, "se", 0)
    if not isinstance(se, int) or isinstance(se, bool) or se < 0:
        raise ArchitectureError(f"{kind}: se must be a whole number from 0, got {se!r}")
    _member(kind, "act", getattr(block, "act", "relu"), KINDS)
    _member(kind, "skip", getattr(block, "skip", "none"), get_args(Skip))


def _member(kind: str, name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ArchitectureError(
            f"{kind}: {name} must be one of {', '.join(allowed)}; got {value!r}"
        )
