"""Python and LiteRT on a board: found, asked what they are, and installed."""

import json
import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from pocketnas.devices.connection import Address, Connection
from pocketnas.devices.device import Watch
from pocketnas.errors import DeviceError

if TYPE_CHECKING:
    from asyncssh import SSHClientProcess

_OLDEST = (3, 9)
_HOME = '"$HOME/.cache/pocketnas/litert"'  # the environment that `prepare` makes
_ROOM = '"$HOME/.cache/pocketnas/tmp"'  # a board's own is often too small for pip, or not emptied
_FIND = f'p={_HOME}/bin/python; [ -x "$p" ] || p=python3; exec "$p" -c "$0" "$1"'
# What Python does there: it says what it is, then runs a program of so many bytes from its stdin,
# so that the board keeps no file of it. Even a Python that is too old understands this.
_GREETING = (
    "import importlib.util as u, json, os, sys; "
    'sys.path[:] = [p for p in sys.path if p]; litert = bool(u.find_spec("ai_edge_litert")); '
    'hello = {"pid": os.getpid(), "python": list(sys.version_info[:3]), "litert": litert}; '
    'print("pocketnas", json.dumps(hello)); sys.stdout.flush(); '
    'exec(compile(sys.stdin.buffer.read(int(sys.argv[1])), "host_worker.py", "exec"))'
)
_START_S = 60.0  # a board with a slow card takes its time to start Python
_INSTALL_S = 1200.0


def start_python(connection: Connection, size: int) -> tuple["SSHClientProcess[bytes]", int]:
    """Python with LiteRT on a board, waiting for a program of `size` bytes; its process number.

    Raises:
        DeviceError: there is none, it is too old, or LiteRT is missing.
    """
    process = connection.start(_command(_FIND, _GREETING, str(size)))
    try:
        hello = _hello(connection, process)
        if not hello["litert"]:
            raise DeviceError(
                f"{connection.address}: its {_name(hello)} has no ai-edge-litert;"
                f" `pocketnas device prepare {connection.address}` installs it there"
            )
    except BaseException:
        connection.drop(process)
        raise
    return process, int(hello["pid"])


def prepare(address: str, watch: Watch) -> str:
    """Install ai-edge-litert on a board, in an environment of its own in `~/.cache/pocketnas`.

    Args:
        address: `ssh:user@host:port`.
        watch: told in a few words what is going on.

    Returns:
        What is there now: "ai-edge-litert 2.3.0 with Python 3.11.2".

    Raises:
        DeviceError: the board cannot be reached, has no Python 3.9 or later, or the installation
            failed: no network there, a full disk, no build of LiteRT for its processor.
    """
    connection = Connection(Address.parse(address))
    try:
        process = connection.start(_command('exec python3 -c "$0" "$1"', _GREETING, "0"))
        python = _name(_hello(connection, process))
        try:
            watch(f"making ~/.cache/pocketnas/litert with {python}")
            _do(connection, f"mkdir -p {_ROOM} && TMPDIR={_ROOM} python3 -m venv --clear {_HOME}")
            watch("installing ai-edge-litert there")
            pip = "pip --disable-pip-version-check --no-cache-dir --quiet install ai-edge-litert"
            _do(connection, f"TMPDIR={_ROOM} {_HOME}/bin/python -m {pip}")
            check = (
                "import ai_edge_litert.interpreter; from importlib.metadata import version;"
                ' print(version("ai-edge-litert"))'
            )
            version = _do(connection, f"{_HOME}/bin/python -c {shlex.quote(check)}")
        except BaseException:
            with suppress(DeviceError):
                _do(connection, f"rm -rf {_HOME}")
            raise
        finally:
            with suppress(DeviceError):
                _do(connection, f"rm -rf {_ROOM}")
    finally:
        connection.close()
    return f"ai-edge-litert {version} with {python}"


def _do(connection: Connection, script: str) -> str:
    """Run a script of `sh` there; the last line that it prints.

    Raises:
        DeviceError: it failed; with its own last words.
    """
    done = connection.run(_command(script), _INSTALL_S)
    output = str(done.stdout).strip()
    if done.exit_status != 0:
        said = f"it ended without a word\n{output}\n{done.stderr!s}".strip().split("\n")
        # Debian's Python without its venv says in the middle what to install.
        blamed = [line for line in said if re.search("error|apt install", line, re.I)] or said
        raise DeviceError(f"{connection.address}: cannot be prepared: {blamed[-1].strip()[:400]}")
    return output.rpartition("\n")[2]


def _hello(connection: Connection, process: "SSHClientProcess[bytes]") -> dict[str, Any]:
    """Python's greeting; what a shell prints before it is passed over.

    Raises:
        DeviceError: there is none, or Python is too old.
    """

    async def heard() -> bytes:
        while line := await process.stdout.readline():
            if line.startswith(b"pocketnas "):
                return line.partition(b" ")[2]
        said = await process.stderr.read()
        raise DeviceError(
            f"{connection.address}: python3 does not start there:"
            f" {' '.join(said.decode(errors='replace').split())[-400:] or 'no word of why'}"
        )

    what = "waiting for Python to start there"
    hello = cast(dict[str, Any], json.loads(connection.ask(heard(), what, _START_S)))
    if tuple(hello["python"]) < _OLDEST:
        raise DeviceError(
            f"{connection.address}: its {_name(hello)} is too old; 3.9 or later is needed"
        )
    return hello


def _name(hello: dict[str, Any]) -> str:
    return "Python " + ".".join(str(part) for part in hello["python"])


def _command(script: str, *arguments: str) -> str:
    """A script for `sh` as one line that every login shell hands on as it is."""
    return f"exec sh -c {shlex.join([script, *arguments])}"
