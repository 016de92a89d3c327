"""Any Linux board as a device, over ssh: a Raspberry Pi, a Jetson, the computer next door."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from pocketnas.devices import host_worker
from pocketnas.devices.child import Process
from pocketnas.devices.connection import Address, Connection
from pocketnas.devices.environment import start_python
from pocketnas.devices.litert import BUDGET_S, WINDOW_S, LiteRtDevice
from pocketnas.errors import DeviceError

if TYPE_CHECKING:
    from asyncssh import SSHClientProcess

_KILL_S = 5.0


class SshDevice(LiteRtDevice):
    """A Linux board with Python and ai-edge-litert, measuring by the very program of the host.

    The board gets the program and the models over the connection, keeps them in memory and is left
    with no file and no process. A lost connection costs one measurement; the next connects anew.

    Args:
        address: `ssh:user@host:port`; user and port may be left to `~/.ssh/config`.
        reference: this and the rest as `LiteRtDevice`; cores are the board's.

    Raises:
        DeviceError: as `LiteRtDevice`, and when the board cannot be reached or is not prepared.
    """

    def __init__(
        self,
        address: str,
        reference: bytes,
        *,
        threads: int = 1,
        reference_ms: float | None = None,
        tolerance: float = 0.01,
        budget_s: float = BUDGET_S,
        window_s: float = WINDOW_S,
        core: int | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self._address = Address.parse(address)
        self._connection: Connection | None = None
        self.where = str(self._address)
        super().__init__(
            reference,
            threads=threads,
            reference_ms=reference_ms,
            tolerance=tolerance,
            budget_s=budget_s,
            window_s=window_s,
            core=core,
            timeout_s=timeout_s,
        )

    def _spawn(self) -> Process:
        if self._connection is None or not self._connection.alive():
            self._leave()
            self._connection = Connection(self._address)
        return RemoteProcess(self._connection)

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class RemoteProcess:
    """`host_worker.py` on a board, and the ssh channel to it.

    Raises:
        DeviceError: it does not start.
    """

    def __init__(self, connection: Connection) -> None:
        program = Path(host_worker.__file__).read_bytes()
        self._connection = connection
        self._process, self._pid = start_python(connection, len(program))
        stream = _Stream(connection, self._process)
        stream.write(program)
        self.requests = self.answers = cast(IO[bytes], stream)

    def log(self) -> bytes:
        async def collect() -> bytes:
            return self._process.collect_output()[1]

        return self._connection.wait(collect())

    def alive(self) -> bool:
        ended = self._process.exit_status is not None or self._process.exit_signal is not None
        return self._connection.alive() and not ended

    def kill(self) -> None:
        # The end of the channel alone would leave a stopped process behind.
        try:
            self._connection.run(f"kill -9 {self._pid}", _KILL_S)
        except DeviceError:
            self._connection.abort()
        self._connection.drop(self._process)

    def end(self) -> str:
        with suppress(TimeoutError):
            self._connection.wait(self._process.wait_closed(), 1)
        if not self._connection.alive():
            return "the connection was lost"
        if self._process.exit_signal is not None:
            return f"the measuring process died (SIG{self._process.exit_signal[0]})"
        if self._process.exit_status is not None:
            return f"the measuring process died (exit status {self._process.exit_status})"
        return "the measuring process closed its pipes"

    def close(self) -> None:
        if self.alive():
            self.kill()


class _Stream:
    """An ssh channel as a blocking stream: written to its process's stdin, read from its stdout."""

    def __init__(self, connection: Connection, process: "SSHClientProcess[bytes]") -> None:
        self._connection = connection
        self._process = process
        self._unsent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._unsent.append(data)

    def flush(self) -> None:
        data, self._unsent = b"".join(self._unsent), []

        async def send() -> None:
            self._process.stdin.write(data)
            await self._process.stdin.drain()

        self._connection.wait(send())

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer if it ends before."""
        import asyncssh

        try:
            return self._connection.wait(self._process.stdout.readexactly(size))
        except asyncio.IncompleteReadError as end:
            return end.partial
        except asyncssh.Error:
            return b""
