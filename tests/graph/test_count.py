import pytest

from pocketnas.graph import Builder, madds, parameters
from pocketnas.graph.count import node_madds, node_parameters
from pocketnas.graph.ops import (
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    GlobalAvgPool,
    MaxPool,
    Op,
    Shift,
)


@pytest.mark.parametrize(
    ("op", "expected_parameters", "expected_madds"),
    [
        # Over a map of 10 x 8 x 6.
        (Conv(12, (3, 3)), 12 * 6 * 9, 10 * 8 * 12 * 6 * 9),
        (Conv(12, (3, 3), bias=True), 12 * 6 * 9 + 12, 10 * 8 * 12 * 6 * 9),
        (Conv(12, (3, 5), 2), 12 * 6 * 15, 5 * 4 * 12 * 6 * 15),
        (Conv(12, (3, 3), padding="valid"), 12 * 6 * 9, 8 * 6 * 12 * 6 * 9),
        (Conv(12, (3, 3), groups=3), 12 * 2 * 9, 10 * 8 * 12 * 2 * 9),
        (Conv(12, (3, 3), dilation=2), 12 * 6 * 9, 10 * 8 * 12 * 6 * 9),
        (Depthwise((5, 5)), 6 * 25, 10 * 8 * 6 * 25),
        (Depthwise((5, 5), 2, bias=True), 6 * 25 + 6, 5 * 4 * 6 * 25),
        (Dense(7), 7 * 480 + 7, 7 * 480),
        (Dense(7, bias=False), 7 * 480, 7 * 480),
        (BatchNorm(), 12, 0),
        (Activation("swish"), 0, 0),
        (MaxPool(3, 2), 0, 0),
        (AvgPool(3), 0, 0),
        (GlobalAvgPool(), 0, 0),
        (Dropout(0.2), 0, 0),
        (DropPath(0.2), 0, 0),
        (Shift(), 0, 0),
    ],
)
def test_one_op(op: Op, expected_parameters: int, expected_madds: int) -> None:
    net = Builder((10, 8, 6))
    graph = net.graph(net.add("op", op, net.input))
    assert node_parameters(graph.node("op")) == expected_parameters
    assert node_madds(graph.node("op")) == expected_madds
    assert parameters(graph) == expected_parameters
    assert madds(graph) == expected_madds


def test_madds_of_a_convolution_by_doing_it() -> None:
    """Counts the multiplications of a naive loop, those with padding included."""
    height, width, channels, filters, kernel, stride = 5, 4, 3, 2, 3, 2
    done = 0
    for _ in range(0, height, stride):
        for _ in range(0, width, stride):
            for _ in range(filters):
                done += channels * kernel * kernel
    net = Builder((height, width, channels))
    x = net.add("conv", Conv(filters, (kernel, kernel), stride), net.input)
    assert madds(net.graph(x)) == done


def test_a_graph_counts_all_its_nodes() -> None:
    net = Builder((8, 8, 3))
    x = net.conv(net.input, "a", 4, 3, act="relu")
    y = net.depthwise(x, "b", 3)
    y = net.add("add", Add(), x, y)
    graph = net.graph(net.add("dense", Dense(10), net.add("pool", GlobalAvgPool(), y)))
    assert parameters(graph) == (4 * 27 + 8) + (4 * 9 + 8) + (40 + 10)
    assert madds(graph) == 64 * 4 * 27 + 64 * 4 * 9 + 40
