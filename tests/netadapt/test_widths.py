"""Which widths can shrink, and with what they shrink."""

import pytest

from pocketnas.arch.notation import from_lines
from pocketnas.errors import ArchitectureError
from pocketnas.netadapt import shrunk, widths
from pocketnas.zoo import architecture, mobilenet_v2


def test_mobilenet_v2() -> None:
    """Its 16 expansions, its 8 outputs of stages, its first and last layers."""
    network = mobilenet_v2()
    found = {width.name: width for width in widths(network)}
    expansions = [name for name in found if name.endswith("expanded")]
    assert len(expansions) == 16
    outer = [width for name, width in found.items() if name.endswith("filters")]
    # Stem, the first block, six stages whose layers are joined, the head.
    assert [width.value for width in outer] == [32, 16, 24, 32, 64, 96, 160, 320, 1280]
    joined = found["stages.3.0.filters"]
    assert [place for place, _ in joined.places] == [f"stages.3.{i}" for i in range(4)]
    narrow = shrunk(network, joined, 48)
    assert [block.filters for block in narrow.stages[3]] == [48] * 4
    assert narrow.graph().outputs == network.graph().outputs


def test_a_first_layer_with_a_shortcut_shrinks_with_the_stem() -> None:
    network = architecture("mobilenet_v3_large")
    first = widths(network)[0]
    assert [path for path, _ in first.places] == ["stem", "stages.0.0"]
    assert shrunk(network, first, 8).graph()
    assert {"head.filters", "head.hidden"} <= {width.name for width in widths(network)}


def test_resnet_joins_what_its_shortcuts_join() -> None:
    found = {width.name: width for width in widths(architecture("resnet18"))}
    assert [path for path, _ in found["stem.filters"].places] == [
        "stem",
        "stages.0.0",
        "stages.0.1",
    ]
    found = {width.name: width for width in widths(architecture("resnet50"))}
    assert found["stages.1.2.width"].value == 128
    assert len(found["stages.1.0.filters"].places) == 4


@pytest.mark.parametrize(
    "name",
    [
        *("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mnasnet_a1", "efficientnet_b0"),
        *("efficientnet_lite0", "efficientnet_v2_s", "resnet18", "resnet50", "proxylessnas_mobile"),
    ],
)
def test_every_smaller_width_is_a_network(name: str) -> None:
    network = architecture(name, resolution=64)
    found = widths(network)
    assert found
    for width in found:
        assert all(value % 8 == 0 for value in width.smaller)
        assert max(width.smaller) < width.value
        assert shrunk(network, width, min(width.smaller)).graph()


def test_cells_and_what_is_narrow_already_cannot() -> None:
    assert widths(architecture("nasnet_a_mobile")) == []
    narrow = from_lines(["in_p16_c3", "cn_c8", "ir_r2_k3_s1_x8_c8", "hd_c8_n2_d0.0"])
    assert widths(narrow) == []
    with pytest.raises(ArchitectureError, match="must be a whole number from 1"):
        shrunk(mobilenet_v2(), widths(mobilenet_v2())[3], 0)
