from typing import Any

import pytest

from contracts.space import SpaceContract
from pocketnas.arch import to_lines
from pocketnas.spaces import SPACES, Space, proxylessnas_space, singlepath_space
from pocketnas.spaces.layerwise import PROXYLESSNAS_GENOTYPE, SINGLEPATH_GENOTYPE
from pocketnas.zoo.layerwise import proxylessnas_mobile, singlepath_nas


class TestProxylessNAS(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return proxylessnas_space()


class TestSinglePath(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return singlepath_space(resolution=28, classes=10, channels=1)


def test_the_published_networks_are_points_of_their_spaces() -> None:
    assert proxylessnas_space().decode(PROXYLESSNAS_GENOTYPE) == proxylessnas_mobile()
    assert singlepath_space().decode(SINGLEPATH_GENOTYPE) == singlepath_nas()


def test_the_image_and_the_classes_arrive() -> None:
    sizes = {"resolution": 28, "classes": 7, "channels": 1}
    space, found = proxylessnas_space(**sizes), proxylessnas_mobile(**sizes)
    assert space.decode(PROXYLESSNAS_GENOTYPE) == found
    assert singlepath_space(**sizes).decode(SINGLEPATH_GENOTYPE) == singlepath_nas(**sizes)


def test_sizes() -> None:
    """TuNAS: 21 layers of three kernels and two expansions, 15 of which may be skipped."""
    assert proxylessnas_space().size == 3 * 6**6 * 7**15
    assert singlepath_space().size == 4**6 * 5**15
    decisions = proxylessnas_space().decisions
    assert len(decisions) == 22
    assert [d.name for d in decisions[:3]] == ["stage0.kernel", "stage1.layer0", "stage1.layer1"]
    assert decisions[1].options == ("k3_e3", "k5_e3", "k7_e3", "k3_e6", "k5_e6", "k7_e6")
    assert decisions[2].options == (*decisions[1].options, "skip")
    assert sum("skip" in decision.options for decision in decisions) == 15


@pytest.mark.parametrize(
    ("genotype", "layers"),
    [
        # TuNAS's `mobile_model_archive.py` has these as points of ProxylessNAS's space.
        ((0, 3, 3, 6, 6, 3, 3, 3, 6, 3, 3, 3, 3, 3, 3, 3, 6, 3, 3, 3, 6, 3), (1, 2, 3, 4, 3, 3, 1)),
        ((0, 0, 0, 0, 6, 1, 1, 1, 6, 4, 4, 4, 6, 3, 3, 6, 6, 4, 4, 4, 4, 3), (1, 3, 3, 3, 2, 4, 1)),
    ],
    ids=["mobilenet_v2", "mnasnet_b1"],
)
def test_other_published_networks_in_its_widths(
    genotype: tuple[int, ...], layers: tuple[int, ...]
) -> None:
    assert tuple(map(len, proxylessnas_space().decode(genotype).stages)) == layers


def test_mnasnet_b1_in_block_strings() -> None:
    genotype = (0, 0, 0, 0, 6, 1, 1, 1, 6, 4, 4, 4, 6, 3, 3, 6, 6, 4, 4, 4, 4, 3)
    assert to_lines(proxylessnas_space().decode(genotype))[2:-1] == [
        "ds_r1_k3_s1_c16_nr6",
        "ir_r3_k3_s2_e3_c32_nr6",
        "ir_r3_k5_s2_e3_c40_nr6",
        "ir_r3_k5_s2_e6_c80_nr6",
        "ir_r2_k3_s1_e6_c96_nr6",
        "ir_r4_k5_s2_e6_c192_nr6",
        "ir_r1_k3_s1_e6_c320_nr6",
    ]


@pytest.mark.parametrize("name", ["proxylessnas", "singlepath"])
def test_scaling_keeps_the_operations(name: str) -> None:
    space = SPACES[name](width=0.25, depth=0.5, divisor=1, head=320, strides=(1,) * 8)
    assert len(space.decisions) == len(SPACES[name]().decisions) - 10  # five stages of 4 have 2
    network = space.decode((0,) * len(space.decisions))
    assert [block.filters for block in (network.stem, network.stages[0][0])] == [8, 4]
    assert [len(stage) for stage in network.stages] == [1, 2, 2, 2, 2, 2, 1]
    assert [stage[0].filters for stage in network.stages[2:]] == [10, 20, 24, 48, 80]
    assert {block.stride for stage in network.stages for block in stage} == {1}
    assert network.head.filters == 320
