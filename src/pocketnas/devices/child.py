"""The process that runs a device's networks, from the asking side, wherever it runs."""

import threading
from typing import IO, Any, Protocol

from pocketnas.devices.host_worker import read_frame, write_frame
from pocketnas.errors import DeviceError


class Process(Protocol):
    """A running `host_worker.py`, on this computer or on another, and the way to talk to it."""

    @property
    def requests(self) -> IO[bytes]:
        """Its stdin."""
        ...

    @property
    def answers(self) -> IO[bytes]:
        """Its stdout; ends when the process or the way to it does."""
        ...

    def log(self) -> bytes:
        """What it has written to stderr since it was last asked for that."""
        ...

    def alive(self) -> bool:
        """Whether it still runs and can be reached."""
        ...

    def kill(self) -> None:
        """End it at once; that ends a stuck read or write in another thread, too."""
        ...

    def end(self) -> str:
        """In a few words how it ended, once `answers` or `requests` has."""
        ...

    def close(self) -> None:
        """Kill it and free what it held here; it is worth no farewell."""
        ...


class Child:
    """Asks the process that runs the networks and says in one sentence what went wrong.

    Args:
        process: freshly started.
        where: begins the messages.
        timeout_s: seconds without an answer after which it counts as hung.
    """

    def __init__(self, process: Process, where: str, timeout_s: float) -> None:
        self._process = process
        self._where = where
        self._timeout_s = timeout_s
        self._hung = False

    def ask(
        self, header: dict[str, Any], payload: bytes, what: str
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer; `what` says in messages what it was doing.

        Raises:
            DeviceError: the request failed, or the process died or did not answer in time.
        """
        self._process.log()  # forgets what an earlier request had to say
        # Blocking streams and a watchdog that kills the process: that ends a stuck read and a stuck
        # write alike, on every system, even when the process is stopped.
        watchdog = threading.Timer(self._timeout_s, self._expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            write_frame(self._process.requests, header, payload)
            answer, times = read_frame(self._process.answers)
        except (EOFError, OSError, ValueError):
            raise DeviceError(
                f"{self._where}: {self._end()} while {what}{self._last_words()}"
            ) from None
        finally:
            watchdog.cancel()
        if "error" in answer:
            raise DeviceError(f"{self._where}: {what} failed: {answer['error']}")
        return answer, times

    def alive(self) -> bool:
        return self._process.alive()

    def kill(self) -> None:
        """End the process."""
        self._process.close()

    def _expire(self) -> None:
        self._hung = True
        self._process.kill()

    def _end(self) -> str:
        return f"no answer within {self._timeout_s:g} s" if self._hung else self._process.end()

    def _last_words(self) -> str:
        lines = self._process.log().decode(errors="replace").splitlines()
        words = " ".join(line.strip() for line in lines if not line.startswith("INFO:"))
        return f"; its last words: {words[-400:]}" if words else ""
