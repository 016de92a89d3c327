"""Every primitive op, and the blocks built of them: LiteRT computes what torch computes."""

import pytest

from parity import assert_parity, partitions
from pocketnas.graph import Builder, Graph
from pocketnas.graph.ops import (
    KINDS,
    PADDINGS,
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    GlobalAvgPool,
    Kind,
    MaxPool,
    Multiply,
    Op,
    Padding,
)
from pocketnas.tflite import write


def single(op: Op, *, size: tuple[int, int] = (8, 8)) -> Graph:
    """`op` on signed values, between two convolutions that could fuse or fold with it."""
    net = Builder((*size, 3))
    x = net.add("before", Conv(4, (3, 3), bias=True), net.input)
    return net.graph(net.conv(net.add("op", op, x), "after", 5))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (9, 9), (7, 10)])
def test_windows(padding: Padding, stride: int, size: tuple[int, int]) -> None:
    for kernel in (1, 3, 5, 7):
        assert_parity(single(Conv(6, (kernel, kernel), stride, padding, bias=True), size=size))
        assert_parity(single(Depthwise((kernel, kernel), stride, padding), size=size))
    for kernel in (2, 3):
        assert_parity(single(MaxPool(kernel, stride, padding), size=size))
        assert_parity(single(AvgPool(kernel, stride, padding), size=size))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("kernel", [(1, 7), (7, 1), (3, 5)])
def test_kernels_that_are_not_square(padding: Padding, kernel: tuple[int, int]) -> None:
    for stride in (1, 2):
        assert_parity(single(Conv(6, kernel, stride, padding), size=(10, 11)))
        assert_parity(single(Depthwise(kernel, stride, padding), size=(10, 11)))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(11, 11), (12, 12)])
def test_dilation(padding: Padding, size: tuple[int, int]) -> None:
    assert_parity(single(Conv(6, (3, 3), 1, padding, dilation=2), size=size))
    assert_parity(single(Depthwise((3, 3), 1, padding, dilation=3), size=size))


@pytest.mark.parametrize("groups", [2, 4])
def test_grouped_convolution(groups: int) -> None:
    graph = single(Conv(8, (3, 3), groups=groups))
    assert_parity(graph)
    assert partitions(write(graph)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_activations(kind: Kind) -> None:
    net = Builder((6, 6, 3))
    x = net.conv(net.input, "fused", 8, 3, act=kind)
    x = net.add("free", Activation(kind), net.add("pool", AvgPool(3), x))
    graph = net.graph(net.add("twice", Activation(kind), net.add("sum", Add(), x, x)))
    assert_parity(graph)
    assert partitions(write(graph)) == 1


@pytest.mark.parametrize("op", [BatchNorm(), Dropout(0.5), GlobalAvgPool(), Dense(7)])
def test_the_other_ops(op: Op) -> None:
    assert_parity(single(op))
    assert partitions(write(single(op))) == 1


def test_batch_norm_that_cannot_be_folded() -> None:
    net = Builder((6, 6, 3))
    x = net.add("shared", Conv(4, (1, 1)), net.input)
    y = net.add("act", Activation("relu6"), net.add("bn", BatchNorm(0.9, 1e-5), x))
    assert_parity(net.graph(net.add("sum", Add(), x, y)))


def test_a_clamp_is_fused_only_where_nobody_else_reads_the_value() -> None:
    net = Builder((6, 6, 3))
    x = net.add("conv", Conv(4, (3, 3), bias=True), net.input)
    y = net.add("relu", Activation("relu"), x)
    z = net.add("relu6", Activation("relu6"), net.add("scaled", Multiply(), y, y))
    assert_parity(net.graph(net.add("sum", Add(), x, z)))
    assert_parity(net.graph(x, y, z))


@pytest.mark.parametrize("size", [(1, 1), (3, 4)])
def test_dense_on_maps_and_after_dense(size: tuple[int, int]) -> None:
    net = Builder((*size, 3))
    x = net.add("first", Dense(6), net.conv(net.input, "conv", 5, act="relu"))
    x = net.add("act", Activation("relu"), x)
    assert_parity(net.graph(net.add("second", Dense(4, bias=False), x)))


def test_dense_as_a_gate_and_beside_a_map() -> None:
    net = Builder((3, 3, 4))
    x = net.conv(net.input, "conv", 6, act="relu")
    pooled = net.add("pool", GlobalAvgPool(), x)
    gate = net.add("gate", Activation("hsigmoid"), net.add("dense", Dense(6), pooled))
    x = net.add("scale", Multiply(), x, gate)
    both = net.add("both", Concat(), net.add("all", Dense(5), x), pooled)
    assert_parity(net.graph(net.conv(both, "head", 3)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "stride"), [(8, 1), (8, 2), (9, 2)])
def test_inverted_bottleneck_with_squeeze_and_excite(kind: Kind, size: int, stride: int) -> None:
    graph = inverted_bottleneck(kind, size, stride)
    assert_parity(graph)
    assert partitions(write(graph)) == 1


def inverted_bottleneck(kind: Kind, size: int, stride: int) -> Graph:
    """With the pooling shortcut where the stride is 2."""
    net = Builder((size, size, 8))
    x = net.conv(net.input, "expand", 24, act=kind)
    x = net.depthwise(x, "depthwise", 5, stride, act=kind)
    y = net.add("se.pool", GlobalAvgPool(), x)
    y = net.add("se.reduce", Conv(4, (1, 1), bias=True), y)
    y = net.add("se.expand", Conv(24, (1, 1), bias=True), net.add("se.act", Activation(kind), y))
    x = net.add("se.scale", Multiply(), x, net.add("se.gate", Activation("sigmoid"), y))
    x = net.conv(x, "project", 8)
    skip = net.input if stride == 1 else net.add("skip", AvgPool(3, stride), net.input)
    x = net.add("pooled", GlobalAvgPool(), net.add("add", Add(), x, skip))
    return net.graph(net.add("logits", Dense(10), net.add("dropout", Dropout(0.2), x)))


def test_a_cell_with_branches() -> None:
    net = Builder((9, 9, 4))
    branches = [
        net.depthwise(net.input, "dw", 5, 2, act="relu"),
        net.add("max", MaxPool(3, 2), net.input),
        net.add("avg", AvgPool(3, 2), net.input),
        net.conv(net.input, "conv", 6, 3, 2, act="hswish", groups=2),
    ]
    assert_parity(net.graph(net.conv(net.add("concat", Concat(), *branches), "out", 5)))


def test_resnet_stem_stays_in_one_piece() -> None:
    """XNNPACK cannot pad a max pool with -inf; after a ReLU zeros do as well."""
    net = Builder((32, 32, 3))
    x = net.conv(net.input, "conv", 8, 7, 2, act="relu", padding="symmetric")
    graph = net.graph(net.add("pool", MaxPool(3, 2, "symmetric"), x))
    assert_parity(graph)
    assert partitions(write(graph)) == 1
