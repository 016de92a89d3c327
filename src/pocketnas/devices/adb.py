"""Phones over adb: which there are, copying a file to one, running a command on it.

A thin layer over adbutils that turns whatever goes wrong into one sentence. It talks to the adb
server of this computer and starts it if need be.
"""

import re
import socket
import stat
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pocketnas.devices.protocol import MAX_CHUNK, sync_packet
from pocketnas.errors import DeviceError

_NETWORK = re.compile(r".+:\d+")  # the serial of a phone over Wi-Fi, or of a simulated one
_LOOK_S = 0.3  # between two looks for a phone that is awaited
_CONNECT_S = 5.0
_TROUBLE = {  # by the state that adb reports
    "unauthorized": "look at the phone's screen and allow USB debugging from this computer",
    "authorizing": "look at the phone's screen and allow USB debugging from this computer",
    "offline": "it is offline; unplug it and plug it in again",
    "connecting": "it does not answer yet; wait a moment, or unplug it and plug it in again",
    "no": "this user may not open it; add a udev rule for it or join the group plugdev",
}


@dataclass(frozen=True, slots=True)
class Attached:
    """A phone that adb knows: its serial, its state (`device` if all is well) and its model."""

    serial: str
    state: str
    model: str

    def __str__(self) -> str:
        trouble = "" if self.state == "device" else f", {self.state}"
        return f"{self.serial} ({self.model}{trouble})"


