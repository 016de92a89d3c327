"""The families against their published figures (shared/facts.md tells where each stands)."""

from collections.abc import Callable

import pytest

from pocketnas.arch import Architecture, from_lines, to_lines
from pocketnas.graph import Graph, madds, parameters
from pocketnas.graph.count import node_parameters
from pocketnas.graph.ops import BatchNorm
from pocketnas.zoo import mnasnet_a1, mnasnet_b1, mnasnet_small, mobilenet_v2

Model = Callable[..., Architecture]


@pytest.mark.parametrize(
    ("model", "expected_parameters", "expected_madds"),
    [
        (mnasnet_a1, 3_887_038, 312e6),  # 1807.11626, table 1: 3.9 M, 312 M
        (mnasnet_b1, 4_383_312, 314e6),  # torchvision mnasnet1_0
        (mnasnet_small, 2_030_264, 68.3e6),  # 1807.11626, table 4: 2.0 M, 68 M
        (mobilenet_v2, 3_504_872, 300e6),  # 1801.04381, table 4; torchvision mobilenet_v2
    ],
)
def test_the_published_networks(
    model: Model, expected_parameters: int, expected_madds: float
) -> None:
    graph = model().graph()
    assert parameters(graph) == expected_parameters
    assert madds(graph) == pytest.approx(expected_madds, rel=0.01)


@pytest.mark.parametrize(
    ("width", "millions", "million_madds"),
    [
        (1.4, 6.1, 591.5),
        (1.0, 3.9, 315.2),
        (0.75, 2.9, 226.7),
        (0.5, 2.1, 105.2),
        (0.35, 1.7, 63.2),
    ],
)
def test_mnasnet_a1_by_width(width: float, millions: float, million_madds: float) -> None:
    """The table of the reference code's README, whose MAdds include some that ours do not."""
    graph = mnasnet_a1(width=width).graph()
    assert round(parameters(graph) / 1e6, 1) == millions
    assert madds(graph) / 1e6 == pytest.approx(million_madds, rel=0.025)
    assert madds(graph) / 1e6 < million_madds


@pytest.mark.parametrize(
    ("width", "exact", "million_madds"), [(0.5, 2_218_512, 104), (1.3, 6_282_256, 526)]
)
def test_mnasnet_b1_by_width(width: float, exact: int, million_madds: int) -> None:
    """torchvision's mnasnet0_5 and mnasnet1_3."""
    graph = mnasnet_b1(width=width).graph()
    assert parameters(graph) == exact
    assert int(madds(graph) / 1e6) == pytest.approx(million_madds, abs=1)


@pytest.mark.parametrize(
    ("width", "millions", "million_madds"),
    [
        (1.4, 6.06, 582),
        (1.3, 5.34, 509),
        (1.0, 3.47, 300),
        (0.75, 2.61, 209),
        (0.5, 1.95, 97),
        (0.35, 1.66, 59),
    ],
)
def test_mobilenet_v2_by_width(width: float, millions: float, million_madds: int) -> None:
    """The table of TensorFlow's slim, which leaves batch norm's parameters out."""
    graph = mobilenet_v2(width=width).graph()
    assert round((parameters(graph) - _batch_norms(graph)) / 1e6, 2) == millions
    assert int(madds(graph) / 1e6) == million_madds


def _batch_norms(graph: Graph) -> int:
    return sum(node_parameters(node) for node in graph.nodes if isinstance(node.op, BatchNorm))


@pytest.mark.parametrize(
    ("resolution", "million_madds"), [(192, 221), (160, 154), (128, 99), (96, 56)]
)
def test_mobilenet_v2_by_resolution(resolution: int, million_madds: int) -> None:
    graph = mobilenet_v2(resolution=resolution).graph()
    assert parameters(graph) == 3_504_872
    assert int(madds(graph) / 1e6) == million_madds


def test_the_last_map_has_seven_by_seven() -> None:
    for model in (mnasnet_a1, mnasnet_b1, mnasnet_small, mobilenet_v2):
        graph = model().graph()
        assert graph.node("head.features.conv").shape == (7, 7, 1280)


def test_mobilenet_v2s_head_widens_and_never_narrows() -> None:
    """1801.04381, section 6.1; the reference code rounds it as all filters."""
    heads = {width: mobilenet_v2(width=width).head for width in (0.35, 1.0, 1.33, 1.4)}
    assert [head.filters for head in heads.values()] == [1280, 1280, 1704, 1792]  # type: ignore[attr-defined]
    assert mobilenet_v2(width=1.4, head=64).head.filters == 64  # type: ignore[attr-defined]


@pytest.mark.parametrize("model", [mnasnet_a1, mnasnet_b1, mnasnet_small, mobilenet_v2])
def test_every_model_can_be_written_and_read(model: Model) -> None:
    architecture = model(resolution=96, classes=7, channels=1)
    assert from_lines(to_lines(architecture)) == architecture
    assert architecture.graph().input.shape == (96, 96, 1)
