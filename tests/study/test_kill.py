"""The promise of a study: kill it at any instant, and it goes on as if nothing had been."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from pocketnas.study.study import Study
from study import killing


def test_a_killed_search_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    script = subprocess.run(
        [sys.executable, killing.__file__, tmp_path], capture_output=True, text=True
    )
    assert script.returncode == 0, script.stderr
    _check_kills(json.loads(script.stdout))
    with (
        closing(Study(tmp_path / "straight.sqlite", read_only=True)) as straight,
        closing(Study(tmp_path / "killed.sqlite", read_only=True)) as killed,
    ):
        assert len(straight.trials) == killing.TRIALS
        assert killed.trials == straight.trials
        assert killed.best == straight.best
        assert killed.pareto() == straight.pareto()
        assert killed.storage.searcher("search") == straight.storage.searcher("search")
        assert killed.storage.get("space") == straight.storage.get("space")
        failed = [trial for trial in straight.trials if not trial.outcome.ok]
        assert failed
    assert _tables(tmp_path / "killed.sqlite") == _tables(tmp_path / "straight.sqlite")


def _check_kills(kills: list[tuple[str, Any, int]]) -> None:
    """Enough of every kind, all over the study's life."""
    kinds = Counter(what for what, _, _ in kills)
    assert kinds["random"] + kinds["commit"] >= 15
    assert kinds["exact"] >= len(killing.CREATING) + len(killing.RECORDING) // 2
    trials = [count for _, _, count in kills]
    assert trials == sorted(trials)
    assert len(set(trials)) > 10
    assert trials[-1] > killing.TRIALS / 2


def _tables(path: Path) -> dict[str, list[Any]]:
    """Everything the file holds, and that it holds together."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: sorted(db.execute(f"SELECT * FROM {name}").fetchall()) for name in names}
