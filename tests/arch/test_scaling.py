from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.arch import Architecture, ConvBlock, Head, MBConv, SepConv
from pocketnas.arch.scaling import MOBILE_STRIDES, build, fit_strides
from pocketnas.errors import ArchitectureError
from pocketnas.zoo.mnasnet import A1, B1, SMALL
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
        stem=20,
        head=77,
        dropout=0.3,
        width=0.5,
        divisor=4,
        strides=(1, 2, 3),
    ) == Architecture(
        resolution=33,
        stem=ConvBlock(3, 1, 12, "relu6"),
        stages=(
            (SepConv(3, 2, 8, "relu6"),),
            (
                MBConv(5, 3, 24, 12, "hswish", se=2),
                MBConv(5, 1, 36, 12, "hswish", se=3, skip="identity"),
            ),
        ),
        head=Head(77, 11, 0.3, "relu6"),
        channels=1,
    )


def test_ratios_follow_the_scaled_width() -> None:
    """1807.11626 scales filters; expansion and SE stay ratios to the scaled input."""
    wide = build(A1, resolution=224, classes=1000, width=1.4)
    first = wide.stages[2][0]
    assert first == MBConv(5, 2, 3 * 32, 56, se=8)
    assert wide.head == Head(1280, 1000, 0.2)


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
        ({"strides": (2, 1, 0)}, "stride must be a whole number from 1, got 0"),
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
