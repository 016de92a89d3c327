"""One ssh connection to a board, made as OpenSSH makes it, but asking nobody anything."""

import asyncio
import re
import threading
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import gaierror
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pocketnas.errors import DeviceError

if TYPE_CHECKING:
    from asyncssh import SSHClient, SSHClientProcess, SSHCompletedProcess, SSHKey

T = TypeVar("T")

_CONNECT_S = 15.0
_KEEPALIVE_S = 10.0  # three without an answer, and the connection counts as lost
_ADDRESS = re.compile(
    r"ssh:(?:(?P<user>[^\s@:]+)@)?(?P<host>\[[\w:.%]+\]|\w[^\s@:/]*)(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a board is; user and port may be left to `~/.ssh/config`."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address written as `ssh:user@host:port`.

        Raises:
            DeviceError: it is not of that form.
        """
        match = _ADDRESS.fullmatch(text)
        if not match or not 0 < int(match["port"] or 22) < 65536:
            raise DeviceError(
                f"a board over ssh is named ssh:user@host or ssh:user@host:port, got {text!r}"
            )
        port = int(match["port"]) if match["port"] else None
        return cls(match["host"].strip("[]"), match["user"], port)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh:{user}{host}" + (f":{self.port}" if self.port else "")

    def typed(self, command: str) -> str:
        """`ssh` or a program of its kind with this address, to be typed in a terminal."""
        port = f" -p {self.port}" if self.port else ""
        return f"{command}{port} {self.user + '@' if self.user else ''}{self.host}"


class Connection:
    """A connection that any thread may use; asyncssh's event loop runs in a thread of its own.

    Keys, ssh-agent, `~/.ssh/config` and `~/.ssh/known_hosts` are those of OpenSSH. Nothing is
    asked: no password, no passphrase, no "are you sure".

    Raises:
        DeviceError: the board cannot be reached, is not who it was, or does not let the user in.
    """

    def __init__(self, address: Address) -> None:
        try:
            import asyncssh
        except ImportError:
            raise DeviceError(f"{address}: needs asyncssh: pip install 'pocketnas[ssh]'") from None
        self.address = address
        self._refused: list[tuple[str, int, SSHKey]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._connection = self.wait(
                asyncssh.connect(
                    **self._where(),
                    connect_timeout=_CONNECT_S,
                    login_timeout=_CONNECT_S,
                    keepalive_interval=_KEEPALIVE_S,
                    preferred_auth="publickey",
                    client_factory=self._client,
                )
            )
        except (asyncssh.Error, OSError, ValueError) as error:
            reason = self._reason(error)
            self._end_loop()
            raise DeviceError(f"{address}: {reason}") from None
        except BaseException:
            self._end_loop()
            raise

    def wait(self, work: Awaitable[T], seconds: float | None = None) -> T:
        """The result of work that the event loop does.

        Raises:
            TimeoutError: it took longer than that.
            Exception: whatever the work raises.
        """

        async def limited() -> T:
            async with asyncio.timeout(seconds):
                return await work

        future = asyncio.run_coroutine_threadsafe(limited(), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # after a Ctrl-C nobody waits for it
            raise

    def ask(self, work: Awaitable[T], what: str, seconds: float) -> T:
        """The result of work that needs the board; `what` says in messages what it does.

        Raises:
            DeviceError: the connection is lost, or it took longer than that.
        """
        import asyncssh

        try:
            return self.wait(work, seconds)
        except TimeoutError:
            reason = f"no answer within {seconds:g} s"
        except (asyncssh.Error, OSError) as error:
            reason = _words(error) if self.alive() else "the connection was lost"
        raise DeviceError(f"{self.address}: {reason} while {what}")

    def run(self, command: str, seconds: float) -> "SSHCompletedProcess":
        """Run a command there to its end; its output is text.

        Raises:
            DeviceError: the connection is lost, or it took longer than that.
        """
        work = self._connection.run(command, errors="replace")
        return self.ask(work, f"running `{command[:60]}`", seconds)

    def start(self, command: str) -> "SSHClientProcess[bytes]":
        """Start a command there and leave it running, with pipes of bytes.

        Raises:
            DeviceError: the connection is lost or the board refuses.
        """
        work = self._connection.create_process(command, encoding=None)
        return self.ask(work, "starting a process to measure in", _CONNECT_S)

    def drop(self, process: "SSHClientProcess[bytes]") -> None:
        """Hang up on a process; its pipes close."""
        self._loop.call_soon_threadsafe(process.close)

    def alive(self) -> bool:
        return not self._connection.is_closed()

    def abort(self) -> None:
        """Drop the connection without a farewell that nobody may hear."""
        self._loop.call_soon_threadsafe(self._connection.abort)

    def close(self) -> None:
        """Hang up; twice is no error."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._connection.close)
        try:
            self.wait(self._connection.wait_closed(), 5)
        except TimeoutError:
            self.abort()
            with suppress(TimeoutError):
                self.wait(self._connection.wait_closed(), 1)
        self._end_loop()

    def _where(self) -> dict[str, Any]:
        """What the user has said of it; asyncssh looks up the rest in `~/.ssh/config`."""
        said = {
            "host": self.address.host,
            "username": self.address.user,
            "port": self.address.port,
        }
        return {name: value for name, value in said.items() if value is not None}

    def _client(self) -> "SSHClient":
        """Whom asyncssh asks about a host key that is not known; it only notes the key."""
        import asyncssh

        refused = self._refused

        class Client(asyncssh.SSHClient):
            def validate_host_public_key(
                self, host: str, addr: str, port: int, key: "SSHKey"
            ) -> bool:
                refused.append((host, port, key))
                return False

        return Client()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _reason(self, error: Exception) -> str:
        """Why there is no connection and what to do."""
        import asyncssh

        match error:
            case asyncssh.HostKeyNotVerifiable() if self._refused:
                return self._about_the_host_key()
            case asyncssh.PermissionDenied():
                return (
                    "it lets none of this user's ssh keys in;"
                    f" `{self.address.typed('ssh-copy-id')}` sends it one (a key with a passphrase"
                    " must be in ssh-agent)"
                )
            case gaierror():
                return f"no computer named {self.address.host} is known here"
            case ConnectionRefusedError():
                return "it refuses the connection; is an ssh server running there, on this port?"
            case TimeoutError():
                return f"no answer within {_CONNECT_S:g} s; is it on, and in this network?"
            case _:
                return f"no connection: {_words(error)}"

    def _about_the_host_key(self) -> str:
        import asyncssh

        host, port, key = self._refused[-1]
        port = port or 22
        name, print_ = host if port == 22 else f"[{host}]:{port}", key.get_fingerprint()
        known = Path("~/.ssh/known_hosts").expanduser()
        others = known.is_file() and asyncssh.match_known_hosts(
            str(known), host, "", port if port != 22 else None
        )
        if others and others[0]:
            return (
                f"its host key ({print_}) is not the one in {known}; if the board was set up anew,"
                f" `ssh-keygen -R {name}` forgets the old one"
            )
        return (
            f"its host key ({print_}) is unknown; connect once by"
            f" `{self.address.typed('ssh')}` and accept it there"
        )


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
