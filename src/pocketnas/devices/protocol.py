"""What adb says to a phone and the phone to adb: messages to bytes and back, no sockets.

Three layers, all little-endian. Between an adb server and a phone go messages, of which the ones
within a stream carry a service's bytes (AOSP, packages/modules/adb/protocol.txt). The service
`shell,v2` wraps what a program prints into packets, to tell stdout from stderr and to say the exit
status (shell_protocol.h); the service `sync:` moves files in packets of its own (SYNC.TXT).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import IO

from pocketnas.errors import DeviceError

VERSION = 0x01000001  # the first in which a receiver ignores the checksum
MAX_DATA = 256 * 1024  # bytes of a message's data, as phones of today say
MAX_CHUNK = 64 * 1024  # bytes of a file in one `sync:` packet

Exactly = Callable[[int], bytes]  # reads so many bytes, or raises an EOFError

_HEADER = struct.Struct("<6I")
_WORD = 0xFFFFFFFF


class Command(IntEnum):
    """What a message is for; each number is the four letters of its name."""

    CNXN = 0x4E584E43
    AUTH = 0x48545541
    OPEN = 0x4E45504F
    OKAY = 0x59414B4F
    CLSE = 0x45534C43
    WRTE = 0x45545257


class Auth(IntEnum):
    """What an AUTH message carries, its first argument."""

    TOKEN = 1
    SIGNATURE = 2
    PUBLIC_KEY = 3


class Packet(IntEnum):
    """What a packet of `shell,v2` carries."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3
    CLOSE_STDIN = 4
    WINDOW_SIZE = 5


@dataclass(frozen=True, slots=True)
class Message:
    """One message; the arguments' meaning depends on the command, mostly the two stream numbers."""

    command: Command
    first: int = 0
    second: int = 0
    data: bytes = b""

    def encode(self) -> bytes:
        """Header and data; with a checksum, which only a server of before 2017 looks at."""
        check = sum(self.data) & _WORD
        magic = self.command ^ _WORD
        header = (self.command, self.first, self.second, len(self.data), check, magic)
        return _HEADER.pack(*header) + self.data


def read_message(stream: IO[bytes]) -> Message:
    """The next message.

    Raises:
        EOFError: the stream ended before it or within it.
        DeviceError: these bytes are no message.
    """
    header = _exactly(stream, _HEADER.size)
    command, first, second, size, _, magic = _HEADER.unpack(header)
    if magic != command ^ _WORD or size > MAX_DATA:
        raise DeviceError(f"adb protocol: no message begins with the bytes {header.hex(' ')}")
    data = _exactly(stream, size)
    try:
        return Message(Command(command), first, second, data)
    except ValueError:
        raise DeviceError(f"adb protocol: unknown command {header[:4]!r}") from None


def banner(properties: dict[str, str], features: tuple[str, ...]) -> bytes:
    """How a phone introduces itself in its CNXN message."""
    words = [f"{name}={value}" for name, value in properties.items()]
    return ("device::" + ";".join([*words, "features=" + ",".join(features)])).encode()


def shell_packet(kind: Packet, data: bytes) -> bytes:
    """One packet of `shell,v2`."""
    return struct.pack("<BI", kind, len(data)) + data


def sync_packet(name: bytes, data: bytes) -> bytes:
    """One packet of `sync:` that carries data: a request with its path, DATA, or FAIL."""
    return name + struct.pack("<I", len(data)) + data


def read_sync_header(exactly: Exactly) -> tuple[bytes, int]:
    """The name and the number of the next packet of `sync:`; mostly the size of its data.

    Raises:
        EOFError: there is none.
    """
    name, number = struct.unpack("<4sI", exactly(8))
    return name, number


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError(f"the stream ended after {len(data)} of {size} bytes")
    return data
