"""NASNet's macro network: what is where, its auxiliary head and its ScheduledDropPath."""

import pytest

from pocketnas import zoo
from pocketnas.arch.cells import Cell, CellStem
from pocketnas.graph import Graph, parameters
from pocketnas.graph.ops import DropPath
from pocketnas.zoo.nasnet import NORMAL, REDUCTION, nasnet_a


def filters(stage: tuple[object, ...]) -> list[tuple[int, int]]:
    return [(cell.filters, cell.stride) for cell in stage if isinstance(cell, Cell)]


def test_the_macro_network_of_4_at_1056() -> None:
    """1707.07012, figure 2 (ImageNet) and section 4.1; SLIM: reductions before cells 4 and 8."""
    found = zoo.architecture("nasnet_a_mobile")
    assert found.stem == CellStem(3, 2, 32, "valid")
    assert list(map(filters, found.stages)) == [
        [(11, 2), (22, 2)],
        [(44, 1)] * 4,
        [(88, 2), *[(88, 1)] * 4],
        [(176, 2), *[(176, 1)] * 4],
    ]
    cells = [cell for stage in found.stages for cell in stage if isinstance(cell, Cell)]
    assert {cell.cell for cell in cells if cell.stride == 1} == {NORMAL}
    assert {cell.cell for cell in cells if cell.stride == 2} == {REDUCTION}
    assert found.auxiliary is not None
    assert found.auxiliary.after == 2


def test_large_looks_past_the_reduction_cell_and_mobile_does_not() -> None:
    """SLIM: `skip_reduction_layer_input`."""
    for name, reach in (("nasnet_a_large", 3), ("nasnet_a_mobile", 2)):
        stages = zoo.architecture(name).stages
        found = [[cell.reach for cell in stage if isinstance(cell, Cell)] for stage in stages]
        assert found[2] == found[3] == [2, reach, *[2] * (len(found[3]) - 2)]
        assert {*found[0], *found[1]} == {2}


def test_the_cifar_network_has_no_stem_cells() -> None:
    found = zoo.architecture("nasnet_a_cifar")
    assert found.stem == CellStem(3, 1, 96, "same")
    assert [len(stage) for stage in found.stages] == [6, 7, 7]
    assert found.graph().node("stem.conv.conv").shape == (32, 32, 96)
    assert found.auxiliary is not None
    assert found.auxiliary.after == 1


@pytest.mark.parametrize(
    ("name", "channels", "side"),
    [("nasnet_a_mobile", 528, 4), ("nasnet_a_large", 2016, 6), ("nasnet_a_cifar", 384, 4)],
)
def test_the_auxiliary_head_by_hand(name: str, channels: int, side: int) -> None:
    """SLIM: 5x5 pool of stride 3, 1x1 to 128, the whole map to 768, classifier."""
    architecture = zoo.architecture(name)
    plain, both = architecture.graph(), architecture.graph(auxiliary=True)
    classes = plain.node(plain.outputs[0]).shape[2]
    norms = 2 * 128 + 2 * 768
    head = channels * 128 + side * side * 128 * 768 + norms + 769 * classes
    assert parameters(both) - parameters(plain) == head
    assert [both.node(output).shape[2] for output in both.outputs] == [classes, classes]


def drops(graph: Graph) -> dict[str, float]:
    return {node.name: node.op.rate for node in graph.nodes if isinstance(node.op, DropPath)}


def test_scheduled_drop_path_rises_linearly_and_spares_identities() -> None:
    """SLIM: a cell drops (its number) / (all cells, stem cells too) of the final rate."""
    architecture = nasnet_a(2, 96, resolution=64)
    found = drops(architecture.graph(drop_path=0.3))
    cells = [
        (f"stages.{i}.{j}", cell)
        for i, stage in enumerate(architecture.stages)
        for j, cell in enumerate(stage)
        if isinstance(cell, Cell)
    ]
    assert len(cells) == 2 + 3 * 2 + 2
    for number, (path, cell) in enumerate(cells, start=1):
        rates = [rate for name, rate in found.items() if name.startswith(f"{path}.")]
        # Of ten branches, the normal cell has two identities and the reduction cell one.
        assert len(rates) == (8 if cell.stride == 1 else 9)
        assert rates == pytest.approx([0.3 * number / len(cells)] * len(rates))
    assert max(found.values()) == pytest.approx(0.3)
    identities = ("pairs.2.right", "pairs.4.right")
    normal = [path for path, cell in cells if cell.stride == 1]
    assert not any(f"{path}.{branch}.drop" in found for path in normal for branch in identities)


def test_without_drop_path_there_is_none() -> None:
    assert not drops(nasnet_a(1, 96, resolution=64).graph())
