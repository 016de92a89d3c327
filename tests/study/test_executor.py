import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pocketnas.study.executor import LocalExecutor, WorkerError
from study import tasks

PATIENCE_S = 120
"""Far more than anything here takes; a test that hangs fails in the end."""
TIMEOUT_S = 1.5
"""Longer than a worker takes to start, as short as that allows."""


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    with closing(LocalExecutor(2, tasks.nothing)) as executor:
        yield executor


def results(
    executor: LocalExecutor,
    function: Callable[[Any], Any],
    items: list[Any],
    **options: Any,
) -> list[Any]:
    """In the order of the items; each exactly once."""
    found = list(executor.map(function, items, **options))
    assert sorted(i for i, _ in found) == list(range(len(items)))
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]


def test_results_carry_their_indices(executor: LocalExecutor) -> None:
    assert results(executor, tasks.square, [3, 1, 2, 2]) == [9, 1, 4, 4]


def test_nothing_to_do(executor: LocalExecutor) -> None:
    assert results(executor, tasks.square, []) == []


def test_results_come_as_they_finish(executor: LocalExecutor) -> None:
    found = [i for i, _ in executor.map(tasks.slow_if_early, list(range(6)))]
    assert sorted(found) == list(range(6))
    assert found[0] != 0


def test_an_exception_is_the_result_of_its_item_alone(executor: LocalExecutor) -> None:
    found = results(executor, tasks.picky, list(range(6)))
    assert [repr(result) for result in found] == [
        *("0", "1", "ValueError('not 2')", "3", "4", "ValueError('not 5')")
    ]


def test_what_cannot_be_sent_fails_alone(executor: LocalExecutor) -> None:
    back = results(executor, tasks.unpicklable, [0, 1])
    assert back[0] == 0
    assert isinstance(back[1], Exception)
    there = results(executor, tasks.square, [2, lambda: None])
    assert there[0] == 4
    assert isinstance(there[1], Exception)
    (error,) = results(executor, tasks.awkward, [0])
    assert str(error).startswith("Awkward('this and that') cannot be sent: ")


def test_an_exception_brings_its_traceback_as_a_note(executor: LocalExecutor) -> None:
    (error,) = results(executor, tasks.picky, [2])
    assert 'raise ValueError(f"not {n}")' in error.__notes__[0]


@pytest.mark.parametrize("items", [[0, 1, 2, 3, 4], [2, 3], [2]])
def test_a_killed_worker_fails_its_item_alone(executor: LocalExecutor, items: list[int]) -> None:
    for n, result in zip(items, results(executor, tasks.deadly, items), strict=True):
        if n == 2:
            assert isinstance(result, RuntimeError)
            assert str(result).startswith("the worker process died")
        else:
            assert result == n * n


def test_a_worker_killed_once_costs_no_trial(executor: LocalExecutor, tmp_path: Path) -> None:
    """The kernel may take any worker when memory is short, a blameless one too."""
    assert results(executor, tasks.deadly_once, [tmp_path / "mark"]) == ["alive"]


