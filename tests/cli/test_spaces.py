"""`pocketnas spaces`, and what `search` says of a space that cannot be used."""

import json
from pathlib import Path

import pytest

from cli.conftest import Cli
from pocketnas.arch import from_lines
from pocketnas.graph import madds, parameters
from pocketnas.spaces import SPACES, named

MINE = """\
from pocketnas.arch.scaling import build

def small(choose, *, resolution=28, classes=10, channels=1):
    line = f"ds_k{choose('kernel', (3, 5))}_c{choose('filters', (8, 16))}"
    return build([line], resolution=resolution, classes=classes, channels=channels)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return file


def test_the_papers_size(cli: Cli, tmp_path: Path) -> None:
    done = cli("spaces", "mnasnet", "--blocks", "5", cwd=tmp_path)
    assert "432^5 = 1.5e+13" in done.stdout
    assert done.stdout.count("\n") == 2 + 5 * 6
    done = cli("spaces", "proxylessnas", "--blocks", "5", cwd=tmp_path)
    assert done.stderr == "pocketnas: --blocks is for the space mnasnet\n"


def test_all_with_a_line_on_each(cli: Cli, tmp_path: Path) -> None:
    lines = cli("spaces", cwd=tmp_path).stdout.splitlines()
    heads = [i for i, line in enumerate(lines) if not line.startswith(" ")]
    assert [lines[i].partition(":")[0] for i in heads] == list(SPACES)
    assert "mobilenetv3: 86 decisions, 8.48e+42 choices" in lines
    for i in heads:
        assert lines[i + 1].endswith(".")
    rows = json.loads(cli("spaces", "--json", cwd=tmp_path).stdout)
    assert [row["name"] for row in rows] == list(SPACES)
    assert rows[0]["size"] == 432**7
    assert rows[0]["decisions"][0]["options"] == ["conv", "sepconv", "mbconv3", "mbconv6"]
    assert [row["sample"] for row in rows] == [[]] * len(SPACES)


def test_random_networks_as_block_strings(cli: Cli, tmp_path: Path) -> None:
    shown = cli("spaces", "mobilenetv3", "--sample", "2", cwd=tmp_path).stdout
    done = cli("spaces", "mobilenetv3", "--sample", "2", "--json", cwd=tmp_path)
    first, second = json.loads(done.stdout)[0]["sample"]
    assert first != second
    for network in (first, second):
        graph = from_lines(network["lines"]).graph()
        assert network["parameters"] == parameters(graph)
        assert network["madds"] == madds(graph)
        decoded = named("mobilenetv3").decode(tuple(network["genotype"]))
        assert decoded == from_lines(network["lines"])
        assert "\n".join(f"    {line}" for line in network["lines"]) in shown
        assert f"{network['parameters']:,} parameters" in shown
    other = cli("spaces", "mobilenetv3", "--sample", "2", "--seed", "1", cwd=tmp_path).stdout
    assert other != shown


def test_a_users_own(cli: Cli, mine: Path) -> None:
    shown = cli("spaces", "mine.py:small", "--sample", "1", cwd=mine.parent).stdout
    assert shown.startswith("mine.py:small: 2 decisions, 2^2 = 4 choices\n  From mine.py:small.\n")
    assert "  kernel   3, 5\n  filters  8, 16\n  random network 1: " in shown
    assert "    in_p28_c1\n" in shown


def test_an_unusable_space_is_one_sentence_and_no_run_folder(cli: Cli, mine: Path) -> None:
    for name, message in (
        ("darts", f"no space is called 'darts'; there are: {', '.join(SPACES)}, and your own as"),
        ("mine.py:large", "mine.py: has no function 'large'; there are: small"),
        ("none.py:small", "none.py: there is no such file"),
    ):
        for arguments in (("spaces", name), ("search", "--space", name)):
            done = cli(*arguments, cwd=mine.parent)
            assert done.returncode == 1
            assert done.stderr.startswith(f"pocketnas: {message}")
            assert done.stderr.count("\n") == 1
    assert not (mine.parent / "runs").exists()
