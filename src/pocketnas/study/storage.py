"""One SQLite file: trials, searcher states and remembered evaluations, each commit durable."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from pocketnas.errors import StudyError
from pocketnas.study.trial import Outcome, Trial

APPLICATION = int.from_bytes(b"PNAS")  # in the file's header, where `file` looks too
VERSION = 2

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    number INTEGER PRIMARY KEY, arm TEXT NOT NULL, genotype TEXT NOT NULL,
    accuracy REAL, latency_ms REAL, reward REAL, error TEXT, details TEXT NOT NULL,
    costs TEXT NOT NULL, estimated INTEGER NOT NULL
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
        read_only: opens an existing file beside its writer; every writing method fails.

    Raises:
        StudyError: the file cannot be opened, is no study, or another process writes it.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self.path = path
        with ExitStack() as stack:
            try:
                if not read_only and path != ":memory:":
                    stack.enter_context(_sole_writer(path))
                db = _reader(path) if read_only else _connect(str(path))
                self._db = stack.enter_context(closing(db))
                self._check_format(create=not read_only)
                if not read_only:
                    self._db.execute("PRAGMA journal_mode = WAL")
                    self._db.execute("PRAGMA synchronous = FULL")
            except sqlite3.Error as error:
                raise StudyError(f"{path}: cannot be opened as a study: {error}") from None
            self._open = stack.pop_all()

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
                json.dumps(dict(trial.outcome.costs)),
                trial.outcome.estimated,
            )
            for trial in trials
        ]
        with self._transaction():
            self._db.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.execute("REPLACE INTO searchers VALUES (?, ?)", (arm, state))

    def trials(self) -> list[Trial]:
        """All trials, in order of their numbers."""
        with self._reading():
            rows = self._db.execute(
                "SELECT number, arm, genotype, accuracy, latency_ms, reward, error, details,"
                " costs, estimated"
                " FROM trials ORDER BY number"
            )
            return [
                Trial(
                    number,
                    arm,
                    tuple(json.loads(genotype)),
                    Outcome(
                        accuracy,
                        latency,
                        error,
                        json.loads(details),
                        json.loads(costs),
                        bool(estimated),
                    ),
                    reward,
                )
                for (
                    number,
                    arm,
                    genotype,
                    accuracy,
                    latency,
                    reward,
                    error,
                    details,
                    costs,
                    estimated,
                ) in rows
            ]

    def searcher(self, arm: str) -> bytes | None:
        """The state recorded with the arm's last batch."""
        with self._reading():
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
        with self._reading():
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
        with self._reading():
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return None if row is None else json.loads(row[0])

    def close(self) -> None:
        """Closes the file and lets others write it."""
        self._open.close()

    def _check_format(self, *, create: bool) -> None:
        """Raises StudyError unless the file is a study; makes an empty file one if `create`."""
        application, version, tables = (
            self._db.execute(query).fetchone()[0]
            for query in (
                "PRAGMA application_id",
                "PRAGMA user_version",
                "SELECT count(*) FROM sqlite_master",
            )
        )
        if create and not (application or version or tables):
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")
        elif application != APPLICATION:
            raise StudyError(f"{self.path}: is a database, but not one of a study")
        elif version != VERSION:
            raise StudyError(
                f"{self.path}: is a study of format {version}, this version reads {VERSION}"
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # after some errors SQLite has rolled back itself
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StudyError(
                f"{self.path}: cannot be written: {error}; all earlier trials are kept"
            ) from None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise StudyError(f"{self.path}: cannot be read: {error}") from None


@contextmanager
def _sole_writer(path: Path | str) -> Iterator[None]:
    """Keeps other writers away from `path` until this process leaves, or dies.

    The lock is SQLite's own, on a file beside the study: one on the study would keep readers away.
    """
    with closing(sqlite3.connect(f"{path}-lock", isolation_level=None, timeout=0)) as lock:
        try:
            lock.execute("PRAGMA journal_mode = MEMORY")
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise StudyError(f"{path}: is in use by another process") from None
        yield


def _connect(path: str, *, uri: bool = False) -> sqlite3.Connection:
    # Transactions are written out above; sqlite3 begins none by itself.
    return sqlite3.connect(path, isolation_level=None, timeout=30, uri=uri)


def _reader(path: Path | str) -> sqlite3.Connection:
    address = Path(path).absolute().as_uri()
    db = _connect(f"{address}?mode=rw", uri=True)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        db.close()
        wal = Path(f"{path}-wal")
        if wal.exists() and wal.stat().st_size > 0:
            raise
        # A folder that cannot be written: no place for WAL's shared memory, and nobody to share.
        db = _connect(f"{address}?immutable=1", uri=True)
    return db
