"""The blocks: frozen values of absolute integers whose `emit` reads like the paper's figure."""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.ops import (
    KINDS,
    PADDINGS,
    Activation,
    Add,
    AvgPool,
    Conv,
    GlobalAvgPool,
    Kind,
    Multiply,
)

Skip = Literal["identity", "pool", "none"]
GATES: tuple[Kind, ...] = ("sigmoid", "hsigmoid")
MOST = 10**9 - 1


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
    se_act: Kind = "relu"
    gate: Kind = "sigmoid"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "conv", self.filters, self.kernel, self.stride, act=self.act)
        y = squeeze_excite(net, y, self.se, self.se_act, self.gate)
        return shortcut(net, x, y, self.skip, self.stride)


@dataclass(frozen=True, slots=True)
class SepConv:
    """A depthwise separable convolution: linear since MobileNetV2 (1807.11626, figure 7).

    MobileNetV1 (1704.04861, figure 3) has the activation behind the projection too: `linear=False`.
    """

    kernel: int
    stride: int
    filters: int
    act: Kind = "relu"
    se: int = 0
    skip: Skip = "none"
    se_act: Kind = "relu"
    gate: Kind = "sigmoid"
    linear: bool = True

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "filters")
        if not isinstance(self.linear, bool):
            raise ArchitectureError(f"SepConv: linear must be true or false, got {self.linear!r}")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.depthwise(x, "depthwise", self.kernel, self.stride, act=self.act)
        y = squeeze_excite(net, y, self.se, self.se_act, self.gate)
        y = net.conv(y, "project", self.filters, act=None if self.linear else self.act)
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
    se_act: Kind = "relu"
    gate: Kind = "sigmoid"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "expanded", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "expand", self.expanded, act=self.act)
        y = net.depthwise(y, "depthwise", self.kernel, self.stride, act=self.act)
        y = squeeze_excite(net, y, self.se, self.se_act, self.gate)
        y = net.conv(y, "project", self.filters)
        return shortcut(net, x, y, self.skip, self.stride)


@dataclass(frozen=True, slots=True)
class FusedMBConv:
    """MBConv with one regular convolution in place of expansion and depthwise layer.

    Cheaper than MBConv where the hardware does not like depthwise convolutions
    (EfficientNet-EdgeTPU; EfficientNetV2, 2104.00298, figure 2).
    """

    kernel: int
    stride: int
    expanded: int
    filters: int
    act: Kind = "relu"
    se: int = 0
    skip: Skip = "none"
    se_act: Kind = "relu"
    gate: Kind = "sigmoid"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "expanded", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "expand", self.expanded, self.kernel, self.stride, act=self.act)
        y = squeeze_excite(net, y, self.se, self.se_act, self.gate)
        y = net.conv(y, "project", self.filters)
        return shortcut(net, x, y, self.skip, self.stride)


def squeeze_excite(net: Builder, x: Value, hidden: int, act: Kind, gate: Kind) -> Value:
    """Weighs each channel by what the whole map holds: pool, reduce, activate, expand, gate.

    Both layers have biases and no BN (MnasNet reference code); `hidden` of 0 leaves it out. MnasNet
    has relu and sigmoid inside, EfficientNet swish and sigmoid, MobileNetV3 relu and hsigmoid.
    """
    if not hidden:
        return x
    with net.scope("se"):
        y = net.add("pool", GlobalAvgPool(), x)
        y = net.add("reduce", Conv(hidden, (1, 1), bias=True), y)
        y = net.add("act", Activation(act), y)
        y = net.add("expand", Conv(x.channels, (1, 1), bias=True), y)
        y = net.add("gate", Activation(gate), y)
        return net.add("scale", Multiply(), x, y)


def shortcut(net: Builder, x: Value, y: Value, skip: Skip, stride: int) -> Value:
    """Adds the block's input to its output.

    The paper names pooling as a SkipOp without drawing it. Here it is a 3x3 average pool with the
    block's stride, so that a layer which halves the map can have a shortcut too. Training drops
    `y` with a share that grows with the block's number (EfficientNet reference code).
    """
    if skip == "none":
        return y
    if skip == "pool":
        x = net.add("pool", AvgPool(3, stride, net.padding), x)
    number, blocks = net.place
    y = net.drop_path(y, "drop", number / blocks)
    return net.add("add", Add(), x, y)


def check(block: object, *sizes: str) -> None:
    """Validates what every block shares.

    Raises:
        ArchitectureError: one sentence with the block, the field, the value and what is allowed.
    """
    kind = type(block).__name__
    for name in sizes:
        whole(kind, name, getattr(block, name))
    whole(kind, "se", getattr(block, "se", 0), least=0)
    kernel = getattr(block, "kernel", 1)
    if kernel % 2 == 0:
        raise ArchitectureError(f"{kind}: kernel must be odd, got {kernel}")
    for name in ("act", "se_act"):
        _member(kind, name, getattr(block, name, "relu"), KINDS)
    _member(kind, "gate", getattr(block, "gate", "sigmoid"), GATES)
    _member(kind, "padding", getattr(block, "padding", "same"), PADDINGS)
    _member(kind, "skip", getattr(block, "skip", "none"), get_args(Skip))
    if not getattr(block, "se", 1):  # what is not there has no style: equal blocks are equal
        object.__setattr__(block, "se_act", "relu")
        object.__setattr__(block, "gate", "sigmoid")


def whole(owner: str, name: str, value: object, *, least: int = 1) -> None:
    """Validates a number of anything.

    Raises:
        ArchitectureError: `value` is no whole number from `least`, or too large for the notation.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ArchitectureError(
            f"{owner}: {name} must be a whole number from {least}, got {value!r}"
        )
    if value > MOST:
        raise ArchitectureError(f"{owner}: {name} must be at most {MOST}, got {value}")


def _member(kind: str, name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ArchitectureError(
            f"{kind}: {name} must be one of {', '.join(allowed)}; got {value!r}"
        )
