"""A private adb server on a free port, for simulated phones to be connected to."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NEEDED = "needs adbutils: pip install 'pocketnas[android]'"
# It scans for no phones of its own, and leaves its key where it is told to.
QUIET = {"ADB_MDNS": "0", "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554"}


def adb_program() -> str:
    """The system's, or else the one that comes with adbutils."""
    adbutils = pytest.importorskip("adbutils", reason=NEEDED)
    try:
        program: str = shutil.which("adb") or adbutils.adb_path()
    except adbutils.AdbError:
        pytest.skip("needs the program adb (Debian: apt-get install adb)")
    return program


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def adb_server(home: Path) -> Iterator[int]:
    """The port of an adb server that ends with the test."""
    program, port = adb_program(), free_port()
    with (home / "adb.log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-P", str(port), "nodaemon", "server"],
            env=os.environ | QUIET | {"HOME": str(home)},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: answers(port))
        yield port
    finally:
        server.kill()
        server.wait()


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(happened: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
