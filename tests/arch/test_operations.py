"""NASNet's operations one by one: 1707.07012, section 3.1 and appendix A.4."""

import pytest

from architectures import names
from pocketnas.arch.operations import operate
from pocketnas.arch.wiring import OPERATIONS
from pocketnas.graph import Builder, Graph, parameters
from pocketnas.graph.ops import (
    Activation,
    AvgPool,
    BatchNorm,
    Conv,
    Depthwise,
    MaxPool,
    Op,
    Padding,
)

F = 4


def alone(operation: str, stride: int, channels: int = F, padding: Padding = "same") -> Graph:
    net = Builder((9, 9, channels), padding=padding)
    return net.graph(operate(net, operation, net.input, F, stride))


def convolution(op: Conv) -> list[Op]:
    return [Activation("relu"), op, BatchNorm()]


def separable(kernel: int, stride: int) -> list[Op]:
    return [
        op
        for s in (stride, 1)
        for op in (
            *(Activation("relu"), Depthwise((kernel, kernel), s)),
            *(Conv(F, (1, 1)), BatchNorm()),
        )
    ]


@pytest.mark.parametrize("stride", [1, 2])
def test_what_each_operation_is(stride: int) -> None:
    expected: dict[str, list[Op]] = {
        "id": convolution(Conv(F, (1, 1), stride)) if stride > 1 else [],
        "conv1": convolution(Conv(F, (1, 1), stride)),
        "conv3": convolution(Conv(F, (3, 3), stride)),
        "conv13": convolution(Conv(F, (1, 3))) + convolution(Conv(F, (3, 1), stride)),
        "conv17": convolution(Conv(F, (1, 7))) + convolution(Conv(F, (7, 1), stride)),
        "dil3": convolution(Conv(F, (3, 3), stride, dilation=2)),
        "avg3": [AvgPool(3, stride)],
        **{f"max{k}": [MaxPool(k, stride)] for k in (3, 5, 7)},
        **{f"sep{k}": separable(k, stride) for k in (3, 5, 7)},
    }
    assert expected.keys() == set(OPERATIONS)
    for operation, ops in expected.items():
        assert [node.op for node in alone(operation, stride).nodes[1:]] == ops, operation


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_any_map_gets_the_filters_and_the_stride(operation: str, padding: Padding) -> None:
    for channels in (1, F, 2 * F):
        for stride, side in ((1, 9), (2, 5)):
            graph = alone(operation, stride, channels, padding)
            assert graph.nodes[-1].shape == (side, side, F)
            windows = [
                node.op
                for node in graph.nodes
                if isinstance(node.op, Conv | Depthwise | AvgPool | MaxPool)
                and not (isinstance(node.op, Conv) and node.op.kernel == (1, 1))
            ]
            assert {op.padding for op in windows} <= {padding}


def test_what_keeps_the_channels_gets_a_convolution_where_they_differ() -> None:
    assert names(alone("id", 1, 2 * F)) == ["conv.act", "conv.conv", "conv.bn"]
    for pool in ("avg3", "max3", "max5", "max7"):
        assert names(alone(pool, 2, 2 * F)) == ["pool", "conv.conv", "conv.bn"]


def test_parameters_by_hand() -> None:
    norm = 2 * F
    for operation, expected in {
        "conv3": 9 * F * F + norm,
        "dil3": 9 * F * F + norm,
        "conv13": 2 * (3 * F * F + norm),
        "conv17": 2 * (7 * F * F + norm),
        "sep7": 2 * (49 * F + F * F + norm),
        "max7": 0,
    }.items():
        assert parameters(alone(operation, 2)) == expected, operation
