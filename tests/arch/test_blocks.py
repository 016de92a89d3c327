from collections.abc import Callable
from typing import Any

import pytest

from architectures import emitted, names
from pocketnas.arch import Block, ConvBlock, MBConv, SepConv
from pocketnas.arch.blocks import FusedMBConv
from pocketnas.errors import ArchitectureError
from pocketnas.graph import madds, parameters
from pocketnas.graph.ops import Activation, AvgPool, Conv, Depthwise, Kind

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


def test_mobilenet_v1_activates_behind_the_projection_too() -> None:
    graph = emitted(SepConv(3, 2, 20, act="relu6", linear=False))
    assert names(graph)[3:] == ["project.conv", "project.bn", "project.act"]
    assert graph.node("b.project.act").op == Activation("relu6")


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


def test_fused_mbconv_expands_by_its_kernel_and_has_no_depthwise_layer() -> None:
    graph = emitted(FusedMBConv(5, 2, 37, 20, act="swish"))
    assert names(graph) == [
        *("expand.conv", "expand.bn", "expand.act"),
        *("project.conv", "project.bn"),
    ]
    assert graph.node("b.expand.conv").op == Conv(37, (5, 5), 2)
    assert graph.node("b.expand.conv").shape == (4, 4, 37)
    assert graph.node("b.project.conv").op == Conv(20, (1, 1))
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
        (FusedMBConv(3, 1, 36, 12, se=2), ["expand.conv", "expand.bn", "expand.act"]),
    ],
)
def test_other_blocks_squeeze_in_the_same_place(block: Block, before: list[str]) -> None:
    assert names(emitted(block))[: len(before) + len(SE)] == before + SE


EXPANDING: list[Callable[..., Block]] = [
    lambda *a, **k: MBConv(*a[:2], 36, 12, **k),
    lambda *a, **k: FusedMBConv(*a[:2], 36, 12, **k),
]


@pytest.mark.parametrize(
    ("inside", "gate"), [("relu", "sigmoid"), ("swish", "sigmoid"), ("relu", "hsigmoid")]
)
@pytest.mark.parametrize("kind", [ConvBlock, SepConv, *EXPANDING])
def test_what_is_inside_squeeze_excite(
    kind: Callable[..., Block], inside: Kind, gate: Kind
) -> None:
    graph = emitted(kind(3, 1, 12, se=2, se_act=inside, gate=gate))
    assert graph.node("b.se.act").op == Activation(inside)
    assert graph.node("b.se.gate").op == Activation(gate)


@pytest.mark.parametrize("kind", [ConvBlock, SepConv, *EXPANDING])
def test_no_squeeze_excite_has_no_style(kind: Callable[..., Block]) -> None:
    assert kind(3, 1, 12, se_act="swish", gate="hsigmoid") == kind(3, 1, 12)
    assert kind(3, 1, 12, se=2, se_act="swish") != kind(3, 1, 12, se=2)


@pytest.mark.parametrize("kind", [ConvBlock, SepConv, *EXPANDING])
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
        FusedMBConv(3, 2, 36, 12, skip="identity"),
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


def test_counts_of_one_fused_mbconv() -> None:
    """The first block of EfficientNet-EdgeTPU's second stage, with SE added: 24 filters in."""
    graph = emitted(FusedMBConv(3, 2, 192, 32, se=6), channels=24, size=112)
    batch_norms = 2 * (192 + 32)
    se = 192 * 6 + 6 + 6 * 192 + 192
    assert parameters(graph) == 24 * 192 * 9 + se + 192 * 32 + batch_norms
    assert madds(graph) == 56 * 56 * (24 * 192 * 9 + 192 * 32) + 2 * 192 * 6


@pytest.mark.parametrize("kind", [ConvBlock, SepConv, *EXPANDING])
def test_all_but_1x1_layers_have_the_padding_of_the_network(kind: Callable[..., Block]) -> None:
    graph = emitted(kind(3, 2, 12, skip="pool"), padding="symmetric")
    found = {
        node.op.padding
        for node in graph.nodes
        if isinstance(node.op, Conv | Depthwise | AvgPool) and node.op.stride == 2
    }
    assert found == {"symmetric"}
    assert graph.nodes[-1].shape == (4, 4, 12)


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
        (lambda: FusedMBConv(3, 1, "8", 8), "FusedMBConv: expanded must be a whole .* got '8'"),
        (lambda: FusedMBConv(2, 1, 8, 8), "FusedMBConv: kernel must be odd, got 2"),
        (lambda: MBConv(3, 1, 10**9, 8), "MBConv: expanded must be at most 999999999, got 1000"),
        (lambda: MBConv(3, 1, 8, 8, se=2, se_act="elu"), "MBConv: se_act must be one of relu, "),
        (lambda: SepConv(3, 1, 8, se=2, gate="relu"), "SepConv: gate must be one of sigmoid, hsig"),
        (lambda: SepConv(3, 1, 8, linear=1), "SepConv: linear must be true or false, got 1"),
        (lambda: SepConv(3, 1, 8, se=False), "SepConv: se must be a whole number from 0, got F"),
        (lambda: ConvBlock(3, 1, 8, act=[]), r"ConvBlock: act must be one of .*; got \[\]"),
    ],
)
def test_what_is_out_of_range_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        make()
