"""ProxylessNAS's tables of blocks."""

from pathlib import Path

import pytest

from pocketnas.errors import ModelError
from pocketnas.latency.blocks import BlockTable, block_names
from pocketnas.zoo.registry import entry

PIXEL1 = Path(__file__).parents[3] / "shared/data/pixel1_lut_mnasnet_b1.yaml"


def test_blocks_are_called_as_in_their_files() -> None:
    names = block_names(entry("mnasnet_b1").architecture().graph())
    assert len(names) == 1 + 17 + 2
    assert names[0] == "Conv-input:224x224x3-output:112x112x32"
    assert names[1] == (
        "expanded_conv-input:112x112x32-output:112x112x16-expand:1-kernel:3-stride:1-idskip:0"
    )
    assert names[6] == (
        "expanded_conv-input:28x28x40-output:28x28x40-expand:3-kernel:5-stride:1-idskip:1"
    )
    assert names[-2:] == [
        "Conv_1-input:7x7x320-output:7x7x1280",
        "Logits-input:7x7x1280-output:1000",
    ]


@pytest.mark.skipif(not PIXEL1.is_file(), reason=f"needs {PIXEL1.name} beside the project")
def test_mnasnet_b1_on_the_pixel_1() -> None:
    table = BlockTable.load(PIXEL1)
    assert len(table.blocks) == 72
    assert table(entry("mnasnet_b1").architecture().graph()) == pytest.approx(82.91, abs=0.005)


def test_a_table_is_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    names = block_names(entry("mnasnet_b1").architecture().graph())
    path.write_text("".join(f"{name}:\n  count: 3\n  mean: 0.5\n" for name in set(names)))
    table = BlockTable.load(path)
    graph = entry("mnasnet_b1").architecture().graph()
    assert table(graph) == 0.5 * 20
    assert table.prices(graph) == [(name, 0.5) for name in names]
    with pytest.raises(ModelError, match=r"no block expanded_conv-input:112x112x16-.*expand:6"):
        table(entry("mobilenet_v2").architecture().graph())


def test_a_network_of_other_blocks_is_one_sentence() -> None:
    for name in ("mnasnet_a1", "resnet50"):
        with pytest.raises(ModelError, match=r"is no inverted bottleneck|no block"):
            block_names(entry(name).architecture().graph())


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "a: b: c", "one:\n  count: 3\n", "", "one: 3"])
def test_what_is_no_table_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match="is no table of blocks"):
        BlockTable.load(path)
