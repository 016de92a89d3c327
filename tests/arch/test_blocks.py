from collections.abc import Callable
from typing import Any

import pytest

from pocketnas.arch import Block, ConvBlock, Head, MBConv, SepConv
from pocketnas.errors import ArchitectureError
from pocketnas.graph import Builder, Graph, madds, parameters
from pocketnas.graph.ops import Activation, AvgPool, Conv, Depthwise, Dropout


def emitted(block: Block, channels: int = 12, size: int = 8) -> Graph:
    net = Builder((size, size, channels))
    with net.scope("b"):
        return net.graph(block.emit(net, net.input, net.input))


def names(graph: Graph) -> list[str]:
    return [node.name.removeprefix("b.") for node in graph.nodes[1:]]


SE = ["se.pool", "se.reduce", "se.act", "se.expand", "se.gate", "se.scale"]


def test_conv_block() -> None:
    graph = emitted(ConvBlock(5, 2, 20, act="swish"))
    assert names(graph) == ["conv.conv", "conv.bn", "conv.act"]
    assert graph.node("b.conv.conv").op == Conv(20, (5, 5), 2)
    assert graph.node("b.conv.act").op == Activation("swish")
    assert graph.nodes[-1].shape == (4, 4, 20)


def test_sep_conv_projects_linearly() -> None:
    graph = emitted(SepConv(3, 2, 20, act="relu6"))
    assert names(graph) == [
        *("depthwise.conv", "depthwise.bn", "depthwise.act"),
        *("project.conv", "project.bn"),
    ]
    assert graph.node("b.depthwise.conv").op == Depthwise((3, 3), 2)
    assert graph.node("b.project.conv").op == Conv(20, (1, 1))
    assert graph.nodes[-1].shape == (4, 4, 20)


def test_mbconv_expands_filters_and_projects_linearly() -> None:
    graph = emitted(MBConv(5, 2, 37, 20, act="hswish"))
    assert names(graph) == [
        *("expand.conv", "expand.bn", "expand.act"),
        *("depthwise.conv", "depthwise.bn", "depthwise.act"),
        *("project.conv", "project.bn"),
    ]
    assert graph.node("b.expand.conv").op == Conv(37, (1, 1))
    assert graph.node("b.depthwise.conv").op == Depthwise((5, 5), 2)
    assert graph.node("b.depthwise.conv").shape == (4, 4, 37)
    assert graph.node("b.depthwise.act").op == Activation("hswish")
    assert graph.nodes[-1].shape == (4, 4, 20)


def test_squeeze_excite_follows_the_depthwise_layer() -> None:
    graph = emitted(MBConv(3, 1, 36, 20, act="swish", se=3))
    assert names(graph)[6:12] == SE
    assert graph.node("b.se.pool").inputs == ("b.depthwise.act",)
    assert graph.node("b.se.reduce").op == Conv(3, (1, 1), bias=True)
    assert graph.node("b.se.act").op == Activation("relu")
    assert graph.node("b.se.expand").op == Conv(36, (1, 1), bias=True)
    assert graph.node("b.se.gate").op == Activation("sigmoid")
    assert graph.node("b.se.scale").inputs == ("b.depthwise.act", "b.se.gate")
    assert graph.node("b.project.conv").inputs == ("b.se.scale",)


@pytest.mark.parametrize(
    ("block", "before"),
    [
        (ConvBlock(3, 1, 12, se=2), ["conv.conv", "conv.bn", "conv.act"]),
        (SepConv(3, 1, 12, se=2), ["depthwise.conv", "depthwise.bn", "depthwise.act"]),
    ],
)
def test_other_blocks_squeeze_in_the_same_place(block: Block, before: list[str]) -> None:
    assert names(emitted(block))[: len(before) + len(SE)] == before + SE


