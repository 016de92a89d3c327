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
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

Call = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection

    def end(self) -> None:
        """Kills it: whatever it is doing is wanted no more."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


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

    def map(self, function: Call, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yields (index, result) as items finish; a failure's result is its exception.

        An item whose worker dies (killed, out of memory) is repeated when all others are done, and
        alone, with the whole memory to itself; it fails when that worker dies too.
        """
        lost = yield from self._run(function, items, range(len(items)), self.workers)
        lost = yield from self._run(function, items, lost, 1)
        for i in lost:
            yield i, RuntimeError("the worker process died; it may have run out of memory")

    def close(self) -> None:
        """Ends the workers."""
        while self._idle:
            self._idle.pop().end()

    def _run(
        self, function: Call, items: Sequence[Any], indices: Iterable[int], workers: int
    ) -> Generator[tuple[int, Any], None, list[int]]:
        """Yields what finishes; returns the indices that a dying worker took along."""
        waiting, lost = deque(indices), list[int]()
        running: dict[Connection, tuple[_Worker, int]] = {}
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
                    running[worker.pipe] = worker, i
                ready = wait(list(running))
                for pipe in [pipe for pipe in running if pipe in ready]:
                    worker, i = running.pop(pipe)
                    try:
                        reply = worker.pipe.recv_bytes()
                    except (EOFError, OSError):
                        worker.end()
                        lost.append(i)
                    else:
                        self._idle.append(worker)
                        yield i, _read(reply)
        finally:  # whoever reads may stop early
            for worker, _ in running.values():
                worker.end()
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
