"""The program as a whole: help, version, errors."""

import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import pocketnas
from cli.conftest import Cli
from pocketnas.cli.main import app
from pocketnas.cli.search import search
from pocketnas.run.config import RunConfig


def test_help_names_every_verb(cli: Cli, tmp_path: Path) -> None:
    done = cli("--help", cwd=tmp_path)
    assert done.returncode == 0
    for verb in ("search", "report", "spaces", "zoo", "show", "measure", "compare", "export"):
        assert verb in done.stdout


def test_help_says_what_each_verb_does(cli: Cli, tmp_path: Path) -> None:
    """Whole sentences: cut to a line they would end in dots."""
    shown = " ".join(cli("--help", cwd=tmp_path).stdout.split())
    for command in app.registered_commands:
        assert command.callback is not None
        assert (command.callback.__doc__ or "").partition("\n")[0] in shown


def test_help_of_a_search_has_every_default(cli: Cli, tmp_path: Path) -> None:
    """Those that an option's type gives, and those that its text says in brackets."""
    shown = " ".join(cli("search", "--help", cwd=tmp_path).stdout.split())
    for default in (
        "mnist5k",
        "28 for mnist5k, else 96",
        str(RunConfig().trials),
        "MobileNetV2's at the same size",
        "photos yes",
        "one a core",
        "runs/<data>-<number>",
        RunConfig().searcher,
    ):
        assert f"[default: {default}]" in shown
    texts = get_type_hints(search, include_extras=True).values()
    helps = [hint.__metadata__[0].help for hint in texts if hasattr(hint, "__metadata__")]
    assert len(helps) > 20
    for text in helps:
        assert " ".join(text.split()) in shown


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
    assert "nowhere: holds no search and no adaptation" in done.stderr
