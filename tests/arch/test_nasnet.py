"""NASNet's network around any two cells, and what is grown from one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architectures import NORMAL, REDUCTION, TINY, cells
from pocketnas.arch import Architecture, from_lines
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellStem
from pocketnas.arch.nasnet import grown, nasnet
from pocketnas.arch.wiring import wiring
from pocketnas.errors import ArchitectureError

SMALL = nasnet(
    NORMAL,
    REDUCTION,
    cells=2,
    filters=8,
    resolution=32,
    classes=10,
    stem=24,
    stem_cells=False,
    dropout=0.0,
)
SUMS, CONCATENATED = "sep3(0)+id(1)", "max3(0)&avg3(1)"


def penultimate(architecture: Architecture) -> int:
    return architecture.graph().node("head.act").shape[2]


def test_any_two_cells() -> None:
    """The macro network of another search: its penultimate width follows from what is joined."""
    found = nasnet(SUMS, CONCATENATED, cells=1, filters=8, resolution=32, classes=3)
    assert penultimate(found) == 8 * 4
    assert penultimate(nasnet(CONCATENATED, SUMS, cells=1, filters=8, resolution=32)) == 2 * 8 * 4


def test_stages_are_parted_by_reductions() -> None:
    found = nasnet(
        SUMS, CONCATENATED, cells=2, filters=5, resolution=28, stages=2, stem_cells=False
    )
    first, second = found.stages
    assert first == (Cell(SUMS, 5),) * 2
    assert second == (Cell(CONCATENATED, 10, 2), Cell(SUMS, 10), Cell(SUMS, 10))
    assert found.auxiliary == AuxiliaryHead(0, 1000)
    assert found.graph().node("head.act").shape == (14, 14, 10)


@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_grown_is_the_network_of_that_size(padding: str) -> None:
    """Cells of a small search as NASNet-A "6 @ 768" (section 4.1), stem and all."""
    changes = {"padding": padding, "epsilon": 1e-5}
    cifar = partial(nasnet, NORMAL, REDUCTION, resolution=32, classes=10, stem_cells=False)
    expected = cifar(cells=6, filters=32, stem=96, dropout=0.0)
    found = grown(replace(SMALL, **changes), 6, 768)  # type: ignore[arg-type]
    assert found == replace(expected, **changes)  # type: ignore[arg-type]
    assert penultimate(found) == 768


def test_a_network_with_stem_cells_keeps_its_stem_and_its_reach() -> None:
    make = partial(
        nasnet, NORMAL, REDUCTION, resolution=64, classes=7, channels=1, stem=20, reach=3
    )
    assert grown(make(cells=1, filters=8), 4, 1056) == make(cells=4, filters=44)
    assert grown(make(cells=4, filters=44), 1, 192) == make(cells=1, filters=8)


def test_growing_to_the_same_size_changes_nothing() -> None:
    for stages in (2, 3, 4):
        same = nasnet(SUMS, NORMAL, cells=3, filters=8, resolution=64, stages=stages)
        assert grown(same, 3, 8 * 2 ** (stages - 1)) == same


@settings(deadline=None, max_examples=30)
@given(cells(), cells(), st.integers(1, 3), st.integers(8, 30))
def test_the_penultimate_width_is_the_one_asked_for(
    normal: str, reduction: str, number: int, filters: int
) -> None:
    small = nasnet(normal, reduction, cells=1, filters=2, resolution=16, stem=6, stem_cells=False)
    wanted = filters * wiring(normal).width * 4
    found = grown(small, number, wanted)
    assert penultimate(found) == wanted
    assert [len(stage) for stage in found.stages] == [number, number + 1, number + 1]
    assert found.stem == CellStem(3, 1, 3 * filters, "same")


MIXED = from_lines(["in_p16_c3", "cs_k3_c8_same", f"ce_c4_{SUMS} ir_e3_c8", "ch_n10_d0.0"])
EMPTY = replace(SMALL, stages=(), auxiliary=None)
TWO = replace(SMALL, stages=(*SMALL.stages, (Cell(SUMS, 32),)))
NEEDS = r"grown: needs one normal cell \(stride 1\) and one reduction cell .*, got "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: grown(SMALL, 6, 770),
            "grown: penultimate must be a multiple of 24 from 24 with these cells,"
            " the nearest 768 and 792, got 770",
        ),
        (lambda: grown(SMALL, 6, 5), "from 24 with these cells, the nearest 24, got 5"),
        (
            lambda: grown(nasnet(NORMAL, REDUCTION, cells=1, filters=8, resolution=32), 4, 168),
            "from 192 with these cells, the nearest 192, got 168",
        ),
        (lambda: grown(SMALL, 0, 768), "grown: cells must be a whole number from 1, got 0"),
        (lambda: grown(SMALL, 6, -24), "grown: penultimate must be a whole number from 1, got -24"),
        (lambda: grown(TINY, 6, 768), NEEDS + "the stem ConvBlock"),
        (lambda: grown(replace(SMALL, head=TINY.head), 6, 768), NEEDS + "the head Head"),
        (lambda: grown(MIXED, 6, 768), NEEDS + "a block MBConv"),
        (
            lambda: grown(replace(SMALL, stages=(), auxiliary=None), 6, 768),
            NEEDS + "cells of stride none",
        ),
        (lambda: grown(TWO, 6, 768), NEEDS + "cells of stride 1, 1, 2"),
        (
            lambda: grown(replace(SMALL, stages=(sum(SMALL.stages, ()),), auxiliary=None), 6, 768),
            "grown: stages must be a whole number from 2, got 1",
        ),
        (
            lambda: nasnet("sep4(0)+id(1)", REDUCTION, cells=1, filters=8, resolution=32),
            r"cell 'sep4\(0\)\+id\(1\)': there is no operation 'sep4'",
        ),
        (
            lambda: nasnet(SUMS, SUMS, cells=1, filters=8, resolution=32, stages=1),
            "nasnet: stages must be a whole number from 2, got 1",
        ),
        (
            lambda: nasnet(SUMS, SUMS, cells=0, filters=8, resolution=32),
            "nasnet: cells must be a whole number from 1, got 0",
        ),
        (
            lambda: nasnet(SUMS, SUMS, cells=1, filters=0, resolution=32),
            "nasnet: filters must be a whole number from 1, got 0",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Architecture], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        make()
