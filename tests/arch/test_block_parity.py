"""Every block kind computes the same in torch and in LiteRT: both strides, paddings, parities."""

from itertools import product

import pytest

from architectures import NORMAL, REDUCTION
from parity import assert_parity
from pocketnas.arch import Architecture, ConvBlock, Head, MBConv, SepConv, from_lines
from pocketnas.arch.blocks import Block, FusedMBConv
from pocketnas.arch.cells import Cell, CellHead, CellStem
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.arch.wiring import OPERATIONS
from pocketnas.graph.ops import Padding

FILTERS = 6
CONVOLUTIONS: list[Block] = [
    block
    for stride, se, skip in product((1, 2), (0, 2), ("none", "identity", "pool"))
    if stride == 1 or skip != "identity"
    for block in (
        ConvBlock(5 if se else 3, stride, FILTERS, "relu", se, skip),
        SepConv(3 if se else 5, stride, FILTERS, "relu6", se, skip, "swish", linear=not se),
        MBConv(5 if se else 3, stride, 18, FILTERS, "hswish", se, skip, "relu", "hsigmoid"),
        FusedMBConv(3, stride, 18, FILTERS, "swish", se, skip, "swish"),
    )
]
RESIDUAL: list[Block] = [
    block
    for stride in (1, 2)
    for block in (
        PoolStem(7 if stride == 2 else 3, stride, FILTERS),
        BasicBlock(stride, FILTERS),
        BasicBlock(stride, 9, "swish"),
        Bottleneck(stride, 4, FILTERS),
        Bottleneck(stride, 4, 9, "relu6"),
    )
]
CELLS: list[Block] = [
    Cell(NORMAL, 4),
    Cell(REDUCTION, 4, 2),
    Cell("id(0)+max3(1)|sep7(0)+id(2)", 5),
    Cell("id(0)+max3(1)|avg3(0)+id(2)|concat(0,1,3)", 5, 2),
    Cell("sep3(0)&id(1)|max3(2)+id(2)|avg3(2)&id(3)|conv13(4)&sep5(4)|concat(0,2,4,5)", 4),
    Cell("conv3(0)&id(1)|max5(2)+dil3(2)|id(2)&id(2)|concat(1,2,3,4)", 4, 2),
]
OPERATING: list[Block] = [
    Cell(f"{operation}(0)+{operation}(1)|{operation}(2)&id(0)", 4, stride)
    for stride in (1, 2)
    for operation in OPERATIONS
]


@pytest.mark.parametrize("padding", ["same", "symmetric"])
@pytest.mark.parametrize("resolution", [13, 14])
@pytest.mark.parametrize("block", [*CONVOLUTIONS, *RESIDUAL, *CELLS, *OPERATING], ids=str)
def test_block(block: Block, resolution: int, padding: Padding) -> None:
    stem = ConvBlock(3, 1, FILTERS)
    architecture = Architecture(resolution, stem, ((block,),), Head(8, 5), padding=padding)
    assert_parity(architecture.graph())


@pytest.mark.parametrize("head", [Head(0, 5), Head(8, 5, act="hswish", hidden=7), CellHead(5)])
@pytest.mark.parametrize("stem", [CellStem(3, 2, 6), CellStem(3, 1, 6, "symmetric")])
def test_heads_and_stems(stem: Block, head: Block) -> None:
    assert_parity(Architecture(14, stem, (), head, 1, epsilon=1e-5).graph())


@pytest.mark.parametrize("padding", ["same", "symmetric"])
@pytest.mark.parametrize("resolution", [67, 68])
def test_cells_behind_one_another(resolution: int, padding: Padding) -> None:
    """Previous inputs of other sizes and channels, and both outputs."""
    lines = [
        f"in_p{resolution}_c3_{padding}",
        "cs_k3_s2_c6",
        f"ce_s2_c2_{REDUCTION}",
        f"ce_r2_c4_{NORMAL}",
        f"ce_s2_c5_{REDUCTION} ce_c5_b3_{NORMAL}",
        "ch_n7_d0.5",
        "ax_a1_c6_h5_n7",
    ]
    assert_parity(from_lines(lines).graph(drop_path=0.3, auxiliary=True))


def test_found_network_with_odd_widths() -> None:
    lines = [
        "in_p28_c1",
        "cn_r1_k3_s2_c8",
        "ds_r1_k5_s1_c5_se0.25",
        "cn_r2_k3_s2_c7_pool",
        "ir_r3_k5_s1_e3_c9_se0.25_noskip",
        "ir_r2_k3_s2_e6_c30_pool",
        "hd_c40_n10_d0.2",
    ]
    assert_parity(from_lines(lines).graph())
