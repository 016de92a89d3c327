"""Where tables lie, and for whom they are."""

from pathlib import Path

import pytest

from latency.made_up import alone_ms, graphs, latency, of_graph, whole_ms
from pocketnas.errors import ModelError, SettingError, SpaceError, StudyError
from pocketnas.latency.blocks import BlockTable
from pocketnas.latency.calibrate import tabulate
from pocketnas.latency.check import Measured
from pocketnas.latency.table import LatencyTable
from pocketnas.run.calibrating import Target, calibrate, draw, samples
from pocketnas.run.tables import TABLES, fingerprint, keep, kept, read
from pocketnas.spaces.space import Space

FACTS = {"device": "host (A chip)", "cpu": "A chip", "threads": 1, "reference_ms": 3.0, "heat": 1}
TARGET = Target(resolution=28, channels=1, classes=10)


@pytest.fixture(scope="module")
def table() -> LatencyTable:
    found = [of_graph(graph) for graph in graphs(10)]
    alone = {each: alone_ms(each) for network in found for each in network}
    networks = [Measured(tuple(each), latency(whole_ms(each))) for each in found]
    about = {"target": {"resolution": 28, "channels": 1, "classes": 10}, "device": FACTS}
    return tabulate(alone, networks, about)


def test_a_table_is_found_again_by_its_device_and_target(
    table: LatencyTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert kept(FACTS, TARGET) is None
    path = keep(table)
    assert path.parent == TABLES
    assert path.name.startswith("host-a-chip-mnasnet-28-float-")
    later = {**FACTS, "reference_ms": 3.3, "heat": 2}  # another session
    found = kept(later, Target(resolution=28, channels=1, classes=20))  # of other classes
    assert found is not None
    assert found.entries == table.entries
    assert kept({**FACTS, "cpu": "Another"}, TARGET) is None
    assert kept({**FACTS, "threads": 2}, TARGET) is None
    assert kept(FACTS, Target(resolution=32, channels=1)) is None
    assert kept(FACTS, Target(resolution=28, channels=1, int8=True)) is None


def test_names_are_safe() -> None:
    name = fingerprint({"device": "ssh:../../pi@x (ARM)"}, Target(space="/home/a/my space.py:f"))
    assert name.startswith("ssh-pi-x-arm-my-space-py-f-224-float-")


def test_it_is_written_where_the_user_says(table: LatencyTable, tmp_path: Path) -> None:
    path = keep(table, tmp_path / "deep" / "mine.json")
    assert isinstance(read(path), LatencyTable)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be made"):
        keep(table, tmp_path / "file" / "mine.json")


def test_the_ending_says_what_table_it_is(tmp_path: Path) -> None:
    path = tmp_path / "blocks.yaml"
    path.write_text("one: {count: 1, mean: 2.0}")
    assert read(path) == BlockTable({"one": 2.0})
    with pytest.raises(ModelError, match=r"none\.json: cannot be read"):
        read(tmp_path / "none.json")


def test_draws_are_different_networks() -> None:
    space: Space[object] = Space("pair", lambda choose: choose("a", (1, 2)))
    drawn = draw(graph_space(), 5, seed=0)
    assert len({network.digest for network in drawn}) == 5
    assert [n.digest for n in draw(graph_space(), 5, seed=0)] == [n.digest for n in drawn]
    assert space.size == 2


def graph_space() -> Space:
    from pocketnas.run.sizing import sized

    return sized("mnasnet", resolution=28, classes=10, channels=1).space


@pytest.mark.parametrize(
    ("setting", "words"),
    [("resolution", "--resolution must be a whole number from 8, got 0"), ("threads", "--threads")],
)
def test_bad_targets_are_one_sentence(setting: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        Target(**{setting: 0})


def test_no_time_is_one_sentence() -> None:
    with pytest.raises(SettingError, match="--seconds must be above 0, got 0"):
        calibrate(TARGET, seconds=0, watch=lambda words: None)


def test_a_space_of_few_networks_needs_no_table(tmp_path: Path) -> None:
    file = tmp_path / "few.py"
    file.write_text(
        "from pocketnas.arch import Architecture, ConvBlock, Head\n"
        "def few(choose, *, resolution, classes, channels):\n"
        "    stem = ConvBlock(3, 2, choose('stem', (4, 8)))\n"
        "    return Architecture(resolution, stem, (), Head(16, classes, 0.2), channels)\n"
    )
    target = Target(space=f"{file}:few", resolution=16)
    with pytest.raises(SpaceError, match=r"only 2 different networks .* at least 16"):
        samples(target, seconds=1, watch=lambda words: None)
