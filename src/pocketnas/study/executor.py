"""Runs trials in worker processes, which load their libraries and images once.

`concurrent.futures` would break all workers when one of them dies, and may then wait for ever.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from time import monotonic
from typing import Any

Call = Callable[[Any], Any]
_DIED = "the worker process died"
Allowed = float | Callable[[], float]
"""Seconds; a function is asked anew whenever something has happened."""


class WorkerError(RuntimeError):
    """A worker that died or hung."""


def short_of_memory(error: Exception) -> bool:
    """Whether it may go well with the whole memory to itself.

    CUDA's `torch.OutOfMemoryError` is known by its name: a study needs no torch.
    """
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection

    def end(self) -> None:
        """Kills it: whatever it is doing is wanted no more."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


@dataclass(frozen=True, slots=True)
class _Running:
    """A worker on an item, `since` when it was sent."""

    worker: _Worker
    item: int
    since: float


class LocalExecutor:
    """Processes on this machine.

    Args:
        workers: how many run at once.
        setup: called once in each new worker with `arguments` (both must be picklable); when it
            raises, that is what becomes of every item.
        arguments: for `setup`.
    """

    def __init__(
        self, workers: int, setup: Callable[..., None], arguments: Sequence[Any] = ()
    ) -> None:
        self.workers = workers
        self._setup = (setup, tuple(arguments))
        self._idle: list[_Worker] = []

    def map(
        self,
        function: Call,
        items: Sequence[Any],
        *,
        timeout: Allowed | None = None,
        again: Callable[[Exception], bool] = short_of_memory,
    ) -> Iterator[tuple[int, Any]]:
        """Yields (index, result) as items finish; a failure's result is its exception.

        An item whose worker dies (killed, out of memory), or says nothing for so long that it must
        be hung, is repeated when all others are done, and alone, with the whole memory to itself;
        it fails when that happens again. Any other exception is final at once.

        Args:
            function: what to call in a worker.
            items: its arguments, one a call.
            timeout: how long an item may take; its worker is killed then.
            again: which exceptions of `function` are worth such a repetition.
        """
        everyone = range(len(items))
        first = yield from self._run(function, items, everyone, self.workers, timeout, again)
        if not first:
            return
        self.close()  # idle workers hold memory, too
        second = yield from self._run(function, items, first, 1, timeout, again)
        for i, error in second.items():
            yield i, _twice(first[i], error)

    def close(self) -> None:
        """Ends the workers."""
        while self._idle:
            self._idle.pop().end()

    def _run(
        self,
        function: Call,
        items: Sequence[Any],
        indices: Iterable[int],
        workers: int,
        timeout: Allowed | None,
        again: Callable[[Exception], bool],
    ) -> Generator[tuple[int, Any], None, dict[int, Exception]]:
        """Yields what finishes; returns the items to repeat, and why."""
        waiting, lost = deque(indices), dict[int, Exception]()
        running: dict[Connection, _Running] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    i = waiting.popleft()
                    try:
                        message = ForkingPickler.dumps((function, items[i]))
                    except Exception as error:
                        yield i, error
                        continue
                    worker = self._send(message)
                    running[worker.pipe] = _Running(worker, i, monotonic())
                if not running:
                    break
                allowed = timeout() if callable(timeout) else timeout or inf
                for pipe in _heard(running, allowed):
                    worker, i = running[pipe].worker, running.pop(pipe).item
                    try:
                        reply = _read(worker.pipe.recv_bytes())
                    except (EOFError, OSError):
                        worker.end()
                        lost[i] = WorkerError(
                            "the worker process died; it may have run out of memory"
                        )
                        continue
                    if isinstance(reply, Exception) and again(reply):
                        worker.end()
                        lost[i] = reply
                        continue
                    self._idle.append(worker)
                    yield i, reply
                for pipe in _overdue(running, allowed):
                    running[pipe].worker.end()
                    silent = WorkerError(f"hung: no result after {round(allowed, 1):g} s")
                    lost[running.pop(pipe).item] = silent
        finally:  # whoever reads may stop early
            for call in running.values():
                call.worker.end()
        return lost

    def _send(self, message: Any) -> _Worker:
        """Hands the message to an idle worker that is still alive, else to a new one."""
        while True:
            new = not self._idle
            worker = self._start() if new else self._idle.pop()
            try:
                worker.pipe.send_bytes(message)
            except OSError:
                worker.end()
                if new:
                    raise
            else:
                return worker

    def _start(self) -> _Worker:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_work, args=(theirs, *self._setup), daemon=True)
        process.start()
        theirs.close()  # so that ours ends when the worker does
        return _Worker(process, ours)


def _heard(running: dict[Connection, _Running], allowed: float) -> list[Connection]:
    """Waits for replies, but no longer than until the next item is overdue."""
    left = min(call.since for call in running.values()) + allowed - monotonic()
    ready = wait(list(running), max(0.0, left) if left < inf else None)
    return [pipe for pipe in running if pipe in ready]


def _overdue(running: dict[Connection, _Running], allowed: float) -> list[Connection]:
    """Who is silent for too long; not who answered while nobody listened."""
    late = [pipe for pipe, call in running.items() if monotonic() >= call.since + allowed]
    return [pipe for pipe in late if not pipe.poll()]


def _twice(first: Exception, second: Exception) -> Exception:
    """The second failure of an item, with the first where it was another."""
    if not isinstance(second, WorkerError):
        return second
    same = str(first) == str(second)
    return WorkerError(f"{second}, twice" if same else f"{first}; then, alone: {second}")


def _work(pipe: Connection, setup: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """A worker's life: until the pipe ends, one reply to each message."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    threading.Thread(target=_follow_parent, daemon=True).start()
    unprepared = _attempt(lambda _: setup(*arguments), None)
    while True:
        try:
            message = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        call = _read(message)
        failures = (found for found in (unprepared, call) if isinstance(found, BaseException))
        pipe.send_bytes(_pack(next(failures, None) or _attempt(*call)))


def _attempt(function: Call, item: Any) -> Any:
    try:
        return function(item)
    except BaseException as error:
        error.add_note(traceback.format_exc())  # a traceback itself cannot be sent
        return error


def _pack(reply: Any) -> Any:
    """The reply as bytes; what can be said of it if they could not be read back."""
    try:
        packed = ForkingPickler.dumps(reply)
        if isinstance(reply, BaseException):  # of which some cannot be rebuilt
            ForkingPickler.loads(packed)
        return packed
    except Exception as error:
        return ForkingPickler.dumps(RuntimeError(f"{reply!r:.200} cannot be sent: {error}"))


def _read(message: bytes) -> Any:
    """What was sent, or why it cannot be rebuilt here."""
    try:
        return ForkingPickler.loads(message)
    except Exception as error:
        return error


def _follow_parent() -> None:
    """Nobody outlives the parent, not even in the middle of a long training."""
    if parent := multiprocessing.parent_process():
        wait([parent.sentinel])
    os._exit(1)
