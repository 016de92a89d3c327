"""The daemon in a simulated phone that talks to a real adb server, as adbd does.

Connections and streams: AOSP, packages/modules/adb/protocol.txt; the service `shell` is here too.
"""

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Protocol

from pocketnas.devices.protocol import (
    MAX_CHUNK,
    MAX_DATA,
    VERSION,
    Auth,
    Command,
    Message,
    Packet,
    banner,
    read_message,
    shell_packet,
)
from pocketnas.devices.simulated.files import Storage, serve_sync
from pocketnas.errors import DeviceError

FEATURES = ("shell_v2", "cmd")
_TOKEN = bytes(range(20))  # what a server signs; nobody checks the signature here


class Inside(Protocol):
    """What the daemon asks of the phone around it."""

    storage: Storage

    def state(self) -> str:
        """`device`, `offline` or `unauthorized`."""
        ...

    def properties(self) -> dict[str, str]:
        """Those it introduces itself with."""
        ...

    def run(self, command: str, out: Callable[[bytes], None], err: Callable[[bytes], None]) -> int:
        """Run a shell command and return its exit status."""
        ...


class Stream:
    """One of the streams on a connection: bytes of one service."""

    def __init__(self, send: Callable[[Message], None], here: int, there: int) -> None:
        self._send = send
        self._here = here
        self._there = there
        self._arrived: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._rest = b""
        self._taken = threading.Semaphore(0)  # how many of our messages the other side took
        self._closed = False

    def exactly(self, size: int) -> bytes:
        """So many bytes of the other side.

        Raises:
            EOFError: it has closed the stream.
        """
        parts, missing = [self._rest], size - len(self._rest)
        while missing > 0:
            data = self._arrived.get()
            if data is None:
                raise EOFError("the stream is closed")
            parts.append(data)
            missing -= len(data)
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]

    def write(self, data: bytes) -> None:
        """Send bytes and wait until the other side has taken them.

        Raises:
            EOFError: it has closed the stream.
        """
        for start in range(0, len(data), MAX_CHUNK):
            if not self._closed:
                chunk = data[start : start + MAX_CHUNK]
                self._send(Message(Command.WRTE, self._here, self._there, chunk))
                self._taken.acquire()
            if self._closed:
                raise EOFError("the stream is closed")

    def close(self) -> None:
        """Tell the other side that no more will come."""
        if not self._closed:
            self._send(Message(Command.CLSE, self._here, self._there))
        self.ended()

    def arrived(self, data: bytes) -> None:
        """The other side has sent bytes."""
        self._arrived.put(data)
        self._send(Message(Command.OKAY, self._here, self._there))

    def taken(self) -> None:
        """The other side has taken a message."""
        self._taken.release()

    def ended(self) -> None:
        """The other side has closed the stream, or the cable is out."""
        self._closed = True
        self._arrived.put(None)
        self._taken.release()


class Connection:
    """The phone's end of one connection to an adb server.

    Attributes:
        ended: whether the cable is out.
    """

    def __init__(self, link: socket.socket, phone: Inside) -> None:
        self._link = link
        self._phone = phone
        self._sending = threading.Lock()
        self._streams: dict[int, Stream] = {}
        self._opened = 0
        self._asked = False  # the server waits for someone to allow it in
        self.ended = False

    def serve(self) -> None:
        """Answer messages until the connection ends."""
        try:
            with self._link.makefile("rb") as messages:
                while True:
                    self._answer(read_message(messages))
        except (EOFError, OSError, DeviceError):
            self.cut()

    def allow(self) -> None:
        """Someone has allowed USB debugging on the phone's screen."""
        if self._asked:
            self._asked = False
            with suppress(OSError):  # nobody waits any longer
                self._introduce()

    def cut(self) -> None:
        """Pull the cable out."""
        self.ended = True
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()
        for stream in list(self._streams.values()):
            stream.ended()

    def _answer(self, message: Message) -> None:
        match message.command:
            case Command.CNXN if self._phone.state() == "device":
                self._introduce()
            case Command.CNXN if self._phone.state() == "unauthorized":
                self._send(Message(Command.AUTH, Auth.TOKEN, 0, _TOKEN))
            case Command.AUTH if message.first == Auth.SIGNATURE:  # of a key it does not know
                self._send(Message(Command.AUTH, Auth.TOKEN, 0, _TOKEN))
            case Command.AUTH:
                self._asked = True
            case Command.OPEN:
                self._open(message.first, message.data.rstrip(b"\0").decode(errors="replace"))
            case Command.WRTE if message.second in self._streams:
                self._streams[message.second].arrived(message.data)
            case Command.OKAY if message.second in self._streams:
                self._streams[message.second].taken()
            case Command.CLSE if message.second in self._streams:
                self._streams.pop(message.second).ended()
            case _:
                pass  # of a stream that has ended on this side

    def _introduce(self) -> None:
        about = banner(self._phone.properties(), FEATURES)
        self._send(Message(Command.CNXN, VERSION, MAX_DATA, about))

    def _open(self, there: int, service: str) -> None:
        kind, _, argument = service.partition(":")
        kind, *options = kind.split(",")
        if kind not in ("shell", "exec", "sync"):
            self._send(Message(Command.CLSE, 0, there))
            return
        self._opened += 1
        here = self._opened
        self._streams[here] = stream = Stream(self._send, here, there)
        self._send(Message(Command.OKAY, here, there))

        def serve() -> None:
            with suppress(EOFError, OSError), closing(stream):
                if kind == "sync":
                    serve_sync(stream, self._phone.storage)
                else:
                    _serve_shell(stream, self._phone, argument, packets="v2" in options)
            self._streams.pop(here, None)

        threading.Thread(target=serve, daemon=True, name=f"adbd {service[:20]}").start()

    def _send(self, message: Message) -> None:
        with self._sending:
            self._link.sendall(message.encode())


def _serve_shell(stream: Stream, phone: Inside, command: str, *, packets: bool) -> None:
    if not packets:
        phone.run(command, stream.write, stream.write)
        return
    status = phone.run(
        command,
        lambda data: stream.write(shell_packet(Packet.STDOUT, data)),
        lambda data: stream.write(shell_packet(Packet.STDERR, data)),
    )
    stream.write(shell_packet(Packet.EXIT, bytes([status & 0xFF])))
