"""The program as a whole: help, version, errors."""

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


def test_unknown_names_get_one_sentence(cli: Cli, tmp_path: Path) -> None:
    done = cli("report", "nowhere", cwd=tmp_path)
    assert done.returncode == 1
    assert "no run folder" in done.stderr
