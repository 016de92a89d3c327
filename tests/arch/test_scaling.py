from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.arch import Architecture, ConvBlock, Head, MBConv, SepConv
from pocketnas.arch.scaling import MOBILE_STRIDES, build, fit_strides, scaled
from pocketnas.errors import ArchitectureError
from pocketnas.zoo.mnasnet import A1, B1, D1, SMALL
from pocketnas.zoo.mobilenet import MOBILENET_V2

TWO = ("ds_c16_noskip", "ir_r2_k5_s2_e3_c24_se0.25_nhs")


def test_build_golden() -> None:
    assert build(TWO, resolution=32, classes=10) == Architecture(
        resolution=32,
        stem=ConvBlock(3, 2, 32),
        stages=(
            (SepConv(3, 1, 16),),
            (
                MBConv(5, 2, 48, 24, "hswish", se=4),
                MBConv(5, 1, 72, 24, "hswish", se=6, skip="identity"),
            ),
        ),
        head=Head(1280, 10, 0.2),
    )


def test_every_argument_arrives() -> None:
    assert build(
        TWO,
        resolution=33,
        classes=11,
        channels=1,
        act="relu6",
        gate="ghs",
        stem=20,
        head=77,
        hidden=55,
        dropout=0.3,
        width=0.5,
        depth=2,
        divisor=4,
        strides=(1, 2, 3),
    ) == Architecture(
        resolution=33,
        stem=ConvBlock(3, 1, 20, "relu6"),
        stages=(
            (SepConv(3, 2, 8, "relu6"), SepConv(3, 1, 8, "relu6")),
            (
                MBConv(5, 3, 24, 12, "hswish", se=2, gate="hsigmoid"),
                *[MBConv(5, 1, 36, 12, "hswish", se=3, skip="identity", gate="hsigmoid")] * 3,
            ),
        ),
        head=Head(77, 11, 0.3, "relu6", hidden=55),
        channels=1,
    )


def test_the_ends_are_taken_as_they_are() -> None:
    """Families differ in whether stem and head follow the width: each says so itself."""
    wide = build(TWO, resolution=32, classes=10, width=2, depth=2)
    assert (wide.stem, wide.head) == (ConvBlock(3, 2, 32), Head(1280, 10, 0.2))
    assert build(TWO, resolution=32, classes=10, head=0).head == Head(0, 10, 0.2)


def test_ratios_follow_the_scaled_width() -> None:
    """1807.11626 scales filters; expansion and SE stay ratios to the scaled input."""
    wide = build(A1, resolution=224, classes=1000, width=1.4)
    first = wide.stages[2][0]
    assert first == MBConv(5, 2, 3 * 32, 56, se=8)
    assert wide.head == Head(1280, 1000, 0.2)


MANY = ("cn_r1_k3_s1_c36_nre", "ir_r2_k3_s2_e6_c20_nhs er_r1_k5_s1_x96_c20_sq7_nsw_ghs")


def test_scaled_lines_golden() -> None:
    assert scaled(MANY, act="swish", width=2, depth=1.2, strides=(3, 1)) == [
        "cn_r2_k3_s3_c72",
        "ir_r3_k3_s1_e6_c40_nhs er_r2_k5_s1_x96_c40_sq7_nsw_ghs",
    ]


def test_scaling_by_one_changes_nothing() -> None:
    """Not even filters that are no multiple of the divisor, such as MnasNet-d1's 36."""
    assert scaled(D1) == list(D1)
    assert scaled(MANY) == ["cn_r1_k3_s1_c36", MANY[1]]


def test_depth_may_differ_by_stage() -> None:
    assert scaled(MANY, depth=(3, 1.5)) == [
        "cn_r3_k3_s1_c36",
        "ir_r3_k3_s2_e6_c20_nhs er_r2_k5_s1_x96_c20_sq7_nsw_ghs",
    ]


@given(st.integers(1, 50), st.floats(0.1, 10))
def test_layers_are_rounded_up(layers: int, depth: float) -> None:
    [line] = scaled([f"cn_r{layers}_c8"], depth=depth)
    found = int(line.split("_")[1][1:])
    assert found - 1 < depth * layers <= found