@pytest.mark.parametrize("kind", [ConvBlock, SepConv, lambda *a, **k: MBConv(*a[:2], 36, 12, **k)])
def test_shortcuts(kind: Callable[..., Block]) -> None:
    plain = emitted(kind(3, 1, 12))
    identity = emitted(kind(3, 1, 12, skip="identity"))
    assert names(identity) == [*names(plain), "add"]
    assert identity.node("b.add").inputs == ("input", plain.outputs[0])

    pooled = emitted(kind(3, 2, 12, skip="pool"))
    assert names(pooled) == [*names(plain), "pool", "add"]
    assert pooled.node("b.pool").op == AvgPool(3, 2)
    assert pooled.node("b.pool").inputs == ("input",)
    assert pooled.nodes[-1].shape == (4, 4, 12)


@pytest.mark.parametrize(
    "block",
    [
        ConvBlock(3, 2, 12, skip="identity"),
        SepConv(3, 1, 13, skip="identity"),
        MBConv(3, 1, 36, 13, skip="pool"),
    ],
)
def test_a_shortcut_that_does_not_fit_names_the_place(block: Block) -> None:
    with pytest.raises(ArchitectureError, match=r"^b\.add: add: needs two equal shapes"):
        emitted(block)


def test_counts_of_one_mbconv() -> None:
    """The third block of MnasNet-A1, by hand: 24 filters in, expansion 3, SE of a quarter."""
    graph = emitted(MBConv(5, 2, 72, 40, se=6), channels=24, size=56)
    batch_norms = 2 * (72 + 72 + 40)
    se = 72 * 6 + 6 + 6 * 72 + 72
    assert parameters(graph) == 24 * 72 + 72 * 25 + se + 72 * 40 + batch_norms
    expand, depthwise, project = 56 * 56 * 24 * 72, 28 * 28 * 72 * 25, 28 * 28 * 72 * 40
    assert madds(graph) == expand + depthwise + 2 * 72 * 6 + project


def test_head() -> None:
    graph = emitted(Head(40, 10, act="relu6"))
    assert names(graph) == [
        *("features.conv", "features.bn", "features.act"),
        *("pool", "dropout", "classifier"),
    ]
    assert graph.node("b.dropout").op == Dropout(0.2)
    assert graph.nodes[-1].shape == (1, 1, 10)
    assert "dropout" not in names(emitted(Head(40, 10, dropout=0.0)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConvBlock(4, 1, 8), "ConvBlock: kernel must be odd, got 4"),
        (lambda: ConvBlock(0, 1, 8), "ConvBlock: kernel must be a whole number from 1, got 0"),
        (lambda: SepConv(3, 0, 8), "SepConv: stride must be a whole number from 1, got 0"),
        (lambda: SepConv(3, 1, -8), "SepConv: filters must be a whole number from 1, got -8"),
        (lambda: MBConv(3, 1, 0, 8), "MBConv: expanded must be a whole number from 1, got 0"),
        (lambda: MBConv(3, 1, 7.5, 8), r"MBConv: expanded must be a whole number .* got 7\.5"),
        (lambda: MBConv(3, True, 8, 8), "MBConv: stride must be a whole number .* got True"),
        (lambda: MBConv(3, 1, 8, 8, se=-1), "MBConv: se must be a whole number from 0, got -1"),
        (lambda: MBConv(3, 1, 8, 8, se=0.25), r"MBConv: se must be a whole number .* got 0\.25"),
        (lambda: ConvBlock(3, 1, 8, act="gelu"), "act must be one of relu, relu6, .*; got 'gelu'"),
        (lambda: SepConv(3, 1, 8, skip="max"), "skip must be one of identity, pool, none; got"),
        (lambda: Head(0, 10), "Head: filters must be a whole number from 1, got 0"),
        (lambda: Head(8, 0), "Head: classes must be a whole number from 1, got 0"),
        (lambda: Head(8, 10, act="softmax"), "Head: act must be one of"),
        (lambda: Head(8, 10, 1.0), r"Head: dropout must be in \[0, 1\), got 1\.0"),
        (lambda: Head(8, 10, -0.1), r"Head: dropout must be in \[0, 1\), got -0\.1"),
        (lambda: Head(8, 10, float("nan")), r"Head: dropout must be in \[0, 1\), got nan"),
        (lambda: Head(8, 10, "0.2"), r"Head: dropout must be in \[0, 1\), got '0\.2'"),
    ],
)
def test_what_is_out_of_range_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        make()
