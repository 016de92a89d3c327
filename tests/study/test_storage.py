import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from contracts.storage import TRIALS, StorageContract
from pocketnas.errors import StudyError
from pocketnas.study.storage import VERSION, Storage


class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        with closing(Storage(":memory:")) as storage:
            yield storage


class TestFile(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        with closing(Storage(tmp_path / "study.sqlite")) as storage:
            yield storage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a study with three trials is, closed."""
    path = tmp_path / "a study? #1.sqlite"
    with closing(Storage(path)) as storage:
        storage.record(TRIALS[:2], "ppo", b"state")
        storage.record(TRIALS[2:], "random", b"other")
        storage.remember("accuracy", "ab", 0.5)
        storage.set("space", ["mnasnet"])
    return path


def assert_whole(storage: Storage) -> None:
    assert storage.trials() == list(TRIALS)
    assert storage.searcher("ppo") == b"state"
    assert storage.searcher("random") == b"other"
    assert storage.recall("accuracy", "ab") == 0.5
    assert storage.get("space") == ["mnasnet"]


def test_everything_is_there_when_reopened(path: Path) -> None:
    for opened in (path, str(path)):
        with closing(Storage(opened)) as storage:
            assert_whole(storage)


def test_a_closed_study_is_one_file_and_its_empty_lock(path: Path) -> None:
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}-lock"]
    assert Path(f"{path}-lock").stat().st_size == 0


def test_a_memory_study_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Storage(":memory:")) as one, closing(Storage(":memory:")) as other:
        one.record(TRIALS, "ppo", b"")
        assert other.trials() == []
    assert list(tmp_path.iterdir()) == []


def test_every_commit_reaches_the_disk(path: Path) -> None:
    """WAL with `synchronous = FULL`: a commit returns after its fsync."""
    with closing(Storage(path)) as storage:
        assert storage._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert storage._db.execute("PRAGMA synchronous").fetchone() == (2,)


# One writer, many readers


def test_a_second_writer_is_refused_and_the_first_goes_on(path: Path) -> None:
    with closing(Storage(path)) as first:
        with pytest.raises(StudyError, match=r"#1\.sqlite: is in use by another process$"):
            Storage(path)
        first.set("space", "still writable")
    with closing(Storage(path)) as second:
        assert second.get("space") == "still writable"


def _hold(path: Path, ready: Connection) -> None:
    storage = Storage(path)
    storage.record([], "held", b"by another process")
    ready.send(True)
    signal.pause()


@pytest.fixture
def holder(path: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    """Another process that writes the study, alive."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_hold, args=(path, theirs), daemon=True)
    process.start()
    assert ours.recv()
    yield process
    process.kill()
    process.join()


def test_the_lock_dies_with_its_process(
    path: Path, holder: multiprocessing.process.BaseProcess
) -> None:
    with pytest.raises(StudyError, match="is in use by another process"):
        Storage(path)
    assert holder.pid
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with closing(Storage(path)) as storage:
        assert_whole(storage)
        assert storage.searcher("held") == b"by another process"


@pytest.mark.usefixtures("holder")
def test_a_live_study_can_be_read_by_another_process(path: Path) -> None:
    with closing(Storage(path, read_only=True)) as reader:
        assert_whole(reader)
        assert reader.searcher("held") == b"by another process"


def test_a_reader_sees_what_is_committed_and_holds_nobody_up(path: Path) -> None:
    with closing(Storage(path)) as writer, closing(Storage(path, read_only=True)) as reader:
        writer.set("space", 1)
        assert reader.get("space") == 1
        with closing(Storage(path, read_only=True)) as another:
            writer.set("space", 2)
            assert another.get("space") == reader.get("space") == 2


def test_a_reader_writes_nothing(path: Path) -> None:
    before = path.read_bytes()
    with closing(Storage(path, read_only=True)) as reader:
        assert_whole(reader)
        for write in (
            lambda: reader.record([], "ppo", b"changed"),
            lambda: reader.remember("accuracy", "ab", 1),
            lambda: reader.set("space", 1),
        ):
            with pytest.raises(StudyError, match="cannot be written: attempt to write a readonly"):
                write()
        assert_whole(reader)
    assert path.read_bytes() == before
    with closing(Storage(path)) as storage:  # it took no lock either
        assert_whole(storage)


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be opened as a study: unable to open"):
        Storage(tmp_path / "none.sqlite", read_only=True)
    assert list(tmp_path.iterdir()) == []


# What is no study


@pytest.mark.parametrize("read_only", [False, True])
def test_another_kind_of_file_is_refused_and_left_alone(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database, but long enough to have a header " * 100)
    before = path.read_bytes()
    with pytest.raises(StudyError, match=r"notes\.txt: cannot be opened as a study: file is not a"):
        Storage(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("version", [0, VERSION])
def test_another_programs_database_is_refused_and_left_alone(
    tmp_path: Path, version: int, read_only: bool
) -> None:
    path = tmp_path / "places.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE places (id)")
        db.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(StudyError, match=r"places\.sqlite: is a database, but not one of a study"):
        Storage(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_future_format_is_refused_and_left_alone(path: Path, read_only: bool) -> None:
    _set_version(path, VERSION + 1)
    before = path.read_bytes()
    with pytest.raises(StudyError, match=r"is a study of format 3, this version reads 2$"):
        Storage(path, read_only=read_only)
    assert path.read_bytes() == before
    _set_version(path, VERSION)  # as the future version would
    with closing(Storage(path)) as storage:
        assert_whole(storage)


def _set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")


def test_an_empty_file_becomes_a_study(tmp_path: Path) -> None:
    """A process killed while it created the study leaves one."""
    path = tmp_path / "study.sqlite"
    path.touch()
    with pytest.raises(StudyError, match="not one of a study"):
        Storage(path, read_only=True)
    with closing(Storage(path)) as storage:
        storage.record(TRIALS, "ppo", b"")
        assert storage.trials() == list(TRIALS)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"/none/study\.sqlite: cannot be opened as a study"):
        Storage(tmp_path / "none" / "study.sqlite")


def test_a_refused_study_stays_free(path: Path) -> None:
    """Neither the lock nor the file stays open when opening has failed."""
    _set_version(path, VERSION + 1)
    with pytest.raises(StudyError) as caught:
        Storage(path)
    _set_version(path, VERSION)
    with closing(Storage(path)) as storage:
        assert_whole(storage)
    assert caught.value.__traceback__  # what kept the refused one alive meanwhile
