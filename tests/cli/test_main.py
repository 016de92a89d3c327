"""The program as a whole: help, version, spaces."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pocketnas
from cli.conftest import Cli


def test_help_names_every_verb(cli: Cli, tmp_path: Path) -> None:
    done = cli("--help", cwd=tmp_path)
    assert done.returncode == 0
    for verb in ("search", "report", "spaces", "zoo", "show", "measure", "compare", "export"):
        assert verb in done.stdout


@pytest.mark.parametrize("verb", ["search", "show", "measure", "export"])
def test_help_loads_no_framework(verb: str) -> None:
    code = (
        f"import sys; sys.argv = ['pocketnas', '{verb}', '--help']\n"
        "from pocketnas.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'ai_edge_litert', 'matplotlib', 'plotly', 'PIL'}\n"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_version(cli: Cli, tmp_path: Path) -> None:
    assert cli("--version", cwd=tmp_path).stdout == f"pocketnas {pocketnas.__version__}\n"


def test_spaces_prints_the_papers_size(cli: Cli, tmp_path: Path) -> None:
    done = cli("spaces", "mnasnet", "--blocks", "5", cwd=tmp_path)
    assert "432^5 = 1.5e+13" in done.stdout
    assert done.stdout.count("\n") == 1 + 5 * 6
    rows = json.loads(cli("spaces", "--json", cwd=tmp_path).stdout)
    assert [row["name"] for row in rows] == ["mnasnet", "proxylessnas", "singlepath"]
    assert rows[0]["size"] == 432**7
    assert rows[0]["decisions"][0]["options"] == ["conv", "sepconv", "mbconv3", "mbconv6"]


def test_unknown_names_get_one_sentence(cli: Cli, tmp_path: Path) -> None:
    done = cli("spaces", "darts", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr
        == "pocketnas: no space is called 'darts'; there are: mnasnet, proxylessnas, singlepath\n"
    )
    done = cli("report", "nowhere", cwd=tmp_path)
    assert done.returncode == 1
    assert "no run folder" in done.stderr
