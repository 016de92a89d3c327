from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import SPACES, genotypes
from pocketnas.arch import ConvBlock, Head, MBConv, SepConv, to_lines
from pocketnas.arch.scaling import build
from pocketnas.errors import SpaceError
from pocketnas.spaces import Skeleton, mnasnet_space
from pocketnas.zoo.mobilenet import MOBILENET_V2

FIVE = Skeleton(strides=(2,) * 6, filters=(16, 24, 40, 80, 160), layers=(1, 2, 3, 3, 3))


def test_sizes_of_the_paper() -> None:
    """1807.11626, section 4.1: 432 per block; its example has five, its figure seven."""
    assert mnasnet_space(FIVE).size == 432**5 == 15_045_919_506_432
    assert mnasnet_space().size == 432**7


def test_decisions_of_a_block() -> None:
    space = mnasnet_space()
    assert len(space.decisions) == 7 * 6
    assert [(d.name, d.options) for d in space.decisions[6:12]] == [
        ("block1.conv_op", ("conv", "sepconv", "mbconv3", "mbconv6")),
        ("block1.kernel", (3, 5)),
        ("block1.se", (0.0, 0.25)),
        ("block1.skip", ("identity", "pool", "none")),
        ("block1.filters", (0.75, 1.0, 1.25)),
        ("block1.layers", (-1, 0, 1)),
    ]


# One row a block: conv op, kernel, SE, skip, filters, layers.
GENOTYPE = (
    *(1, 0, 0, 2, 1, 0),  # sepconv 3x3, no skip, 16, one layer
    *(3, 0, 0, 0, 1, 1),  # mbconv6 3x3, 24, two layers
    *(2, 1, 1, 0, 2, 1),  # mbconv3 5x5 with SE, 40, three layers
    *(3, 0, 0, 1, 2, 1),  # mbconv6 3x3, pool, 80, four layers
    *(0, 1, 1, 0, 0, 0),  # conv 5x5 with SE, 72, two layers
    *(1, 1, 0, 1, 0, 2),  # sepconv 5x5, pool, 120, four layers
    *(3, 0, 0, 0, 1, 2),  # mbconv6 3x3, 320, three layers
)


def test_a_genotype_golden() -> None:
    assert to_lines(mnasnet_space().decode(GENOTYPE)) == [
        "in_p224_c3",
        "cn_r1_k3_s2_c32",
        "ds_r1_k3_s1_c16",
        "ir_r2_k3_s2_e6_c24",
        "ir_r3_k5_s2_e3_c40_se0.25",
        "ir_r4_k3_s2_e6_c80_pool",
        "cn_r2_k5_s1_c72_se0.25",
        "ds_r4_k5_s2_c120_pool",
        "ir_r3_k3_s1_e6_c320",
        "hd_c1280_n1000_d0.2",
    ]


def test_mobilenet_v2_is_a_point_of_the_space() -> None:
    rows = [(1, 0, 0, 0, 1, 0), *[(3, 0, 0, 0, 1, 1)] * 5, (3, 0, 0, 0, 1, 0)]
    found = mnasnet_space().decode(tuple(option for row in rows for option in row))
    assert found == build(MOBILENET_V2, resolution=224, classes=1000)  # but for its ReLU6


def test_the_skeleton_arrives() -> None:
    skeleton = Skeleton(
        resolution=28,
        classes=10,
        channels=1,
        width=0.5,
        divisor=4,
        stem=20,
        head=99,
        dropout=0.0,
        strides=(1, 2),
        filters=(30,),
        layers=(2,),
    )
    found = mnasnet_space(skeleton).decode((2, 0, 1, 0, 2, 0))
    assert (found.resolution, found.channels) == (28, 1)
    assert found.stem == ConvBlock(3, 1, 12)
    assert found.stages == ((MBConv(3, 2, 36, 20, se=3),),)
    assert found.head == Head(99, 10, 0.0)


@given(st.data())
def test_a_block_is_the_same_layer_again_and_again(data: st.DataObject) -> None:
    """Only the first layer has the stride; all others agree in all they are free to choose."""
    space = data.draw(st.sampled_from(SPACES))
    genotype = data.draw(genotypes(space))
    architecture = space.decode(genotype)
    assert len(architecture.stages) == len(genotype) // 6
    for stage, row in zip(architecture.stages, _rows(genotype), strict=True):
        kinds = {type(block) for block in stage}
        assert kinds == {(ConvBlock, SepConv, MBConv, MBConv)[row[0]]}
        blocks: list[Any] = list(stage)
        assert {block.kernel for block in blocks} == {(3, 5)[row[1]]}
        assert {block.se > 0 for block in blocks} == {row[2] == 1}
        assert len({block.filters for block in blocks}) == 1
        assert [block.stride for block in blocks[1:]] == [1] * (len(blocks) - 1)
        skips = [block.skip for block in blocks]
        assert skips[1:] == [("identity", "pool", "none")[row[3]]] * (len(blocks) - 1)
        assert len(set(blocks[2:])) <= 1


def _rows(genotype: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [genotype[i : i + 6] for i in range(0, len(genotype), 6)]


@given(genotypes(mnasnet_space()), st.integers(0, 6))
def test_layer_counts_are_one_less_the_same_and_one_more(
    genotype: tuple[int, ...], block: int
) -> None:
    place = 6 * block + 5
    counts = [
        len(mnasnet_space().decode((*genotype[:place], i, *genotype[place + 1 :])).stages[block])
        for i in range(3)
    ]
    published = (1, 2, 3, 4, 3, 3, 1)[block]
    middle = max(2, published)
    assert counts == [middle - 1, middle, middle + 1]


@pytest.mark.parametrize(
    ("arguments", "got"),
    [
        ({"strides": (2, 1)}, "got 2, 7, 7"),
        ({"filters": (16,)}, "got 8, 1, 7"),
        ({"layers": ()}, "got 8, 7, 0"),
        ({"strides": (2,), "filters": (), "layers": ()}, "got 1, 0, 0"),
    ],
)
def test_a_skeleton_whose_parts_do_not_match_is_refused(
    arguments: dict[str, Any], got: str
) -> None:
    with pytest.raises(SpaceError, match=f"skeleton: needs the stem's stride .* {got}"):
        Skeleton(**arguments)