def test_published_strides_are_those_of_the_skeleton() -> None:
    for strings in (A1, B1, SMALL, MOBILENET_V2):
        plain = build(strings, resolution=224, classes=10)
        assert build(strings, resolution=224, classes=10, strides=MOBILE_STRIDES) == plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0}, "width must be a number above 0, got 0"),
        ({"width": -1.0}, r"width must be a number above 0, got -1\.0"),
        ({"width": float("nan")}, "width must be a number above 0, got nan"),
        ({"width": float("inf")}, "width must be a number above 0, got inf"),
        ({"strides": (2, 1)}, r"strides: needs 3 \(the stem's and one a stage\), got 2"),
        ({"strides": (2, 1, 0)}, "block string 'ir_r2_k5_s0_e3.*: cannot read 's0'"),
        ({"strides": (0, 1, 2)}, "ConvBlock: stride must be a whole number from 1, got 0"),
        ({"depth": 0}, "depth must be a number above 0, got 0"),
        ({"depth": (1, -2)}, "depth must be a number above 0, got -2"),
        ({"depth": (1, 2, 3)}, r"depth: needs 2 \(one a stage\), got 3"),
        ({"head": -1}, "Head: filters must be a whole number from"),
        ({"stem": 0}, "ConvBlock: filters must be a whole number from 1, got 0"),
        ({"resolution": 0}, "architecture: resolution must be a whole number from 1, got 0"),
        ({"classes": 0}, "Head: classes must be a whole number from 1, got 0"),
        ({"dropout": 1}, r"Head: dropout must be in \[0, 1\), got 1"),
        ({"act": "gelu"}, "act must be one of"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        build(TWO, **{"resolution": 32, "classes": 10} | arguments)


def last_map(strides: Sequence[int], resolution: int) -> int:
    return reduce(lambda size, stride: -(-size // stride), strides, resolution)


@pytest.mark.parametrize(
    ("resolution", "smallest", "expected"),
    [
        (224, 2, (2, 1, 2, 2, 2, 1, 2, 1)),
        (224, 7, (2, 1, 2, 2, 2, 1, 2, 1)),
        (96, 2, (2, 1, 2, 2, 2, 1, 2, 1)),
        (33, 2, (2, 1, 2, 2, 2, 1, 2, 1)),
        (32, 2, (2, 1, 1, 2, 2, 1, 2, 1)),
        (28, 2, (2, 1, 1, 2, 2, 1, 2, 1)),
        (28, 3, (2, 1, 1, 1, 2, 1, 2, 1)),
        (28, 4, (2, 1, 1, 1, 2, 1, 2, 1)),
        (28, 7, (2, 1, 1, 1, 1, 1, 2, 1)),
        (28, 14, (2, 1, 1, 1, 1, 1, 1, 1)),
        (28, 15, (1, 1, 1, 1, 1, 1, 1, 1)),
        (2, 2, (1, 1, 1, 1, 1, 1, 1, 1)),
        (1, 2, (1, 1, 1, 1, 1, 1, 1, 1)),
    ],
)
def test_fit_strides_golden(resolution: int, smallest: int, expected: tuple[int, ...]) -> None:
    assert fit_strides(MOBILE_STRIDES, resolution, smallest=smallest) == expected


@given(st.lists(st.integers(1, 3), min_size=1, max_size=9), st.integers(1, 300), st.integers(1, 9))
def test_fit_strides_stops_as_early_as_it_can(
    strides: list[int], resolution: int, smallest: int
) -> None:
    fitted = fit_strides(strides, resolution, smallest=smallest)
    assert last_map(fitted, resolution) >= min(smallest, resolution)
    order = [*range(1, len(strides)), 0]  # the stem comes last
    changed = [i for i in order if fitted[i] != strides[i]]
    if changed:
        steps = order.index(changed[-1]) + 1
        assert all(fitted[i] == 1 for i in order[:steps])
        before = list(fitted)
        before[changed[-1]] = strides[changed[-1]]
        assert last_map(before, resolution) < smallest
