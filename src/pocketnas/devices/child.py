"""The process that runs the networks of a host device, from the asking side."""

import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from pocketnas.devices.host_worker import read_frame, write_frame
from pocketnas.errors import DeviceError


class Child:
    """The process that runs the networks, and the pipes to it.

    Args:
        timeout_s: seconds without an answer after which it counts as hung.

    Raises:
        DeviceError: it does not start.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._hung = False
        program = Path(__file__).with_name("host_worker.py")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (kill closes it; it has no name)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(program)],  # -P: its folder is no place to import from
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
            )
        except OSError as error:
            self._log.close()
            raise DeviceError(
                f"host device: cannot start a process to measure in: {error}"
            ) from None
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def ask(
        self, header: dict[str, Any], payload: bytes, what: str
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer; `what` says in messages what it was doing.

        Raises:
            DeviceError: the request failed, or the process died or did not answer in time.
        """
        self._log.seek(0)
        self._log.truncate()
        # Blocking pipes and a watchdog that kills the child: that ends a stuck read and a stuck
        # write alike, on every system, even when the child is stopped.
        watchdog = threading.Timer(self._timeout_s, self._expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            write_frame(self._requests, header, payload)
            answer, times = read_frame(self._answers)
        except (EOFError, OSError, ValueError):
            raise DeviceError(
                f"host device: {self._end()} while {what}{self._last_words()}"
            ) from None
        finally:
            watchdog.cancel()
        if "error" in answer:
            raise DeviceError(f"host device: {what} failed: {answer['error']}")
        return answer, times

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and close the pipes; it holds nothing worth a farewell."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers, self._log):
            with suppress(OSError):  # the rest of a frame that a dead process no longer takes
                pipe.close()

    def _expire(self) -> None:
        self._hung = True
        self._process.kill()

    def _end(self) -> str:
        """How the process ended, after its pipes closed."""
        if self._hung:
            return f"no answer within {self._timeout_s:g} s"
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        status = self._process.poll()
        if status is None:
            return "the measuring process closed its pipes"
        cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return f"the measuring process died ({cause})"

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        words = " ".join(line.strip() for line in lines if not line.startswith("INFO:"))
        return f"; its last words: {words[-400:]}" if words else ""
