from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import genotypes
from contracts.space import SpaceContract
from pocketnas.arch import Head, MBConv, SepConv, from_lines, to_lines
from pocketnas.errors import SpaceError
from pocketnas.graph import madds, parameters
from pocketnas.spaces import Space, mobilenetv3_space
from pocketnas.spaces.mobilenetv3 import MOBILENET_V3_LARGE_GENOTYPE
from pocketnas.zoo import architecture

SPACE = mobilenetv3_space()
NAMES = [decision.name for decision in SPACE.decisions]


class TestMobileNetV3(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return SPACE


class TestSmallMobileNetV3(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return mobilenetv3_space(
            resolution=28, classes=10, channels=1, width=0.25, depth=0.5, divisor=1
        )


def test_its_size_is_tunas_s() -> None:
    """TuNAS's README says 1e43, which counts what a skipped layer would be."""
    widths = 4 * 4 * 6 * 7**5
    assert SPACE.size == 2 * (3 * 2) * 36**5 * (36 * 2) ** 15 * widths
    assert f"{SPACE.size:.1e}" == "8.5e+42"
    assert len(NAMES) == 86
    assert sum(name.endswith(".op") for name in NAMES) == 1 + 15


def test_what_rounds_to_the_same_width_is_one_option() -> None:
    options = {d.name: d.options for d in SPACE.decisions if d.name.endswith(".filters")}
    assert list(options) == [
        *("stem.filters", "stage1.filters", "stage2.filters", "stage3.filters"),
        *("stage4.filters", "stage5.filters", "features.filters", "hidden.filters"),
    ]
    assert options["stem.filters"] == options["stage1.filters"] == (8, 16, 24, 32)
    assert options["stage2.filters"] == (16, 24, 32, 40, 48, 64)
    assert options["hidden.filters"] == (512, 640, 768, 1024, 1280, 1536, 2048)


def test_a_network_that_tunas_published_is_the_genotype_of_its_indices() -> None:
    """The most accurate of `searched_architectures.csv`, as its indices stand there: 56.6 ms."""
    indices = (
        "0:0:1:1:1:3:1:0:0:1:1:0:0:0:1:0:0:0:1:2:2:4:1:0:2:1:0:0:1:0:0:0:2:0:0:3:2:5:1:0:2:0:0:0:1"
        ":0:0:1:1:1:0:4:1:5:1:0:0:0:1:0:1:1:0:0:0:1:0:3:1:5:1:2:1:1:0:2:1:1:0:2:1:1:0:2:6:6"
    )
    network = SPACE.decode(tuple(map(int, indices.split(":"))))
    assert network == from_lines(
        [
            "in_p224_c3",
            "cn_k3_s2_c16_nhs",
            "ir_k5_s2_x64_c24_sx0.25_ghs",
            "ir_k7_s2_x120_c40_sx0.25_ghs ir_k3_x120_c40_sx0.25_ghs ir_k3_x80_c40 ir_k3_x120_c40",
            "ir_k7_s2_x240_c80_sx0.25_nhs_ghs ir_k3_x240_c80_nhs ir_k3_x160_c80_nhs"
            " ir_k5_x160_c80_sx0.25_nhs_ghs",
            "ir_k5_x480_c128_sx0.25_nhs_ghs ir_k3_x256_c128_sx0.25_nhs_ghs"
            " ir_k3_x128_c128_sx0.25_nhs_ghs",
            "ir_k5_s2_x768_c192_sx0.25_nhs_ghs ir_r3_k7_x384_c192_sx0.25_nhs_ghs",
            "hd_c1024_n1000_d0.2_h2048_nhs",
        ]
    )


def test_mobilenet_v3_large_is_almost_a_point() -> None:
    """The same blocks but for 128 filters (its 112), 1,024 (960) and expansion 2 (2.5, 2.3)."""
    found, published = SPACE.decode(MOBILENET_V3_LARGE_GENOTYPE), architecture("mobilenet_v3_large")
    assert found.stem == published.stem
    assert found.stages[:3] == published.stages[:3]
    assert [len(stage) for stage in found.stages] == [1, 2, 3, 4, 2, 3]
    assert found.stages[3][0] == published.stages[3][0]
    assert [block.expanded for block in found.stages[3][1:]] == [160, 160, 160]
    assert [block.expanded for block in published.stages[3][1:]] == [200, 184, 184]
    assert [stage[-1].filters for stage in found.stages[3:]] == [80, 128, 160]
    assert [stage[-1].filters for stage in published.stages[3:]] == [80, 112, 160]
    assert found.stages[5][1:] == published.stages[5][1:]
    assert found.head == Head(1024, 1000, 0.2, "hswish", 1280)
    assert published.head == Head(960, 1000, 0.2, "hswish", 1280)
    ours, theirs = found.graph(), published.graph()
    assert parameters(ours) / parameters(theirs) == pytest.approx(1.057, abs=5e-4)
    assert madds(ours) / madds(theirs) == pytest.approx(1.064, abs=5e-4)


@given(genotypes(SPACE))
def test_layers_are_what_was_decided(genotype: tuple[int, ...]) -> None:
    values = zip(SPACE.decisions, genotype, strict=True)
    chosen = {decision.name: decision.options[option] for decision, option in values}
    network = SPACE.decode(genotype)
    assert from_lines(to_lines(network)) == network
    assert (network.stem.kernel, network.stem.act) == (chosen["stem.kernel"], "hswish")
    stages = list(network.stages)
    if chosen["sepconv.op"] == "sepconv":
        filters = chosen["stem.filters"]
        assert stages.pop(0) == (
            SepConv(chosen["sepconv.kernel"], 1, filters, "relu", skip="identity"),
        )
    inside = chosen["stem.filters"]
    for i, stage in enumerate(stages, start=1):
        kept = [j for j in range(4) if chosen.get(f"stage{i}.layer{j}.op") != "skip"]
        assert len(stage) == len(kept)
        for j, block in zip(kept, stage, strict=True):
            name, act = f"stage{i}.layer{j}", "relu" if i < 3 else "hswish"
            expanded = inside * chosen[f"{name}.expansion"]
            assert isinstance(block, MBConv)
            assert (block.kernel, block.expanded) == (chosen[f"{name}.kernel"], expanded)
            assert (block.filters, block.act) == (chosen[f"stage{i}.filters"], act)
            assert (block.se > 0) == (chosen[f"{name}.se"] > 0)
            assert not block.se or abs(block.se - expanded / 4) <= max(8, 0.1 * expanded)
            assert not block.se or block.gate == "hsigmoid"
            assert block.stride == (1 if j else (2, 2, 2, 1, 2)[i - 1])
            inside = block.filters


@given(genotypes(SPACE), st.integers(0, 2), st.integers(0, 5))
def test_what_a_skipped_layer_would_be_changes_nothing(
    genotype: tuple[int, ...], kernel: int, expansion: int
) -> None:
    skipped = list(genotype)
    skipped[NAMES.index("stage2.layer3.op")] = 1
    other = list(skipped)
    other[NAMES.index("stage2.layer3.kernel")] = kernel
    other[NAMES.index("stage2.layer3.expansion")] = expansion
    assert SPACE.decode(tuple(skipped)) == SPACE.decode(tuple(other))


def test_scaling_narrows_shortens_and_keeps_the_options_apart() -> None:
    space = mobilenetv3_space(width=0.25, depth=0.5, divisor=1, strides=(1, 1, 1, 2, 1, 2))
    options = {decision.name: decision.options for decision in space.decisions}
    assert options["stage1.filters"] == (2, 3, 4, 5, 6, 8)
    assert options["hidden.filters"] == (128, 160, 192, 256, 320, 384, 512)
    assert "stage1.layer1.op" in options
    assert "stage1.layer2.op" not in options
    network = space.decode((0,) * len(options))
    assert [stage[0].stride for stage in network.stages] == [1, 1, 1, 2, 1, 2]
    assert network.stem.stride == 1


def test_the_wrong_number_of_strides_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"strides: needs 6 \(the stem's and one a stage\), got 7"):
        mobilenetv3_space(strides=(2, 1, 2, 2, 2, 1, 2))
