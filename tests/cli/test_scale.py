"""The verb `scale`: a family, the largest member within a limit, one sentence for what is wrong."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from cli.conftest import Cli


def test_a_family_as_files(cli: Cli, tmp_path: Path) -> None:
    done = cli("scale", "efficientnet_b0", "--out", "family", "--json", cwd=tmp_path)
    rows = json.loads(done.stdout)
    assert [row["phi"] for row in rows] == list(range(8))
    assert rows[0]["parameters"] == 5_288_548
    assert rows[1]["resolution"] == 256
    growth = [after["madds"] / before["madds"] for before, after in pairwise(rows)]
    assert all(1.6 < each < 2.6 for each in growth)
    shown = cli("show", rows[2]["file"], "--no-latency", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["params"] == rows[2]["parameters"]
    table = cli("scale", "efficientnet_lite0", "--keep-ends", "--phi", "1", cwd=tmp_path).stdout
    assert "×1.20" in table
    assert "256" in table


def test_the_largest_that_fits(cli: Cli, tmp_path: Path) -> None:
    limits = ("--to-params", "8", "--to-madds", "900")
    (found,) = json.loads(cli("scale", "efficientnet_b0", *limits, "--json", cwd=tmp_path).stdout)
    assert found["parameters"] <= 8e6
    assert found["madds"] <= 900e6
    assert found["phi"] > 0
    small = ("mobilenet_v2_0.35", "--resolution", "32", "--seconds", "0.3")
    (base,) = json.loads(
        cli("scale", *small, "--phi", "0", "--device", "host", "--json", cwd=tmp_path).stdout
    )
    target = 2 * base["latency"]["milliseconds"]
    done = cli("scale", *small, "--to-latency", f"{target:.4f}", "--json", cwd=tmp_path)
    (found,) = json.loads(done.stdout)
    assert 0.4 * target < found["latency"]["milliseconds"] <= target
    assert found["madds"] > base["madds"]


def test_the_grid_search_goes_on_where_it_was(cli: Cli, photos: Path, tmp_path: Path) -> None:
    words = (
        *("scale", "mobilenet_v2_0.1", "--search-coefficients", "--data", photos, "--out", "grid"),
        *("--resolution", "12", "--grid-step", "0.4", "--epochs", "1", "--seeds", "2", "--json"),
    )
    done = cli(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    tried = json.loads(done.stdout)["tried"]
    kinds = [each["kind"] for each in tried]
    assert kinds.count("alone") == 3
    assert kinds.count("base") == 1
    assert kinds.count("grid") >= 2
    assert all(len(each["accuracies"]) == 2 for each in tried)
    assert [each["mean"] for each in tried] == sorted((e["mean"] for e in tried), reverse=True)
    base = next(each for each in tried if each["kind"] == "base")
    assert base["resolution"] == 12
    assert all(each["madds"] > base["madds"] for each in tried if each is not base)
    assert (tmp_path / "grid" / "grid.png").read_bytes().startswith(b"\x89PNG")
    again = cli(*words, cwd=tmp_path)
    assert again.stderr.count("was trained before") == 2 * len({e["madds"] for e in tried})
    assert json.loads(again.stdout)["tried"] == tried


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nasnet_a_mobile",), "cells grow by their own numbers"),
        (("mobilenet_v2", "--coefficients", "1.2,1.1"), "must be alpha,beta,gamma"),
        (("mobilenet_v2", "--to-params", "1"), "the network itself has 3.505 M parameters already"),
        (("mobilenet_v2", "--to-madds", "1", "--phi", "2"), "--phi is for the family"),
        (("gone.tflite",), "gone.tflite: there is no such file"),
        (("mobilenet_v2", "--device", "toaster"), "--device must be host"),
        (("mobilenet_v2", "--search-coefficients"), "--search-coefficients needs --data"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = cli("scale", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.startswith("pocketnas: ")
    assert done.stderr.count("\n") == 1
