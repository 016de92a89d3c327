"""ResNet's blocks (1512.03385, figure 5 and table 1)."""

from dataclasses import dataclass

from pocketnas.arch.blocks import check
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.ops import Activation, Add, Kind, MaxPool


@dataclass(frozen=True, slots=True)
class PoolStem:
    """A convolution and a 3x3 max pool of stride 2."""

    kernel: int
    stride: int
    filters: int
    act: Kind = "relu"

    def __post_init__(self) -> None:
        check(self, "kernel", "stride", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "conv", self.filters, self.kernel, self.stride, act=self.act)
        return net.add("pool", MaxPool(3, 2, net.padding), y)


@dataclass(frozen=True, slots=True)
class BasicBlock:
    """Two 3x3 convolutions around which the input passes (ResNet-18 and -34)."""

    stride: int
    filters: int
    act: Kind = "relu"

    def __post_init__(self) -> None:
        check(self, "stride", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "conv1", self.filters, 3, self.stride, act=self.act)
        y = net.conv(y, "conv2", self.filters, 3)
        return _join(net, x, y, self.stride, self.act)


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """1x1 to the inner `width`, 3x3, 1x1 to `filters` (ResNet-50 and deeper).

    The stride is on the 3x3 convolution, as in every implementation since Torch's; the paper has
    it on the first.
    """

    stride: int
    width: int
    filters: int
    act: Kind = "relu"

    def __post_init__(self) -> None:
        check(self, "stride", "width", "filters")

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "conv1", self.width, act=self.act)
        y = net.conv(y, "conv2", self.width, 3, self.stride, act=self.act)
        y = net.conv(y, "conv3", self.filters)
        return _join(net, x, y, self.stride, self.act)


def _join(net: Builder, x: Value, y: Value, stride: int, act: Kind) -> Value:
    """Adds the input, by a 1x1 convolution where the shape changes (the paper's option B)."""
    if x.shape != y.shape:
        x = net.conv(x, "downsample", y.channels, stride=stride)
    number, blocks = net.place
    y = net.drop_path(y, "drop", number / blocks)
    return net.add("act", Activation(act), net.add("add", Add(), x, y))
