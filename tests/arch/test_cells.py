"""NASNet's cells: 1707.07012, figure 4 and appendix A.4, as `nasnet_utils` builds them."""

from collections.abc import Callable
from typing import Any

import pytest

from architectures import NORMAL, REDUCTION, emitted, names
from pocketnas.arch import from_lines
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellHead, CellStem
from pocketnas.errors import ArchitectureError
from pocketnas.graph import Builder, Graph, Node, parameters
from pocketnas.graph.ops import (
    Activation,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    MaxPool,
    Shape,
    Shift,
)

F = 4
RELU_CONV = ["act", "conv", "bn"]
REDUCED = ["even", "shift", "odd", "concat", "bn"]


def separable(kernel: int, filters: int = F) -> int:
    """Parameters of ReLU, depthwise, pointwise, BN, applied twice."""
    return 2 * (kernel**2 * filters + filters**2 + 2 * filters)


def relu_conv(before: int, filters: int = F) -> int:
    """Parameters of ReLU, 1x1, BN."""
    return before * filters + 2 * filters


def between(cell: Cell, x: Shape, prev: Shape, **options: Any) -> Graph:
    """A cell `b` that reads two maps of the given shapes, `x` and `prev`.

    Both come from one image by a convolution and, where `x` is smaller, a stride.
    """
    net = Builder(prev, **options)
    before = net.add("prev", Conv(prev[2], (1, 1)), net.input)
    now = net.add("x", Conv(x[2], (1, 1), -(-prev[0] // x[0])), before)
    assert now.shape == x
    with net.scope("b"):
        return net.graph(cell.emit(net, now, before))


def below(graph: Graph, place: str) -> list[Node]:
    return [node for node in graph.nodes if node.name.startswith(f"b.{place}.")]


def named(graph: Graph, place: str) -> list[str]:
    return [node.name.removeprefix(f"b.{place}.") for node in below(graph, place)]


def count(graph: Graph) -> int:
    """Parameters of the block `b` alone."""
    around = [node for node in graph.nodes if node.name in ("prev", "x")]
    return parameters(graph) - sum(node.shape[2] * node.input_shapes[0][2] for node in around)


def test_nasnet_a_normal_cell() -> None:
    graph = between(Cell(NORMAL, F), (8, 8, 24), (8, 8, 12))
    assert graph.nodes[-1].shape == (8, 8, 6 * F)
    assert Cell(NORMAL, F).channels == 6 * F
    assert graph.nodes[-1].inputs == (
        "b.previous.bn",
        *(f"b.pairs.{i}.add" for i in range(5)),
    )
    separables = 2 * separable(5) + 3 * separable(3)
    assert count(graph) == relu_conv(24) + relu_conv(12) + separables
    assert count(graph) == 26 * 4 + 14 * 4 + 4 * (27 * 4 + 16) + 6 * (11 * 4 + 16)


def test_nasnet_a_reduction_cell() -> None:
    graph = between(Cell(REDUCTION, F, 2), (8, 8, 24), (8, 8, 12))
    assert graph.nodes[-1].shape == (4, 4, 4 * F)
    assert Cell(REDUCTION, F, 2).channels == 4 * F
    assert graph.nodes[-1].inputs == tuple(f"b.pairs.{i}.add" for i in range(1, 5))
    separables = 2 * separable(5) + 2 * separable(7) + separable(3)
    assert count(graph) == relu_conv(24) + relu_conv(12) + separables


def test_a_separable_operation_is_applied_twice_and_strides_once() -> None:
    graph = between(Cell("sep5(0)+id(1)", F, 2), (8, 8, 9), (8, 8, F))
    layer = ["act", "depthwise", "pointwise", "bn"]
    assert named(graph, "pairs.0.left") == [f"{i}.{name}" for i in range(2) for name in layer]
    first, second = (graph.node(f"b.pairs.0.left.{i}.depthwise") for i in range(2))
    assert (first.op, second.op) == (Depthwise((5, 5), 2), Depthwise((5, 5), 1))
    assert graph.node("b.pairs.0.left.1.pointwise").op == Conv(F, (1, 1))
    assert graph.node("b.pairs.0.left.0.act").inputs == ("b.input.bn",)


def test_only_operations_on_a_cell_input_stride() -> None:
    graph = between(Cell(REDUCTION, F, 2), (8, 8, 24), (8, 8, 12))
    assert graph.node("b.pairs.1.left.pool").op == MaxPool(3, 2)
    assert graph.node("b.pairs.2.left.pool").op == AvgPool(3, 2)
    assert graph.node("b.pairs.3.right.pool").op == AvgPool(3, 1)
    assert graph.node("b.pairs.4.left.0.depthwise").op == Depthwise((3, 3), 1)
    assert {node.shape for node in graph.nodes if node.name.endswith(".add")} == {(4, 4, F)}


def test_identity_is_nothing_unless_the_shape_changes() -> None:
    cell = "id(0)+id(1)|id(2)+id(0)"
    normal = between(Cell(cell, F), (8, 8, 9), (8, 8, F))
    assert names(normal)[2:] == [*(f"input.{n}" for n in RELU_CONV), *ADDS, "output.concat"]
    assert normal.node("b.pairs.0.add").inputs == ("b.input.bn", "prev")
    reduction = between(Cell(cell, F, 2), (8, 8, 9), (8, 8, F))
    for place in ("pairs.0.left", "pairs.0.right", "pairs.1.right"):
        assert named(reduction, place) == [f"conv.{n}" for n in RELU_CONV]
        assert reduction.node(f"b.{place}.conv.conv").op == Conv(F, (1, 1), 2)
    assert named(reduction, "pairs.1.left") == []


ADDS = ["pairs.0.add", "pairs.1.add"]


def test_whoever_reads_a_concatenated_pair_has_the_filters_of_the_cell() -> None:
    """Appendix A.4: 1x1 convolutions where shapes differ; the output joins all as they are."""
    cell = Cell("id(0)&id(0)|id(2)+max5(2)|sep3(2)&conv3(2)|concat(0,2,3,4)", F)
    graph = between(cell, (8, 8, 9), (8, 8, F))
    pair = graph.node("b.pairs.0.concat")
    assert (pair.op, pair.shape) == (Concat(), (8, 8, 2 * F))
    assert named(graph, "pairs.1.left") == [f"conv.{n}" for n in RELU_CONV]
    assert named(graph, "pairs.1.right") == ["pool", "conv.conv", "conv.bn"]
    assert graph.node("b.pairs.2.left.0.pointwise").op == Conv(F, (1, 1))
    assert graph.node("b.pairs.2.right.conv.conv").input_shapes == ((8, 8, 2 * F),)
    assert graph.node("b.pairs.1.add").shape == (8, 8, F)
    joined = graph.node("b.output.concat")
    assert joined.inputs == ("b.input.bn", pair.name, "b.pairs.1.add", "b.pairs.2.concat")
    assert joined.shape[2] == cell.channels == (1 + 2 + 1 + 2) * F


def test_pools_are_followed_by_a_convolution_only_where_the_filters_differ() -> None:
    stem = emitted(Cell("max3(1)+avg3(0)", F), channels=9)  # prev is x
    assert named(stem, "pairs.0.left") == ["pool", "conv.conv", "conv.bn"]
    assert named(stem, "pairs.0.right") == ["pool"]


@pytest.mark.parametrize(
    ("x", "prev", "expected"),
    [
        ((8, 8, 24), (8, 8, 12), [f"previous.{name}" for name in RELU_CONV]),
        ((8, 8, 24), (8, 8, F), []),
        ((8, 8, 24), (16, 16, 12), ["previous.act", *(f"previous.{name}" for name in REDUCED)]),
        ((8, 8, 24), (15, 15, F), ["previous.act", *(f"previous.{name}" for name in REDUCED)]),
    ],
    ids=["channels", "none", "even", "odd"],
)
def test_the_previous_input_is_fitted(x: Shape, prev: Shape, expected: list[str]) -> None:
    graph = between(Cell("sep3(0)+id(1)", F), x, prev)
    assert [name for name in names(graph) if name.startswith("previous")] == expected
    assert graph.nodes[-1].shape == (*x[:2], F)
    read = graph.node("b.pairs.0.add").inputs[1]
    assert read == ("b.previous.bn" if expected else "prev")


def test_a_factorized_reduction_sees_every_pixel() -> None:
    graph = between(Cell("sep3(0)+id(1)", 5), (8, 8, 24), (16, 16, 12))
    assert graph.node("b.previous.even").op == Conv(2, (1, 1), 2)
    assert graph.node("b.previous.even").inputs == ("b.previous.act",)
    assert graph.node("b.previous.shift").op == Shift()
    assert graph.node("b.previous.odd").op == Conv(3, (1, 1), 2)
    assert graph.node("b.previous.odd").inputs == ("b.previous.shift",)
    assert graph.node("b.previous.concat").op == Concat()
    reduction = 12 * 5 + 2 * 5
    assert count(graph) == relu_conv(24, 5) + reduction + separable(3, 5)


def test_the_first_cell_reads_the_stem_twice_and_once_as_it_is() -> None:
    """A NASNet whose first cell has nothing before the stem (`prev_layer` is None there)."""
    graph = emitted(Cell(NORMAL, F), channels=12)
    assert not named(graph, "previous")
    assert graph.node("b.pairs.0.right.0.act").inputs == ("input",)
    assert named(graph, "output") == ["reduce1.conv", "reduce1.bn", "concat"]
    assert graph.node("b.output.reduce1.conv").inputs == ("input",), "no ReLU in front"
    assert graph.nodes[-1].shape == (8, 8, 6 * F)
    # States of 12 filters: a separable's first half, id and each pool get a convolution.
    wide = (9 * 12 + 12 * F + 2 * F) + separable(3) // 2
    wide5 = (25 * 12 + 12 * F + 2 * F) + separable(5) // 2
    pooled = 12 * F + 2 * F
    expected = relu_conv(12) + separable(5) + 2 * wide + wide5 + relu_conv(12) + 2 * pooled
    assert parameters(graph) == expected + separable(3) + pooled


def test_what_is_joined_gets_the_size_of_the_output() -> None:
    """A reduction cell that leaves both of its inputs over."""
    graph = between(Cell("max3(0)+max3(1)|id(2)+id(2)|concat(0,1,3)", F, 2), (8, 8, 9), (8, 8, 12))
    for i in (0, 1):
        assert named(graph, f"output.reduce{i}") == REDUCED
    assert graph.node("b.output.concat").input_shapes == ((4, 4, F),) * 3


def test_padding_of_the_network() -> None:
    graph = between(Cell(REDUCTION, F, 2), (8, 8, 24), (8, 8, 12), padding="symmetric")
    windows = [
        node.op for node in graph.nodes if isinstance(node.op, Depthwise | MaxPool | AvgPool)
    ]
    assert {op.padding for op in windows} == {"symmetric"}
    assert graph.nodes[-1].shape == (4, 4, 4 * F)


def test_drop_path_is_on_every_branch_that_computes() -> None:
    net = Builder((8, 8, 12), drop_path=0.4)
    net.place = (2, 4)
    with net.scope("b"):
        graph = net.graph(Cell(NORMAL, F).emit(net, net.conv(net.input, "x", 9), net.input))
    drops = {node.name: node.op for node in graph.nodes if isinstance(node.op, DropPath)}
    assert set(drops.values()) == {DropPath(0.4 * 3 / 4)}, "the third cell of four"
    every = {f"b.pairs.{i}.{side}.drop" for i in range(5) for side in ("left", "right")}
    assert set(drops) == every - {"b.pairs.2.right.drop", "b.pairs.4.right.drop"}
    assert graph.node("b.pairs.2.add").inputs == ("b.pairs.2.left.drop", "b.previous.bn")


NASNET = [
    "in_p64_c3",
    "cs_k3_s2_c8",
    f"ce_s2_c2_{REDUCTION} ce_s2_c4_{REDUCTION}",
    f"ce_r2_c8_{NORMAL}",
    f"ce_s2_c16_{REDUCTION} ce_c16_b3_{NORMAL} ce_c16_{NORMAL}",
    "ch_n10_d0.5",
    "ax_a1_c6_h7_n10",
]


def test_reach_says_which_earlier_output_is_the_previous() -> None:
    graph = from_lines(NASNET).graph()
    outputs = ["stem.conv.bn"]
    outputs += [f"stages.{i}.output.concat" for i in ("0.0", "0.1", "1.0", "1.1", "2.0", "2.1")]
    read = [_previous(graph, f"stages.{i}") for i in ("0.1", "1.0", "1.1", "2.0", "2.1", "2.2")]
    assert read == [*outputs[:4], outputs[3], outputs[5]]
    assert named_in(graph, "stages.0.0.previous") == []
    assert named_in(graph, "stages.2.1.previous") == ["act", *REDUCED], "from before the reduction"


def _previous(graph: Graph, cell: str) -> str:
    """Whose output the alignment of a cell's previous input reads."""
    return graph.node(f"{cell}.previous.act").inputs[0]


def named_in(graph: Graph, place: str) -> list[str]:
    return [n.name.removeprefix(f"{place}.") for n in graph.nodes if n.name.startswith(place)]


@pytest.mark.parametrize(
    ("cells", "filters", "stem", "expected"),
    [(12, 44, 32, 5_289_978), (18, 168, 96, 88_753_150)],
    ids=["4 @ 1056", "6 @ 4032"],
)
def test_parameters_of_nasnet_a(cells: int, filters: int, stem: int, expected: int) -> None:
    """Trained parameters of NASNetMobile and NASNetLarge in Keras; timm's nasnetalarge agrees."""
    n = cells // 3
    lines = [
        "in_p224_c3",
        f"cs_k3_s2_c{stem}",
        f"ce_s2_c{filters // 4}_{REDUCTION} ce_s2_c{filters // 2}_{REDUCTION}",
        f"ce_r{n}_c{filters}_{NORMAL}",
        f"ce_s2_c{2 * filters}_{REDUCTION} ce_r{n}_c{2 * filters}_{NORMAL}",
        f"ce_s2_c{4 * filters}_{REDUCTION} ce_r{n}_c{4 * filters}_{NORMAL}",
        "ch_n1000_d0.5",
    ]
    graph = from_lines(lines).graph()
    assert graph.node("head.classifier").input_shapes == ((1, 1, 24 * filters),)
    assert parameters(graph) == expected


def test_cell_stem_leaves_the_activation_to_the_cells() -> None:
    graph = emitted(CellStem(3, 2, 32), channels=3, size=224)
    assert names(graph) == ["conv.conv", "conv.bn"]
    assert graph.node("b.conv.conv").op == Conv(32, (3, 3), 2, "valid")
    assert graph.nodes[-1].shape == (111, 111, 32)
    cifar = emitted(CellStem(3, 1, 96, "same"), channels=3, size=32, padding="symmetric")
    assert cifar.node("b.conv.conv").op == Conv(96, (3, 3), 1, "same"), "its own padding"


def test_cell_head() -> None:
    graph = emitted(CellHead(10))
    assert names(graph) == ["act", "pool", "dropout", "classifier"]
    assert graph.node("b.act").op == Activation("relu")
    assert graph.node("b.dropout").op == Dropout(0.5)
    assert parameters(graph) == 12 * 10 + 10
    assert names(emitted(CellHead(10, 0.0))) == ["act", "pool", "classifier"]


def test_auxiliary_head() -> None:
    """Of NASNet-A mobile at 224 pixels: 14x14 x 528 filters, two thirds up the network."""
    graph = emitted(AuxiliaryHead(2, 1000), channels=528, size=14)
    assert names(graph) == [
        *("act", "pool", "project.conv", "project.bn", "project.act"),
        *("hidden.conv", "hidden.bn", "hidden.act", "classifier"),
    ]
    assert graph.node("b.pool").op == AvgPool(5, 3, "valid")
    assert graph.node("b.pool").shape == (4, 4, 528)
    assert graph.node("b.hidden.conv").op == Conv(768, (4, 4), padding="valid")
    assert graph.node("b.hidden.conv").shape == (1, 1, 768)
    assert graph.node("b.classifier").op == Dense(1000)
    project, hidden = 528 * 128 + 2 * 128, 16 * 128 * 768 + 2 * 768
    assert parameters(graph) == project + hidden + 768 * 1000 + 1000


def test_the_auxiliary_head_is_a_second_output_only_on_request() -> None:
    architecture = from_lines(NASNET)
    plain, both = architecture.graph(), architecture.graph(auxiliary=True)
    assert plain.outputs == ("head.classifier",)
    assert both.outputs == ("head.classifier", "auxiliary.classifier")
    assert both.node("auxiliary.act").inputs == ("stages.1.1.output.concat",)
    assert both.nodes[: len(plain.nodes)] == plain.nodes
    assert isinstance(both.node("auxiliary.project.bn").op, BatchNorm)


def test_a_previous_input_of_four_times_the_size_does_not_fit() -> None:
    lines = ["in_p32_c3", "cs_k3_s2_c8_same", "cn_s2_c8 cn_s2_c8 ce_s2_c4_b3_sep3(0)+sep3(1)"]
    with pytest.raises(ArchitectureError, match=r"^stages\.0\.2\.pairs\.0\.add: add: needs two eq"):
        from_lines([*lines, "ch_n10_d0.5"]).graph()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cell(NORMAL, 0), "Cell: filters must be a whole number from 1, got 0"),
        (lambda: Cell(NORMAL, 4, reach=0), "Cell: reach must be a whole number from 1, got 0"),
        (lambda: Cell(7, 4), "Cell: cell must be a string, got 7"),
        (lambda: Cell("sep3(0)", 4), r"cell 'sep3\(0\)': a pair must read like"),
        (lambda: CellStem(2, 1, 8), "CellStem: kernel must be odd, got 2"),
        (lambda: CellStem(3, 1, 8, "full"), "CellStem: padding must be one of same, .*got 'full'"),
        (lambda: CellHead(0), "CellHead: classes must be a whole number from 1, got 0"),
        (lambda: CellHead(9, 1), r"CellHead: dropout must be in \[0, 1\), got 1"),
        (lambda: AuxiliaryHead(-1, 10), "AuxiliaryHead: after must be a whole .* 0, got -1"),
        (lambda: AuxiliaryHead(True, 10), "AuxiliaryHead: after must be .* from 0, got True"),
        (lambda: AuxiliaryHead(0, 10, hidden=0), "AuxiliaryHead: hidden must be .* 1, got 0"),
    ],
)
def test_what_is_out_of_range_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        make()
