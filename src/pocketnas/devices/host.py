"""The computer itself as a device."""

import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from pocketnas.devices import host_worker
from pocketnas.devices.child import Process
from pocketnas.devices.litert import LiteRtDevice
from pocketnas.errors import DeviceError


class HostDevice(LiteRtDevice):
    """The computer itself; its process runs under this very Python."""

    where = "host"

    def _spawn(self) -> Process:
        return LocalProcess()

    def _leave(self) -> None:
        pass


class LocalProcess:
    """`host_worker.py` on this computer, and the pipes to it.

    Raises:
        DeviceError: it does not start.
    """

    def __init__(self) -> None:
        program = Path(host_worker.__file__)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (close closes it; it has no name)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(program)],  # -P: its folder is no place to import from
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
            )
        except OSError as error:
            self._log.close()
            raise DeviceError(f"host: cannot start a process to measure in: {error}") from None
        self.pid = self._process.pid
        self.requests = cast(IO[bytes], self._process.stdin)
        self.answers = cast(IO[bytes], self._process.stdout)

    def log(self) -> bytes:
        self._log.seek(0)
        words = self._log.read()
        self._log.seek(0)
        self._log.truncate()
        return words

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        status = self._process.poll()
        if status is None:
            return "the measuring process closed its pipes"
        cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return f"the measuring process died ({cause})"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self.requests, self.answers, self._log):
            with suppress(OSError):  # the rest of a frame that a dead process no longer takes
                pipe.close()
