"""The drawing: well-formed, complete, and read off the graph alone."""

from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from architectures import NORMAL, REDUCTION, fitting
from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import MBConv
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import from_lines, to_lines
from pocketnas.arch.scaling import MOBILE_STRIDES, fit_strides
from pocketnas.errors import SettingError
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.count import madds, parameters
from pocketnas.graph.ops import Concat
from pocketnas.report.drawing import draw, drawing_png
from pocketnas.report.layers import KINDS, stages
from pocketnas.report.portrait import portrait
from pocketnas.zoo import mnasnet_a1, mnasnet_small, mobilenet_v2

NASNET = from_lines(
    [
        "in_p64_c3",
        "cs_k3_s2_c8",
        f"ce_s2_c4_{REDUCTION}",
        f"ce_r3_c8_{NORMAL}",
        f"ce_s2_c16_{REDUCTION} ce_r2_c16_b3_{NORMAL}",
        "ch_n10_d0.5",
        "ax_a1_c8_h8_n10",
    ]
)
RESNET = from_lines(
    [
        "in_p224_c3",
        "cp_k7_s2_c64",
        "ba_r3_c64",
        "bo_r24_s2_x128_c512",
        "bo_r36_s2_x256_c1024",
        "bo_r3_s2_x512_c2048",
        "hd_c0_n1000_d0.0",
    ]
)
FUSED = from_lines(
    [
        "in_p64_c3",
        "cn_s2_c24_nsw",
        "cn_r2_c24_nsw dsa_c24",
        "er_r3_s2_e4_c48_nsw",
        "ir_r3_s2_e4_c128_se0.25_nsw",
        "hd_c1280_n1000_d0.2_h64_nsw",
    ]
)
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
        RESNET,
        FUSED,
    ],
    ids=["a1", "small", "28px", "1x1", "mixed", "resnet", "fused"],
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
    assert (plain.kind, plain.skip) == ("inverted", "none")
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
    found = stages(architecture.graph())["stages.0"]
    assert [(layer.kind, layer.joined) for layer in found] == [("cell", 2)] * 2


def kinds(architecture: Architecture) -> dict[str, list[str]]:
    rows = stages(architecture.graph())
    return {name: [layer.kind for layer in row] for name, row in rows.items()}


def test_every_kind_of_block_is_told_from_its_ops() -> None:
    assert kinds(RESNET) == {
        "stem": ["plain"],
        **{f"stages.{i}": ["residual"] * n for i, n in enumerate((3, 24, 36, 3))},
        "head": ["classifier"],
    }
    assert kinds(FUSED) == {
        "stem": ["plain"],
        "stages.0": ["plain", "plain", "separable"],
        "stages.1": ["fused"] * 3,
        "stages.2": ["inverted"] * 3,
        "head": ["classifier"],
    }
    assert kinds(NASNET)["stages.2"] == ["cell"] * 3


def test_shortcuts_of_resnet_are_projected_where_the_shape_changes() -> None:
    rows = stages(RESNET.graph())
    assert [layer.skip for layer in rows["stages.0"]] == ["identity"] * 3
    assert [layer.skip for layer in rows["stages.3"]] == ["projection", "identity", "identity"]
    assert str(rows["stages.3"][0]).startswith(
        "stages.3.0: 14×14×1024 → 7×7×2048; 1×1 to 512 → 3×3 to 512 → 1×1 to 2048, projected"
    )


def test_a_cell_shows_the_branches_that_it_joins_and_reads_the_block_before() -> None:
    rows = stages(NASNET.graph())
    layers = [layer for row in rows.values() for layer in row]
    assert [layer.joined for layer in layers] == [0, 4, 6, 6, 6, 4, 6, 6, 0]
    assert all(layer.before == earlier.after for earlier, layer in pairwise(layers))
    assert {layer.skip for layer in layers} == {"none"}
    assert texts(draw(NASNET)).count("÷2") == 3, "the stem and two reduction cells"
    assert "6 branches joined, the longest 1×1 to 8" in str(layers[2])


def test_long_strings_are_broken_and_the_auxiliary_head_has_none() -> None:
    said = texts(draw(NASNET))
    for line in to_lines(NASNET)[1:-1]:
        assert line.replace(" ", "") in "".join(text.replace(" ", "") for text in said)
    assert max(map(len, said)) <= 61
    assert not any(text.startswith("ax_") for text in said)


@pytest.mark.parametrize("architecture", [RESNET, NASNET, MIXED, FUSED])
def test_the_legend_explains_what_is_there_and_nothing_else(architecture: Architecture) -> None:
    svg = draw(architecture)
    layers = [layer for row in stages(architecture.graph()).values() for layer in row]
    said = set(texts(svg))
    for kind, (_, words) in KINDS.items():
        assert (words in said) == any(layer.kind == kind for layer in layers)
    assert ("squeeze-and-excite" in said) == any(layer.gated for layer in layers)
    assert ("projected shortcut" in said) == any(layer.skip == "projection" for layer in layers)


