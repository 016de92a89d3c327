"""A real OpenSSH server on loopback, as the board of the ssh tests."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from contracts.device import REFERENCE
from pocketnas.devices.ssh import SshDevice
from pocketnas.errors import DeviceError

SSHD = Path("/usr/sbin/sshd")
_VENV = Path(sys.executable).parent


def why_not() -> str | None:
    """Why no server can be started here, in a sentence; None if one can."""
    if not SSHD.exists():
        return "the ssh tests need OpenSSH's server: apt-get install openssh-server"
    if os.getuid() == 0 and not Path("/run/sshd").is_dir():
        return "root's sshd needs an empty folder: mkdir -p /run/sshd"
    return None


def _parents() -> dict[int, int]:
    """Each running process's parent; a zombie does not run."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    return parents


def _descendants(pid: int) -> list[int]:
    parents, below, found = _parents(), {pid}, {pid}
    while found:
        found = {child for child, parent in parents.items() if parent in found} - below
        below |= found
    return sorted(below - {pid})


def gone(pids: list[int], seconds: float = 10) -> bool:
    """Whether these processes have ended, in the end."""
    end = time.monotonic() + seconds
    while (left := _parents().keys() & pids) and time.monotonic() < end:
        time.sleep(0.02)
    return not left


class Board:
    """What the server shows of this computer: another home, and a search path of its own.

    Attributes:
        address: as `pocketnas` calls it.
        home: the home there.
        client: the home here, with the user's keys and known hosts.
        path: folders in which its shell looks for programs.
        environment: more of the environment there.
        wrapper: a command to start the server with.
    """

    def __init__(self, folder: Path) -> None:
        from asyncssh import generate_private_key

        self.folder, self.home, self.client = folder, folder / "board", folder / "client"
        for made in (self.home, self.client / ".ssh", self.home / "tmp"):
            made.mkdir(parents=True)
        self.path = [str(_VENV), "/usr/bin", "/bin"]
        self.environment: dict[str, str] = {}
        self.wrapper: list[str] = []
        self._server: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.address = f"ssh:{self.user}@127.0.0.1:{self.port}"
        key = generate_private_key("ssh-ed25519")
        key.write_private_key(str(self.client / ".ssh/id_ed25519"))
        key.write_public_key(str(folder / "authorized_keys"))
        self.host_key = generate_private_key("ssh-ed25519")
        self.host_key.write_private_key(str(folder / "host_key"))
        (folder / "host_key").chmod(0o600)
        self.know(self.host_key.export_public_key().decode())

    def know(self, key: str) -> None:
        """Write the client's known hosts."""
        (self.client / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{self.port} {key}")

    def start(self) -> None:
        shown = {
            "HOME": self.home,
            "TMPDIR": self.home / "tmp",
            "PATH": ":".join(self.path),
            **self.environment,
        }
        config = self.folder / "sshd_config"
        config.write_text(
            f"""
            Port {self.port}
            ListenAddress 127.0.0.1
            HostKey {self.folder}/host_key
            AuthorizedKeysFile {self.folder}/authorized_keys
            PidFile none
            StrictModes no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            SetEnv {" ".join(f"{name}={value}" for name, value in shown.items())}
            """
        )
        with (self.folder / "sshd.log").open("ab") as log:
            self._server = subprocess.Popen(
                [*self.wrapper, str(SSHD), "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self._server.poll() is None, (self.folder / "sshd.log").read_text()
                assert time.monotonic() < end, "sshd does not listen"
                time.sleep(0.02)

    def sessions(self) -> list[int]:
        """The server's processes for its connections, and what runs in them."""
        assert self._server is not None
        return _descendants(self._server.pid)

    def workers(self) -> list[int]:
        """The processes that measure."""
        return [pid for pid in self.sessions() if _command(pid).startswith("python")]

    def is_left(self, seconds: float = 10) -> bool:
        """Whether nothing runs there any more, in the end."""
        return gone(self.sessions(), seconds)

    def cut(self) -> None:
        """End all connections as a pulled cable does; workers are left to themselves."""
        for pid in set(self.sessions()) - set(self.workers()):
            _kill(pid)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*")}

    def python3(self, script: str) -> None:
        """Put this in the place of the board's Python."""
        folder = self.folder / "bin"
        folder.mkdir()
        (folder / "python3").write_text(script)
        (folder / "python3").chmod(0o755)
        for tool in ("sh", "mkdir", "rm", "kill"):
            (folder / tool).symlink_to(str(shutil.which(tool)))
        self.path = [str(folder)]

    def stop(self) -> None:
        if self._server is not None:
            below = self.sessions()
            self._server.kill()
            self._server.wait()
            for pid in below:
                _kill(pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


@contextmanager
def board(folder: Path) -> Iterator[Board]:
    """A board that is not started yet; whatever runs on it ends in the end."""
    made = Board(folder)
    try:
        yield made
    finally:
        made.stop()


def refusal(board: Board) -> str:
    """The sentence with which the board is not opened."""
    with pytest.raises(DeviceError) as caught:
        SshDevice(board.address, REFERENCE, reference_ms=1.0, budget_s=0.15)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith(f"{board.address}: ")
    return sentence