class Adb:
    """The adb server of this computer.

    Args:
        port: its port; None takes adb's own choice, 5037 or $ANDROID_ADB_SERVER_PORT.

    Raises:
        DeviceError: adbutils or adb is missing, or the server does not start.
    """

    def __init__(self, port: int | None = None) -> None:
        try:
            import adbutils
        except ImportError:
            raise DeviceError(
                "android: measuring on phones needs adbutils: pip install 'pocketnas[android]'"
            ) from None
        self._client = adbutils.AdbClient(port=port)
        self._start()

    def attached(self) -> list[Attached]:
        """The phones that are plugged in or connected, usable or not.

        Raises:
            DeviceError: the adb server is gone and does not come back.
        """
        self._start()
        with _as_sentence("android: the adb server does not list its phones"):
            found = self._client.list(extended=True)
        return [
            Attached(each.serial, each.state, each.tags.get("model", "unknown model"))
            for each in found
        ]

    def phone(self, serial: str | None = None, *, wait_s: float = 0.0) -> "AdbPhone":
        """The phone of this serial, or the only one; one of the form host:port is connected first.

        Args:
            serial: None if there is but one.
            wait_s: how long it may take to appear.

        Raises:
            DeviceError: it is not there or cannot be used, or there are several.
        """
        end = time.monotonic() + wait_s
        while True:
            try:
                return AdbPhone(self, self._chosen(serial))
            except DeviceError:
                if time.monotonic() >= end:
                    raise
            time.sleep(_LOOK_S)

    def state(self, serial: str) -> str | None:
        """What adb says of this phone; None if it does not know it."""
        return next((each.state for each in self.attached() if each.serial == serial), None)

    def device(self, serial: str) -> Any:
        """The phone's object in adbutils."""
        return self._client.device(serial)

    def _chosen(self, serial: str | None) -> str:
        found = self.attached()
        if serial is None:
            return _usable(_only(found)).serial
        known = [each for each in found if each.serial == serial]
        if _NETWORK.fullmatch(serial) and (not known or known[0].state != "device"):
            known = self._reconnected(serial)
        if not known:
            others = f"; there are {_listed(found)}" if found else "; none is plugged in"
            raise DeviceError(f"android: there is no phone {serial}{others}")
        return _usable(known[0]).serial

    def _reconnected(self, serial: str) -> list[Attached]:
        """A connection over the network that broke must be dropped before a new one is made."""
        import adbutils

        self._client.disconnect(serial)
        with suppress(adbutils.AdbError, OSError, EOFError):  # its state will say what is wrong
            self._client.connect(serial, timeout=_CONNECT_S)
        return [each for each in self.attached() if each.serial == serial]

    def _start(self) -> None:
        """Start the server unless it runs; adbutils would let it print to the terminal."""
        import adbutils

        if _answers(self._client.host, self._client.port):
            return
        what = "android: adb's server does not start"
        with _as_sentence(what):
            program = adbutils.adb_path()
        try:
            done = subprocess.run(
                [program, "-P", str(self._client.port), "start-server"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=20,
                check=False,
            )
        except OSError as error:
            raise DeviceError(
                f"android: there is no adb program at {program} ({error.strerror}); install "
                "Android's platform tools (Debian: apt-get install adb)"
            ) from None
        except subprocess.TimeoutExpired:
            raise DeviceError(f"{what} within 20 s") from None
        if done.returncode:
            raise DeviceError(f"{what}: `{program} start-server` exits with {done.returncode}")


@dataclass(frozen=True, slots=True)
class Output:
    """What a command on a phone printed, stdout and stderr together, and its exit status."""

    text: str
    status: int


class AdbPhone:
    """One phone: files to it, commands on it.

    Attributes:
        serial: its name in adb.
    """

    def __init__(self, adb: Adb, serial: str) -> None:
        self._adb = adb
        self.serial = serial
        self._device = adb.device(serial)

    def push(self, content: bytes, path: str, *, mode: int = 0o644, timeout_s: float = 60) -> None:
        """Write a file.

        adbutils does so, too, but does not say why a phone refuses it.

        Raises:
            DeviceError: the phone is full or gone.
        """
        what = f"copying {len(content):,} bytes to {path}"
        with self._faults(what, timeout_s), self._device.open_transport(timeout=timeout_s) as to:
            to.send_command("sync:")
            to.check_okay()
            with suppress(BrokenPipeError, ConnectionResetError):  # it refuses, and says why
                name = f"{path},{stat.S_IFREG | mode}"
                to.conn.sendall(sync_packet(b"SEND", name.encode()))
                for start in range(0, len(content), MAX_CHUNK):
                    to.conn.sendall(sync_packet(b"DATA", content[start : start + MAX_CHUNK]))
                to.conn.sendall(b"DONE" + struct.pack("<I", int(time.time())))
            answer, size = struct.unpack("<4sI", to.read_exact(8))
            reason = to.read_exact(size).decode(errors="replace")
        if answer != b"OKAY":
            full = "; delete something on the phone" if "No space left" in reason else ""
            raise DeviceError(f"phone {self.serial}: {what} failed: {reason or answer}{full}")

    def shell(self, command: str, what: str, *, timeout_s: float = 20.0) -> Output:
        """Run a command; `what` says in messages what it is for.

        Raises:
            DeviceError: the phone is gone, or the command printed nothing for `timeout_s` seconds.
        """
        with self._faults(what, timeout_s):
            done = self._device.shell2(command, timeout=timeout_s, v2=True)
        return Output(done.output, done.returncode)

    @contextmanager
    def _faults(self, what: str, timeout_s: float) -> Iterator[None]:
        import adbutils

        try:
            yield
        except (adbutils.AdbTimeout, TimeoutError):
            raise DeviceError(
                f"phone {self.serial}: no answer within {timeout_s:g} s while {what}"
            ) from None
        except (adbutils.AdbError, OSError, EOFError) as error:
            state = self._adb.state(self.serial)
            if state == "unauthorized":
                raise DeviceError(f"phone {self.serial}: {_TROUBLE[state]}") from None
            if state != "device":
                raise DeviceError(f"phone {self.serial}: it was unplugged while {what}") from None
            raise DeviceError(
                f"phone {self.serial}: the connection broke while {what}: {_line(error)}"
            ) from None


def _only(found: Sequence[Attached]) -> Attached:
    if not found:
        raise DeviceError(
            "android: no phone is plugged in; plug one in and allow USB debugging in its developer "
            "options"
        )
    usable = [each for each in found if each.state == "device"]
    if len(usable) > 1:
        raise DeviceError(f"android: several phones, say which serial: {_listed(found)}")
    return usable[0] if usable else found[0]


def _usable(phone: Attached) -> Attached:
    if phone.state != "device":
        trouble = _TROUBLE.get(
            phone.state, f"it is in the state {phone.state}; start Android on it"
        )
        raise DeviceError(f"phone {phone.serial}: {trouble}")
    return phone


def _listed(found: Sequence[Attached]) -> str:
    return ", ".join(map(str, found))


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def _as_sentence(what: str) -> Iterator[None]:
    import adbutils

    try:
        yield
    except (adbutils.AdbError, OSError, EOFError) as error:
        raise DeviceError(f"{what}: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
