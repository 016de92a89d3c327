"""What test_executor.py runs in worker processes; they import it by name."""

import os
import signal
import sys
import time
from pathlib import Path

from pocketnas.study.executor import LocalExecutor

_prepared: list[object] = []


def prepare(folder: Path, value: object) -> None:
    """Leaves a mark for each call, and the value for the tasks of this process."""
    _prepared.append(value)
    (folder / f"setup-{os.getpid()}-{len(_prepared)}").touch()


def nothing() -> None:
    pass


def fail_to_prepare(text: str) -> None:
    raise FileNotFoundError(text)


def square(n: int) -> int:
    return n * n


def slow_if_early(n: int) -> int:
    time.sleep(0.3 if n == 0 else 0.0)
    return n


def prepared_in(n: int) -> tuple[int, list[object]]:
    time.sleep(0.05)  # so that no worker does all
    return os.getpid(), _prepared


def picky(n: int) -> int:
    if n % 3 == 2:
        raise ValueError(f"not {n}")
    return n


def deadly(n: int) -> int:
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def deadly_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def process_id(_: object) -> int:
    return os.getpid()


def unpicklable(n: int) -> object:
    return (lambda: n) if n else n


class Awkward(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def awkward(n: int) -> None:
    raise Awkward("this", "that")


def hang(folder: Path) -> None:
    (folder / f"worker-{os.getpid()}").touch()
    time.sleep(600)


def hang_if_early(folder: Path | None) -> None:
    if folder:
        hang(folder)


def hang_at_first(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        time.sleep(600)
    return "alive"


def die_then_hang(mark: Path) -> None:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def greedy(mark: Path) -> str:
    """Gets its memory only when no other worker is there any more."""
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        raise MemoryError("as much as there is")
    return "fed" if int(mark.read_text()) != os.getpid() else "in the same old process"


class OutOfMemoryError(RuntimeError):
    """As CUDA's."""


def insatiable(mark: Path) -> None:
    mark.write_text(mark.read_text() + "." if mark.exists() else ".")
    raise OutOfMemoryError("139 GiB are not enough")


def counted_failure(mark: Path) -> None:
    mark.write_text(mark.read_text() + "." if mark.exists() else ".")
    raise ValueError("as always")


def main(folder: Path) -> None:
    """A parent to be killed: two workers hang, and it waits for them."""
    executor = LocalExecutor(2, nothing)
    for _ in executor.map(hang, [folder, folder]):
        pass


if __name__ == "__main__":
    from study import tasks  # by its name, so that workers find it

    tasks.main(Path(sys.argv[1]))
