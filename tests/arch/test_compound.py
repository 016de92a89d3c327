"""Compound scaling: the published families from their base, the paper's table, the grid."""

from dataclasses import replace

import pytest

from pocketnas.arch.compound import (
    EFFICIENTNET,
    Coefficients,
    Scale,
    alone,
    grid,
    grown,
    parse_coefficients,
    steps,
)
from pocketnas.errors import ArchitectureError
from pocketnas.graph.count import madds, parameters
from pocketnas.zoo import architecture, efficientnet

PARAMETERS = {
    "b0": 5_288_548,
    "b1": 7_794_184,
    "b2": 9_109_994,
    "b3": 12_233_232,
    "b4": 19_341_616,
    "b5": 30_389_784,
    "b6": 43_040_704,
    "b7": 66_347_960,
    "lite0": 4_652_008,
    "lite1": 5_416_680,
    "lite2": 6_092_072,
    "lite3": 8_197_096,
    "lite4": 13_006_568,
}


@pytest.mark.parametrize("member", PARAMETERS)
def test_the_published_family_grows_from_its_base(member: str) -> None:
    lite = member.startswith("lite")
    family = efficientnet.LITE if lite else efficientnet.EFFICIENTNET
    base = architecture("efficientnet_lite0" if lite else "efficientnet_b0")
    shipped = family[member]
    scale = Scale(shipped.depth, shipped.width)
    found = grown(base, scale, side=shipped.resolution, ends=not lite)
    assert parameters(found.graph()) == PARAMETERS[member]
    expected = architecture(f"efficientnet_{member}")
    assert found == replace(expected, head=replace(expected.head, dropout=0.2))


# 1905.11946, table 3, in billions; its ResNet-50 has 14.7 and 16.2 the other way round, which no
# ResNet-50 can have: doubling all widths multiplies all but the first layer by four.
@pytest.mark.parametrize(
    ("name", "scale", "published", "within"),
    [
        ("mobilenet_v1", Scale(), 0.6, 0.05),
        ("mobilenet_v1", Scale(width=2), 2.2, 0.05),
        ("mobilenet_v1", Scale(resolution=2), 2.2, 0.1),
        ("mobilenet_v1", Scale(1.4, 1.2, 1.3), 2.3, 0.1),
        ("mobilenet_v2", Scale(), 0.3, 0.05),
        ("mobilenet_v2", Scale(width=2), 1.1, 0.05),
        ("mobilenet_v2", Scale(depth=4), 1.2, 0.05),
        ("mobilenet_v2", Scale(resolution=2), 1.2, 0.05),
        ("mobilenet_v2", Scale(1.4, 1.2, 1.3), 1.3, 0.05),
        ("resnet50", Scale(), 4.1, 0.05),
        ("resnet50", Scale(width=2), 16.2, 0.1),
        ("resnet50", Scale(depth=4), 14.7, 0.15),
        ("resnet50", Scale(resolution=2), 16.4, 0.1),
    ],
)
def test_the_papers_table_of_scaled_networks(
    name: str, scale: Scale, published: float, within: float
) -> None:
    found = madds(grown(architecture(name), scale).graph()) / 1e9
    assert found == pytest.approx(published, abs=within)


def test_absolute_widths_grow_too() -> None:
    found = grown(architecture("resnet50"), Scale(width=2))
    assert [block.width for block in found.stages[1]] == [256] * 4
    assert found.stem.filters == 128
    found = grown(architecture("mobilenet_v3_large"), Scale(width=1.5))
    assert found.stages[-1][-1].expanded == 1440
    assert found.head.hidden == 1920


@pytest.mark.parametrize("name", ["mnasnet_a1", "mobilenet_v3_small", "proxylessnas_mobile"])
def test_any_network_grows_and_is_itself_at_one(name: str) -> None:
    base = architecture(name)
    assert grown(base, Scale()) == base
    larger = grown(base, EFFICIENTNET.at(1))
    assert madds(larger.graph()) > 1.5 * madds(base.graph())
    assert larger.resolution == 256


def test_equation_3() -> None:
    assert EFFICIENTNET.growth == pytest.approx(1.920, abs=1e-3)
    found = EFFICIENTNET.at(2)
    assert (found.depth, found.width) == pytest.approx((1.44, 1.21))
    assert EFFICIENTNET.at(0) == Scale()


def test_the_grid_holds_the_papers_choice() -> None:
    found = grid()
    assert Coefficients(1.2, 1.1, 1.15) in found
    assert all(abs(each.growth - 2) <= 0.1 for each in found)
    assert len(set(found)) == len(found) == 109
    assert set(alone(2.0)) == {"depth", "width", "resolution"}
    assert list(steps(0, 1, 0.25)) == [0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("text", ["1.2", "1,1,x", "0.9,1.1,1.1", "1.2,1.1,nan"])
def test_coefficients_are_checked(text: str) -> None:
    with pytest.raises(ArchitectureError, match="coefficients"):
        parse_coefficients(text)


def test_cells_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="cells grow by their own numbers"):
        grown(architecture("nasnet_a_mobile"), Scale(2.0))
    with pytest.raises(ArchitectureError, match="width must be a number above 0"):
        grown(architecture("mobilenet_v2"), Scale(width=0))
