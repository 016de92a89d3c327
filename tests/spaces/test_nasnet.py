"""NASNet's cell space: its decisions, its size, its networks."""

from math import prod
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from architectures import NORMAL, REDUCTION
from contracts.space import SpaceContract, some
from parity import assert_parity
from pocketnas.arch import Architecture, from_lines, to_lines
from pocketnas.arch.cells import Cell, CellStem
from pocketnas.arch.nasnet import grown
from pocketnas.arch.wiring import OPERATIONS
from pocketnas.errors import ArchitectureError
from pocketnas.graph import madds
from pocketnas.spaces import Space, nasnet_space
from pocketnas.spaces.space import Genotype
from pocketnas.train.network import Network

TINY = {"resolution": 12, "channels": 1, "cells": 1, "filters": 2}


class TestNASNet(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return nasnet_space()


class TestSmallNASNet(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return nasnet_space(**TINY, blocks=2, stages=2, stem_cells=False)


def strings(architecture: Architecture) -> tuple[str, str]:
    """The normal and the reduction cell."""
    cells = [cell for stage in architecture.stages for cell in stage if isinstance(cell, Cell)]
    (normal,), (reduction,) = (
        {cell.cell for cell in cells if cell.stride == stride} for stride in (1, 2)
    )
    return normal, reduction


def genotype(space: Space[Any], *cells: str) -> Genotype:
    """The genotype of two cells, each pair written like `sep5 0 sep3 1 add`."""
    options = []
    for cell in cells:
        for pair in cell.split("|"):
            left, one, right, other, combine = pair.split()
            options += [one, other, left, right, combine]
    found = zip(space.decisions, options, strict=True)
    return tuple(decision.options.index(option) for decision, option in found)


def test_the_decisions_of_the_paper() -> None:
    """Section 3.1: five steps a pair, five pairs a cell, the normal cell first."""
    decisions = nasnet_space().decisions
    assert len(decisions) == 2 * 5 * 5
    assert [(d.name, d.options) for d in decisions[5:10]] == [
        ("normal.pair1.left.state", ("0", "1", "2")),
        ("normal.pair1.right.state", ("0", "1", "2")),
        ("normal.pair1.left.operation", OPERATIONS),
        ("normal.pair1.right.operation", OPERATIONS),
        ("normal.pair1.combine", ("add", "concat")),
    ]
    cells = [decision.name.partition(".")[0] for decision in decisions]
    assert cells == ["normal"] * 25 + ["reduction"] * 25
    assert decisions[-1].name == "reduction.pair4.combine"


def test_the_published_size() -> None:
    """A cell has prod j^2 * 13^2 * 2 encodings for j = 2 to 6 states; two cells 5.2e36."""
    a_cell = prod(j**2 * 13**2 * 2 for j in range(2, 7))
    assert f"{a_cell:.2e}" == "2.29e+18"
    assert nasnet_space().size == a_cell**2
    assert f"{nasnet_space().size:.1e}" == "5.2e+36"


def test_nasnet_a_is_a_point_of_the_space_but_for_what_its_code_joins() -> None:
    """Figure 4; `used_hiddenstates` joins a state more that pairs have read."""
    space = nasnet_space()
    found = genotype(
        space,
        "sep5 0 sep3 1 add|sep5 1 sep3 1 add|avg3 0 id 1 add|avg3 1 avg3 1 add|sep3 0 id 0 add",
        "sep5 0 sep7 1 add|max3 0 sep7 1 add|avg3 0 sep5 1 add|id 3 avg3 2 add|sep3 2 max3 0 add",
    )
    expected = tuple(cell.partition("|concat")[0] for cell in (NORMAL, REDUCTION))
    assert strings(space.decode(found)) == expected


def test_a_combination_is_a_sign() -> None:
    space = nasnet_space(blocks=1)
    found = genotype(space, "conv13 1 dil3 0 concat", "max7 0 conv1 0 add")
    assert strings(space.decode(found)) == ("conv13(1)&dil3(0)", "max7(0)+conv1(0)")


def test_the_network_of_the_search_is_small_and_has_the_stem_of_cifar() -> None:
    """Section 4: N = 2; no stem cells; the map is halved twice."""
    found = nasnet_space().decode((0,) * 50)
    assert found.stem == CellStem(3, 1, 96, "same")
    assert [len(stage) for stage in found.stages] == [2, 3, 3]
    assert (found.resolution, found.channels) == (32, 3)
    digits = nasnet_space(resolution=28, channels=1, filters=4).decode((0,) * 50).graph()
    assert digits.input.shape == (28, 28, 1)
    assert digits.node("head.act").shape[:2] == (7, 7)
    large = nasnet_space(resolution=96, stem_cells=True).decode((0,) * 50)
    assert large.stem == CellStem(3, 2, 32)
    assert large.graph().node("head.act").shape[:2] == (3, 3)


def test_what_is_found_small_is_built_large() -> None:
    space = nasnet_space(resolution=16, filters=2)
    for found in map(space.decode, some(space, 10)):
        last = found.graph().node("head.act").shape[2]
        large = grown(found, 3, 5 * last)
        assert strings(large) == strings(found)
        assert large.graph().node("head.act").shape[2] == 5 * last
        assert madds(large.graph()) > 10 * madds(found.graph())


@pytest.mark.parametrize("number", range(30))
def test_any_genotype_is_written_trained_and_run(number: int) -> None:
    space = nasnet_space(**TINY)
    found = space.decode(some(space, 30, seed=1)[number])
    assert from_lines(to_lines(found)) == Architecture.from_dict(found.to_dict()) == found
    graph = found.graph()
    network = Network(graph, seed=number)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    before = [value.clone() for value in network.parameters()]
    images = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(number))
    loss = cross_entropy(network(images), torch.arange(4))
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(value).all() for value in network.parameters())
    changed = [bool((a != b).any()) for a, b in zip(before, network.parameters(), strict=True)]
    assert sum(changed) > 0.5 * len(changed)
    assert_parity(graph, seed=number)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": 0}, "nasnet_space: blocks must be a whole number from 1, got 0"),
        ({"filters": 2.5}, "nasnet_space: filters must be a whole number from 1, got 2.5"),
        ({"cells": 0}, "nasnet: cells must be a whole number from 1, got 0"),
        ({"stages": 1}, "nasnet: stages must be a whole number from 2, got 1"),
        ({"classes": 0}, "CellHead: classes must be a whole number from 1, got 0"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        nasnet_space(**arguments)
