"""ResNet's blocks: layers, shapes and counts of 1512.03385, figure 5 and table 1."""

from collections.abc import Callable
from typing import Any

import pytest

from architectures import emitted, names
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.errors import ArchitectureError
from pocketnas.graph import madds, parameters
from pocketnas.graph.ops import Activation, Add, Conv, MaxPool

DOWNSAMPLE = ["downsample.conv", "downsample.bn"]


def test_pool_stem() -> None:
    graph = emitted(PoolStem(7, 2, 64), channels=3, size=224)
    assert names(graph) == ["conv.conv", "conv.bn", "conv.act", "pool"]
    assert graph.node("b.conv.conv").op == Conv(64, (7, 7), 2)
    assert graph.node("b.conv.conv").shape == (112, 112, 64)
    assert graph.node("b.pool").op == MaxPool(3, 2)
    assert graph.nodes[-1].shape == (56, 56, 64)
    assert parameters(graph) == 3 * 64 * 49 + 2 * 64
    assert madds(graph) == 112 * 112 * 3 * 64 * 49


def test_basic_block_passes_its_input_around_two_convolutions() -> None:
    graph = emitted(BasicBlock(1, 12))
    assert names(graph) == [
        *("conv1.conv", "conv1.bn", "conv1.act"),
        *("conv2.conv", "conv2.bn", "add", "act"),
    ]
    assert graph.node("b.conv1.conv").op == graph.node("b.conv2.conv").op == Conv(12, (3, 3))
    assert graph.node("b.add").inputs == ("input", "b.conv2.bn")
    assert graph.node("b.act").op == Activation("relu")
    assert parameters(graph) == 2 * (12 * 12 * 9 + 2 * 12)


def test_basic_block_downsamples_where_the_shape_changes() -> None:
    """The first block of ResNet-18's second stage."""
    graph = emitted(BasicBlock(2, 128), channels=64, size=56)
    assert names(graph)[5:] == [*DOWNSAMPLE, "add", "act"]
    assert graph.node("b.conv1.conv").op == Conv(128, (3, 3), 2)
    assert graph.node("b.conv2.conv").op == Conv(128, (3, 3))
    assert graph.node("b.downsample.conv").op == Conv(128, (1, 1), 2)
    assert graph.node("b.downsample.conv").inputs == ("input",)
    assert graph.node("b.add").inputs == ("b.downsample.bn", "b.conv2.bn")
    assert graph.nodes[-1].shape == (28, 28, 128)
    convolutions = 64 * 128 * 9 + 128 * 128 * 9 + 64 * 128
    assert parameters(graph) == convolutions + 3 * 2 * 128
    assert madds(graph) == 28 * 28 * convolutions


def test_bottleneck_has_its_stride_on_the_middle_convolution() -> None:
    """The first block of ResNet-50's second stage."""
    graph = emitted(Bottleneck(2, 128, 512), channels=256, size=56)
    assert names(graph) == [
        *("conv1.conv", "conv1.bn", "conv1.act"),
        *("conv2.conv", "conv2.bn", "conv2.act"),
        *("conv3.conv", "conv3.bn", *DOWNSAMPLE, "add", "act"),
    ]
    assert graph.node("b.conv1.conv").op == Conv(128, (1, 1))
    assert graph.node("b.conv2.conv").op == Conv(128, (3, 3), 2)
    assert graph.node("b.conv3.conv").op == Conv(512, (1, 1))
    assert graph.nodes[-1].shape == (28, 28, 512)
    middle = 128 * 128 * 9 + 128 * 512 + 256 * 512
    assert parameters(graph) == 256 * 128 + middle + 2 * (128 + 128 + 512 + 512)
    assert madds(graph) == 56 * 56 * 256 * 128 + 28 * 28 * middle


def test_bottleneck_of_equal_shapes_adds_its_input() -> None:
    graph = emitted(Bottleneck(1, 64, 256, "swish"), channels=256)
    assert graph.node("b.add").op == Add()
    assert graph.node("b.add").inputs == ("input", "b.conv3.bn")
    assert graph.node("b.conv1.act").op == graph.node("b.act").op == Activation("swish")
    assert not set(DOWNSAMPLE) & set(names(graph))


def test_a_change_of_channels_alone_is_downsampled_too() -> None:
    graph = emitted(Bottleneck(1, 64, 256), channels=64)
    assert graph.node("b.downsample.conv").op == Conv(256, (1, 1))


@pytest.mark.parametrize("size", [56, 57])
def test_symmetric_padding_reaches_every_window(size: int) -> None:
    stem = emitted(PoolStem(7, 2, 8), size=size, padding="symmetric")
    assert stem.node("b.conv.conv").op == Conv(8, (7, 7), 2, "symmetric")
    assert stem.node("b.pool").op == MaxPool(3, 2, "symmetric")
    block = emitted(Bottleneck(2, 8, 8), size=size, padding="symmetric")
    assert block.node("b.conv2.conv").op == Conv(8, (3, 3), 2, "symmetric")
    assert block.nodes[-1].shape == ((size + 1) // 2, (size + 1) // 2, 8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoolStem(4, 2, 8), "PoolStem: kernel must be odd, got 4"),
        (lambda: PoolStem(3, 2, None), "PoolStem: filters must be a whole number .* got None"),
        (lambda: BasicBlock(0, 8), "BasicBlock: stride must be a whole number from 1, got 0"),
        (lambda: BasicBlock(1, 8, "elu"), "BasicBlock: act must be one of relu, .*; got 'elu'"),
        (lambda: Bottleneck(1, 0, 8), "Bottleneck: width must be a whole number from 1, got 0"),
        (lambda: Bottleneck(1, 8, 2.0), r"Bottleneck: filters must be a whole .*, got 2\.0"),
    ],
)
def test_what_is_out_of_range_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        make()
