"""Runs trials in worker processes, which load their libraries and images once."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any


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
        self._pool: ProcessPoolExecutor | None = None

    def map(
        self, function: Callable[[Any], Any], items: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Yields (index, result) as items finish; a failure's result is its exception.

        A worker that dies (killed, out of memory) breaks all that run beside it, so these are
        repeated one by one; only an item that kills its own worker, twice, fails.
        """
        broken = yield from self._attempt(function, items, list(range(len(items))))
        for i in broken:
            lost = yield from self._attempt(function, items, [i])
            if lost:
                yield i, RuntimeError("the worker process died; it may have run out of memory")

    def close(self) -> None:
        """Ends the workers."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _attempt(
        self, function: Callable[[Any], Any], items: Sequence[Any], indices: list[int]
    ) -> Generator[tuple[int, Any], None, list[int]]:
        """Yields what finishes; returns the indices that a dying worker took along."""
        lost: list[int] = []
        futures: dict[Future[Any], int] = {}
        for i in indices:
            try:
                future = self._start().submit(_call, function, items[i])
            except BrokenProcessPool:  # a worker has died since the last item
                self.close()
                future = self._start().submit(_call, function, items[i])
            futures[future] = i
        for future in as_completed(futures):
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                lost.append(futures[future])
            else:
                yield futures[future], error or future.result()
        if lost:
            self.close()
        return sorted(lost)

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers,
                multiprocessing.get_context("spawn"),
                _begin,
                self._setup,
            )
        return self._pool


_setup_errors: list[Exception] = []  # in a worker whose setup failed: why


def _begin(setup: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Prepares a worker: Ctrl-C is the parent's business, and nobody outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = multiprocessing.parent_process()

    def follow() -> None:
        if process is not None:
            wait([process.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    try:
        setup(*arguments)
    except Exception as error:
        _setup_errors.append(error)


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    """One item, in a worker; a worker that could not be set up says so for each."""
    if _setup_errors:
        raise _setup_errors[0]
    return function(item)