@pytest.mark.parametrize("architecture", [RESNET, NASNET, MIXED, FUSED, mnasnet_a1()])
def test_blocks_of_a_row_stand_side_by_side(architecture: Architecture) -> None:
    for row in ElementTree.fromstring(draw(architecture)).findall(f"{SVG}g"):
        spans = []
        for outline in row.iter(f"{SVG}polygon"):
            if outline.get("class", "").startswith("outline"):
                corners = [float(pair.split(",")[0]) for pair in outline.get("points", "").split()]
                spans.append((min(corners), max(corners)))
        assert all(end < start for (_, end), (start, _) in pairwise(spans))
        assert all(0 <= start < end < 728 for start, end in spans), "not over the bars"


@given(fitting())
@settings(max_examples=15)
def test_any_network_can_be_drawn(architecture: Architecture) -> None:
    ElementTree.fromstring(draw(architecture))
    portrait(stages(architecture.graph()), {})


def shares_of(architecture: Architecture) -> dict[str, float]:
    layers = [layer for row in stages(architecture.graph()).values() for layer in row]
    return {layer.path: 1 / len(layers) for layer in layers}


def test_png(tmp_path: Path) -> None:
    path = tmp_path / "network.png"
    drawing_png(FUSED, path)
    with Image.open(path) as image:
        plain = image.size
        assert image.format == "PNG"
    drawing_png(FUSED, path, shares_of(FUSED))
    with Image.open(path) as image:
        assert image.size[0] == plain[0] == 2100
        assert image.size[1] > plain[1], "one row more, the latency"
    assert [file.name for file in tmp_path.iterdir()] == ["network.png"]


def test_a_png_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "network.png"
    with pytest.raises(SettingError, match=r"network\.png: cannot be written: No such file"):
        drawing_png(FUSED, path)


def test_the_picture_names_stages_shapes_and_shares() -> None:
    rows = stages(RESNET.graph())
    shares = {"stem": 0.1, "stages.1.0": 0.2, "stages.1.23": 0.3, "head": 0.002}
    figure = portrait(rows, shares)
    said = [text.get_text().replace("\u00a0", " ") for text in figure.axes[0].texts]
    assert {"stem", "stage 1", "stage 4", "head", "28×28×512", "1×1×1000"} <= set(said)
    assert "224×224×3 → 1000 classes, 68 blocks" in said
    assert said.count("latency") == 1
    end = said.index("multiply-adds")
    assert said[said.index("latency") + 1 : end] == ["17 %", "0 %", "83 %", "0 %", "0 %", "<1 %"]
    plain = portrait(rows, None)
    assert "latency" not in [text.get_text() for text in plain.axes[0].texts]


DEEP = from_lines(
    [
        "in_p96_c3",
        "cn_s2_c8",
        *(f"ir_r30_s2_e2_c{8 << i}_se0.25" for i in range(4)),
        "hd_c64_n9_d0.0",
    ]
)


@pytest.mark.parametrize(
    "architecture",
    [RESNET, NASNET, MIXED, FUSED, DEEP, mnasnet_a1(), mnasnet_small()],
    ids=["resnet", "nasnet", "mixed", "fused", "deep", "a1", "small"],
)
def test_nothing_in_the_picture_overlaps(architecture: Architecture) -> None:
    figure = portrait(stages(architecture.graph()), shares_of(architecture))
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    legend = axes.get_legend()
    assert legend is not None
    words = [text.get_window_extent(renderer) for text in axes.texts]
    words.append(legend.get_window_extent(renderer))
    for one, other in combinations(words, 2):
        assert not one.overlaps(other)
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in words)
    boxes = [patch.get_window_extent(renderer) for patch in axes.patches]
    assert len(boxes) == 4 * len(shares_of(architecture)), "a map and three bars a block"
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


def test_height_is_the_side_and_width_the_channels() -> None:
    layers = [layer for row in stages(RESNET.graph()).values() for layer in row]
    maps = portrait(stages(RESNET.graph()), None).axes[0].patches[: len(layers)]
    sizes = [patch.get_window_extent().size for patch in maps]
    for (one, (width, height)), (other, (width2, height2)) in combinations(
        zip(layers, sizes, strict=True), 2
    ):
        assert (one.after[0] > other.after[0]) == (height > height2 + 1e-6)
        assert (one.after[2] > other.after[2]) == (width > width2 + 1e-6)
