"""One SQLite file: trials, searcher states and remembered evaluations, each commit durable."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pocketnas.errors import StudyError
from pocketnas.study.trial import Outcome, Trial

VERSION = 1

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    number INTEGER PRIMARY KEY, arm TEXT NOT NULL, genotype TEXT NOT NULL,
    accuracy REAL, latency_ms REAL, reward REAL, error TEXT, details TEXT NOT NULL
);
CREATE INDEX trials_arm ON trials (arm);
CREATE TABLE searchers (arm TEXT PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE evaluations (
    kind TEXT, digest TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, digest)
) WITHOUT ROWID;
"""


class Storage:
    """The file behind a study. One process writes it; others may read it meanwhile (WAL).

    Every method that writes is one transaction, on disk when it returns: after a kill, or a power
    cut, the file holds all of it or nothing.

    Args:
        path: of the SQLite file, created when absent; `":memory:"` keeps a study in memory.

    Raises:
        StudyError: the file cannot be opened, or is no study.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        try:
            # Transactions are written out below; sqlite3 begins none by itself.
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                with self._transaction():
                    for statement in _SCHEMA.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error as error:
            raise StudyError(f"{path}: cannot be opened as a study: {error}") from None
        if version not in (0, VERSION):
            self._db.close()
            raise StudyError(
                f"{path}: is a study of format {version}, this version reads {VERSION}"
            )

    def record(self, trials: Sequence[Trial], arm: str, state: bytes) -> None:
        """Appends a batch of trials together with the searcher that has learned from them."""
        rows = [
            (
                trial.number,
                trial.arm,
                json.dumps(trial.genotype),
                trial.outcome.accuracy,
                trial.outcome.latency,
                trial.reward,
                trial.outcome.error,
                json.dumps(dict(trial.outcome.details)),
            )
            for trial in trials
        ]
        with self._transaction():
            self._db.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.execute("REPLACE INTO searchers VALUES (?, ?)", (arm, state))

    def trials(self) -> list[Trial]:
        """All trials, in order of their numbers."""
        rows = self._db.execute(
            "SELECT number, arm, genotype, accuracy, latency_ms, reward, error, details"
            " FROM trials ORDER BY number"
        )
        return [
            Trial(
                number,
                arm,
                tuple(json.loads(genotype)),
                Outcome(accuracy, latency, error, json.loads(details)),
                reward,
            )
            for number, arm, genotype, accuracy, latency, reward, error, details in rows
        ]

    def searcher(self, arm: str) -> bytes | None:
        """The state recorded with the arm's last batch."""
        row = self._db.execute("SELECT state FROM searchers WHERE arm = ?", (arm,)).fetchone()
        return None if row is None else bytes(row[0])

    def remember(self, kind: str, digest: str, value: Any) -> None:
        """Keeps one evaluation (any JSON), so that it is never made twice."""
        with self._transaction():
            self._db.execute(
                "REPLACE INTO evaluations VALUES (?, ?, ?)", (kind, digest, json.dumps(value))
            )

    def recall(self, kind: str, digest: str) -> Any:
        """What `remember` kept, or None."""
        row = self._db.execute(
            "SELECT value FROM evaluations WHERE kind = ? AND digest = ?", (kind, digest)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def set(self, key: str, value: Any) -> None:
        """Keeps a fact about the whole study (any JSON)."""
        with self._transaction():
            self._db.execute("REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def get(self, key: str) -> Any:
        """What `set` kept, or None."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with closing(self._db.cursor()) as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.rollback()
            raise StudyError(
                f"{self.path}: cannot be written: {error}; all earlier trials are kept"
            ) from None
