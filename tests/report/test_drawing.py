"""The drawing: well-formed, complete, and read off the graph alone."""

from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import MBConv
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import from_lines, to_lines
from pocketnas.arch.scaling import MOBILE_STRIDES, fit_strides
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.count import madds, parameters
from pocketnas.graph.ops import Concat
from pocketnas.report.drawing import draw
from pocketnas.report.layers import stages
from pocketnas.zoo import mnasnet_a1, mnasnet_small, mobilenet_v2

SVG = "{http://www.w3.org/2000/svg}"
TINY = {"resolution": 28, "classes": 10, "channels": 1, "width": 0.35}
MIXED = from_lines(
    [
        "in_p64_c3",
        "cn_r1_k3_s2_c16",
        "cn_r1_k5_s1_c16_pool ds_r2_k3_s2_c24_se0.25 ir_r14_k3_s1_x100_c24_noskip",
        "ir_r5_k5_s2_e6_c40_pool_nhs",
        "hd_c64_n10_d0.2_nhs",
    ]
)


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    "architecture",
    [
        mnasnet_a1(),
        mnasnet_small(),
        mobilenet_v2(**TINY, strides=fit_strides(MOBILE_STRIDES, 28)),
        mnasnet_a1(**TINY),  # ends in a map of one value
        MIXED,
    ],
    ids=["a1", "small", "28px", "1x1", "mixed"],
)
def test_is_well_formed_and_says_every_string_and_shape(architecture: Architecture) -> None:
    said = texts(draw(architecture))
    for line in to_lines(architecture)[1:]:
        assert set(line.split()) <= {word for text in said for word in text.split()}
    for i in range(len(architecture.stages)):
        assert f"stage {i + 1}" in said
    assert {"stem", "head"} <= set(said)


def test_shapes_and_shares_of_mnasnet_a1() -> None:
    said = [text.replace("\u00a0", " ") for text in texts(draw(mnasnet_a1()))]
    assert {"224×224×3", "→ 112×112×32", "→ 7×7×320", "→ 1×1×1000"} <= set(said)
    assert "of 312 M multiply-adds" in said
    assert "of 3.89 M parameters" in said
    assert "44 % · 1.69 M" in said  # the head's parameters
    assert said.count("÷2") == 5


def test_layers_account_for_the_whole_graph() -> None:
    graph = mnasnet_a1().graph()
    layers = [layer for stage in stages(graph).values() for layer in stage]
    assert sum(layer.madds for layer in layers) == madds(graph)
    assert sum(layer.parameters for layer in layers) == parameters(graph)
    assert len(layers) == 18


def test_what_a_layer_is_comes_from_its_ops() -> None:
    found = stages(MIXED.graph())
    pooled, gated, plain = (found["stages.0"][i] for i in (0, 2, 3))
    assert (pooled.kind, pooled.skip, pooled.gated) == ("plain", "pool", False)
    assert (gated.kind, gated.skip, gated.gated) == ("separable", "identity", True)
    assert (plain.kind, plain.skip) == ("bottleneck", "none")
    assert [(step.kernel, step.channels) for step in plain.steps] == [(1, 100), (3, 100), (1, 24)]
    assert [layer.before[0] / layer.after[0] for layer in found["stages.1"]] == [2, 1, 1, 1, 1]


def test_long_stages_are_counted_not_cut_off() -> None:
    assert "+5" in texts(draw(MIXED))


@dataclass(frozen=True)
class Branches:
    """A block without a notation."""

    filters: int

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        left = net.conv(x, "left", self.filters, 3)
        right = net.depthwise(net.conv(x, "right", self.filters), "deep", 5)
        return net.add("join", Concat(), left, right)


def test_a_block_that_has_no_notation_is_drawn_by_its_name() -> None:
    stem = MBConv(3, 2, 8, 8)
    architecture = Architecture(32, stem, ((Branches(8), Branches(12)),), Head(32, 10))
    assert "Branches Branches" in texts(draw(architecture))
    assert [layer.kind for layer in stages(architecture.graph())["stages.0"]] == ["bottleneck"] * 2
