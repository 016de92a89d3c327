"""Every block kind computes the same in torch and in LiteRT: both strides, odd and even sizes."""

from itertools import product

import pytest

from parity import assert_parity
from pocketnas.arch import Architecture, ConvBlock, Head, MBConv, SepConv, from_lines
from pocketnas.arch.blocks import Block
from pocketnas.zoo import mnasnet_a1, mnasnet_small, mobilenet_v2

FILTERS = 6
BLOCKS: list[Block] = [
    block
    for kernel, stride, se, skip in product((3, 5), (1, 2), (0, 2), ("none", "identity", "pool"))
    if stride == 1 or skip != "identity"
    for block in (
        ConvBlock(kernel, stride, FILTERS, "relu", se, skip),
        SepConv(kernel, stride, FILTERS, "relu6", se, skip),
        MBConv(kernel, stride, 3 * FILTERS, FILTERS, "hswish" if se else "swish", se, skip),
    )
]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
@pytest.mark.parametrize("resolution", [13, 14])
def test_block(block: Block, resolution: int) -> None:
    stem = ConvBlock(3, 1, FILTERS)
    assert_parity(Architecture(resolution, stem, ((block,),), Head(8, 5)).graph())


@pytest.mark.parametrize("network", [mobilenet_v2, mnasnet_a1, mnasnet_small])
@pytest.mark.parametrize("resolution", [33, 64])
def test_published_network(network, resolution: int) -> None:  # type: ignore[no-untyped-def]
    assert_parity(network(resolution=resolution, classes=10).graph(), seed=resolution)


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
