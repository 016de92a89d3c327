"""A latency table from the command line: made, read, searched by."""

import json
from pathlib import Path

import pytest

from cli.conftest import TINY, Cli

SMALL = ("--resolution", "32", "--classes", "3", "--seconds", "2", "--networks", "16")


@pytest.fixture(scope="module")
def made(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("table")
    done = cli("calibrate", *SMALL, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_a_table_says_what_it_is_of_and_how_far_it_is_off(made) -> None:
    folder, said = made
    assert said["target"]["resolution"] == 32
    assert said["operators"] >= 40
    assert said["check"]["networks"] >= 2
    assert 0 <= said["check"]["mean_error"] < 1
    assert [str(path.relative_to(folder)) for path in (folder / "tables").iterdir()] == [
        said["table"]
    ]


def test_prices_are_listed_by_operator(cli: Cli, made) -> None:
    folder, said = made
    done = cli("price", said["table"], "mnasnet_a1", "--resolution", "32", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "mnasnet_a1: " in done.stdout
    assert "guessed" in done.stdout  # in two seconds only 40 operators were timed
    assert "conv 1x1" in done.stdout
    done = cli("price", said["table"], "mnasnet_a1", "--json", cwd=folder)
    (row,) = json.loads(done.stdout)
    assert row["milliseconds"] > sum(part["milliseconds"] for part in row["parts"]) > 0


def test_a_search_goes_by_the_table(cli: Cli, made, photos: Path) -> None:
    folder, _ = made
    done = cli(
        *("search", "--data", photos, "--resolution", "32", *TINY),
        *("--latency", "table", "--control", "0", "--out", "run", "--json"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert "latencies of trials are those of a table" in done.stderr
    assert "calibrating" not in done.stderr
    assert (folder / "run" / "table.json").is_file()
    assert json.loads(done.stdout)["rows"][0]["latency"]["pairs"] > 0  # measured


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("calibrate", "--space", "nosuch"), "nosuch"),
        (("calibrate", "--seconds", "-1"), "--seconds must be above 0"),
        (("price", "none.json", "mobilenet_v2"), "none.json: cannot be read"),
        (("search", "--latency", "none.json"), "none.json: cannot be read"),
    ],
)
def test_bad_input_gets_one_sentence(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = cli(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert words in sentence
    assert not list(tmp_path.iterdir())
