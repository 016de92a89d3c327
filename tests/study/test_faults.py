"""Disks fill up, folders are read-only, files get torn: one sentence, and nothing earlier lost."""

import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from pocketnas.errors import StudyError
from pocketnas.study.storage import Storage
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial

STATE = bytes(range(256)) * 2000  # half a megabyte


def trial(number: int) -> Trial:
    return Trial(
        number, "ppo", (number, 1, 2), Outcome(0.5, 1.0 + number, details={"n": number}), 0.5
    )


def fill(path: Path, batches: int = 5) -> None:
    with closing(Storage(path)) as storage:
        for number in range(batches):
            storage.record([trial(number)], "ppo", b"%d" % number)


@contextmanager
def full_disk(storage: Storage) -> Iterator[None]:
    """SQLite's own limit: it reports a full disk."""
    (pages,) = storage._db.execute("PRAGMA page_count").fetchone()
    storage._db.execute(f"PRAGMA max_page_count = {pages}")
    yield
    storage._db.execute("PRAGMA max_page_count = 1073741823")


@contextmanager
def failing_writes(storage: Storage) -> Iterator[None]:
    """The kernel's limit: `write` fails in the middle of a transaction."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


Fault = Callable[[Storage], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(full_disk, "database or disk is full"), (failing_writes, "disk I/O error")],
)
def test_a_disk_that_takes_no_more(tmp_path: Path, fault: Fault, reason: str) -> None:
    path = tmp_path / "study.sqlite"
    fill(path)
    earlier = [trial(number) for number in range(5)]
    with closing(Study(path)) as study:
        storage = study.storage
        sentence = rf"study\.sqlite: cannot be written: {reason}; all earlier trials are kept$"
        with fault(storage):
            for _ in range(2):
                with pytest.raises(StudyError, match=sentence):
                    storage.record([trial(5)], "ppo", STATE)
                assert storage.trials() == earlier
                assert storage.searcher("ppo") == b"4"
            with closing(Study(path, read_only=True)) as reader:
                assert reader.trials == earlier
        storage.record([trial(5)], "ppo", STATE)  # the user has made room
        assert storage.trials() == [*earlier, trial(5)]
        assert storage.searcher("ppo") == STATE
    with closing(Study(path)) as study:
        assert study.trials == [*earlier, trial(5)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any user may enter (pytest's own are private)."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Takes the right to write, also from root, who is somebody else meanwhile."""
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_read_only_folder(folder: Path) -> None:
    path = folder / "study.sqlite"
    fill(path)
    with read_only(folder):
        with pytest.raises(StudyError, match=r"study\.sqlite: cannot be opened as a study: "):
            Study(path)
        with pytest.raises(StudyError, match=r"new\.sqlite: cannot be opened as a study: "):
            Study(folder / "new.sqlite")
        with closing(Study(path, read_only=True)) as study:
            assert study.trials == [trial(number) for number in range(5)]
    with closing(Study(path)) as study:
        assert len(study.trials) == 5


def test_a_read_only_folder_with_unmerged_commits_is_not_misread(folder: Path) -> None:
    """Without the commits in the WAL, which need a writable folder, trials would be missing."""
    path = folder / "study.sqlite"
    with closing(Storage(path)) as storage:
        storage.record([trial(0)], "ppo", b"0")
        killed = folder / "killed"
        killed.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", killed)
    with read_only(killed), pytest.raises(StudyError, match="cannot be opened as a study"):
        Study(killed / path.name, read_only=True)
    with closing(Study(killed / path.name, read_only=True)) as study:
        assert study.trials == [trial(0)]


def test_a_torn_wal_loses_at_most_the_commits_after_the_tear(tmp_path: Path) -> None:
    """As a power cut leaves it: cut anywhere, what is left is the study after some batch."""
    path = tmp_path / "study.sqlite"
    with closing(Storage(path)) as storage:
        for number in range(8):
            storage.record([trial(number)], "ppo", b"%d" % number)
        whole, wal = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    lengths = []
    torn = tmp_path / "torn.sqlite"
    for cut in (*range(0, len(wal), len(wal) // 23), len(wal)):
        for suffix, content in (("", whole), ("-wal", wal[:cut]), ("-shm", None)):
            file = Path(f"{torn}{suffix}")
            file.unlink(missing_ok=True)
            if content is not None:
                file.write_bytes(content)
        with closing(Storage(torn)) as storage:
            found = storage.trials()
            assert found == [trial(number) for number in range(len(found))]
            last = b"%d" % (len(found) - 1) if found else None
            assert storage.searcher("ppo") == last
            storage.record([trial(len(found))], "ppo", b"goes on")
            assert len(storage.trials()) == len(found) + 1
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert set(lengths) == set(range(9))


def test_a_torn_database_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    fill(path, 300)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))
    with pytest.raises(StudyError, match=r"study\.sqlite: cannot be (read|opened as a study): "):
        Study(path)
    with pytest.raises(StudyError, match=r"study\.sqlite: cannot be (read|opened as a study): "):
        Study(path, read_only=True)