def test_a_hung_worker_is_killed_and_its_item_repeated(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    found = results(executor, tasks.hang_at_first, [tmp_path / "mark"], timeout=TIMEOUT_S)
    assert found == ["alive"]


def test_what_hangs_twice_fails_alone(executor: LocalExecutor, tmp_path: Path) -> None:
    items = [None, tmp_path, None]
    found = results(executor, tasks.hang_if_early, items, timeout=lambda: TIMEOUT_S)
    assert found[0] is found[2] is None
    assert isinstance(found[1], WorkerError)
    assert str(found[1]) == f"hung: no result after {TIMEOUT_S:g} s, twice"
    workers = [int(path.name.removeprefix("worker-")) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    assert not any(map(_alive, workers))


def test_two_kinds_of_loss_are_both_told(executor: LocalExecutor, tmp_path: Path) -> None:
    (error,) = results(executor, tasks.die_then_hang, [tmp_path / "mark"], timeout=TIMEOUT_S)
    assert str(error) == (
        "the worker process died; it may have run out of memory;"
        f" then, alone: hung: no result after {TIMEOUT_S:g} s"
    )


def test_no_result_is_late_because_nobody_listened(executor: LocalExecutor) -> None:
    work = executor.map(tasks.square, [1, 2, 3, 4], timeout=TIMEOUT_S)
    found = [next(work)]
    time.sleep(TIMEOUT_S * 1.2)
    assert sorted([*found, *work]) == [(0, 1), (1, 4), (2, 9), (3, 16)]


def test_short_of_memory_gets_one_more_chance_alone(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    assert results(executor, tasks.greedy, [tmp_path / "one"]) == ["fed"]
    (error,) = results(executor, tasks.insatiable, [tmp_path / "two"])
    assert str(error) == "139 GiB are not enough"
    assert (tmp_path / "two").read_text() == ".."


def test_any_other_failure_is_final(executor: LocalExecutor, tmp_path: Path) -> None:
    (error,) = results(executor, tasks.counted_failure, [tmp_path / "mark"])
    assert isinstance(error, ValueError)
    assert (tmp_path / "mark").read_text() == "."


def test_nothing_that_can_be_sent(executor: LocalExecutor) -> None:
    (error,) = results(executor, tasks.square, [lambda: None])
    assert isinstance(error, Exception)


@pytest.mark.parametrize("n", [1, 3])
def test_a_worker_killed_while_idle_costs_no_trial(executor: LocalExecutor, n: int) -> None:
    (worker,) = results(executor, tasks.process_id, [None])
    os.kill(worker, signal.SIGKILL)
    assert results(executor, tasks.square, [5] * n) == [25] * n


def test_setup_runs_once_in_each_worker(tmp_path: Path) -> None:
    with closing(LocalExecutor(2, tasks.prepare, (tmp_path, "images"))) as executor:
        found = results(executor, tasks.prepared_in, list(range(8)))
        found += results(executor, tasks.prepared_in, list(range(2)))
    workers = {worker for worker, _ in found}
    assert 1 <= len(workers) <= 2
    assert all(prepared == ["images"] for _, prepared in found)
    marks = {path.name for path in tmp_path.iterdir()}
    assert marks >= {f"setup-{worker}-1" for worker in workers}
    assert all(mark.endswith("-1") for mark in marks)


def test_a_setup_that_fails_says_why_for_each_item() -> None:
    with closing(LocalExecutor(1, tasks.fail_to_prepare, ("images.npy is gone",))) as executor:
        found = results(executor, tasks.square, [1, 2])
    assert [repr(result) for result in found] == ["FileNotFoundError('images.npy is gone')"] * 2


def test_whoever_stops_reading_stops_the_work(tmp_path: Path) -> None:
    executor = LocalExecutor(2, tasks.nothing)
    with closing(executor):
        work = executor.map(tasks.hang_if_early, [tmp_path, None, tmp_path, None])
        assert next(work) == (1, None)
        _until(lambda: len(list(tmp_path.iterdir())) >= 1)
        work.close()  # type: ignore[attr-defined]
        workers = [int(path.name.removeprefix("worker-")) for path in tmp_path.iterdir()]
        assert not any(map(_alive, workers))
        assert results(executor, tasks.square, [4, 5]) == [16, 25]


def test_closing_ends_the_workers_and_mapping_starts_new_ones() -> None:
    executor = LocalExecutor(1, tasks.nothing)
    executor.close()
    (first,) = results(executor, tasks.process_id, [None])
    executor.close()
    executor.close()
    assert not _alive(first)
    (second,) = results(executor, tasks.process_id, [None])
    assert second != first
    executor.close()


def test_nobody_outlives_a_killed_parent(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(Path(tasks.__file__).parents[1]), *sys.path])
    parent = subprocess.Popen(
        [sys.executable, tasks.__file__, tmp_path], env=os.environ | {"PYTHONPATH": paths}
    )
    _until(lambda: len(list(tmp_path.iterdir())) == 2)
    family = _children(parent.pid)
    workers = {int(path.name.removeprefix("worker-")) for path in tmp_path.iterdir()}
    assert workers <= family
    parent.kill()
    parent.wait()
    _until(lambda: not any(map(_alive, family)))


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_S * 20):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen")


def _children(process: int) -> set[int]:
    """Workers, and the process in which multiprocessing keeps track of them."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return set(map(int, text.split()))


def _alive(process: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
