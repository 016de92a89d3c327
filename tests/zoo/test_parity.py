"""One small network of each family: torch and LiteRT agree."""

import pytest

from parity import assert_parity
from pocketnas import zoo
from pocketnas.arch import Architecture
from pocketnas.arch.scaling import build
from pocketnas.zoo.efficientnet import B0, EDGETPU_S, LITE0
from pocketnas.zoo.efficientnetv2 import S
from pocketnas.zoo.nasnet import nasnet_a

NAMES = (
    "mobilenet_v1_0.25",
    "mobilenet_v2_0.35",
    "mnasnet_a1_0.35",
    "mnasnet_b1_0.35",
    "mnasnet_small",
    "mnasnet_d1",
    "proxylessnas_mobile",
    "singlepath_nas",
    "mobilenet_v3_large_0.35",
    "mobilenet_v3_small_0.35",
    "mobilenet_v3_small_minimalistic",
    "resnet18",
    "resnet50",
)


@pytest.mark.parametrize("resolution", [33, 64])
@pytest.mark.parametrize("name", NAMES)
def test_by_name(name: str, resolution: int) -> None:
    assert_parity(zoo.architecture(name, resolution=resolution, classes=10).graph())


def small(lines: tuple[str, ...], act: str, resolution: int) -> Architecture:
    """Shallow too: over V2-S's 40 random blocks float32 alone loses 1e-4, in torch as in LiteRT."""
    return build(
        lines,
        resolution=resolution,
        classes=10,
        act=act,  # type: ignore[arg-type]
        gate="gsw",
        stem=16,
        head=64,
        width=0.25,
        depth=0.3,
    )


@pytest.mark.parametrize("resolution", [33, 64])
@pytest.mark.parametrize(
    ("lines", "act"),
    [(B0, "swish"), (LITE0, "relu6"), (EDGETPU_S, "relu"), (S, "swish")],
    ids=["efficientnet", "efficientnet_lite", "efficientnet_edgetpu", "efficientnet_v2"],
)
def test_small_efficientnets(lines: tuple[str, ...], act: str, resolution: int) -> None:
    assert_parity(small(lines, act, resolution).graph())


@pytest.mark.parametrize("resolution", [33, 64])
@pytest.mark.parametrize("variant", [{}, {"reach": 3}, {"stem_cells": False}], ids=str)
def test_small_nasnets(variant: dict[str, int], resolution: int) -> None:
    network = nasnet_a(2, 96, resolution=resolution, classes=10, **variant)  # type: ignore[arg-type]
    assert_parity(network.graph())


def test_the_auxiliary_head_is_a_second_output() -> None:
    assert_parity(nasnet_a(1, 96, resolution=96, classes=10).graph(auxiliary=True))
