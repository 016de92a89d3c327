"""The files of a simulated phone, and the service `sync:` that moves them (AOSP, SYNC.TXT)."""

import os
import posixpath
import stat
import struct
from pathlib import Path
from typing import Protocol

from pocketnas.devices.protocol import MAX_CHUNK, read_sync_header, sync_packet

_FULL = "No space left on device"


class Storage:
    """The phone's files: a folder of this computer that the phone takes for its root.

    Attributes:
        folder: that folder.
        free: bytes left; None for as many as the computer has.
    """

    def __init__(self, folder: Path, free: int | None) -> None:
        self.folder = folder
        self.free = free

    def local(self, path: str) -> Path:
        """Where a path of the phone lies; nothing leads out of the folder."""
        return self.folder / posixpath.normpath("/" + path).lstrip("/")

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Make a file and the folders above it.

        Raises:
            OSError: it cannot be made, or the phone is full.
        """
        place = self.local(path)
        before = place.stat().st_size if place.is_file() else 0
        if self.free is not None:
            if len(content) - before > self.free:
                raise OSError(_FULL)
            self.free -= len(content) - before
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(stat.S_IMODE(mode) | stat.S_IWUSR | stat.S_IRUSR)

    def remove(self, place: Path) -> None:
        """Delete a file, or a folder with all that is in it, by where it lies.

        Raises:
            OSError: there is none.
        """
        if place.is_dir():
            for each in place.iterdir():
                self.remove(each)
            place.rmdir()
            return
        size = place.stat().st_size
        place.unlink()
        if self.free is not None:
            self.free += size


class Stream(Protocol):
    """The other side's bytes, and ours to it."""

    def exactly(self, size: int) -> bytes: ...

    def write(self, data: bytes) -> None: ...


def serve_sync(stream: Stream, storage: Storage) -> None:
    """Answer the requests of a `sync:` stream until its end.

    Raises:
        EOFError: the other side has closed it.
    """
    while True:
        request, size = read_sync_header(stream.exactly)
        if request == b"QUIT":
            return
        path = stream.exactly(size).decode(errors="replace")
        match request:
            case b"STAT":
                stream.write(b"STAT" + _entry(storage.local(path)))
            case b"LIST":
                _list(stream, storage.local(path))
            case b"SEND":
                _receive(stream, storage, path)
            case b"RECV":
                _send(stream, storage.local(path))
            case _:
                stream.write(sync_packet(b"FAIL", b"unknown command"))
                return


def _entry(place: Path) -> bytes:
    """Mode, size and time of change; zeros where there is no file."""
    try:
        found = os.lstat(place)
    except OSError:
        return bytes(12)
    return struct.pack("<3I", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime))


def _list(stream: Stream, place: Path) -> None:
    for each in sorted(place.iterdir()) if place.is_dir() else []:
        name = each.name.encode()
        stream.write(b"DENT" + _entry(each) + struct.pack("<I", len(name)) + name)
    stream.write(b"DONE" + bytes(16))


def _receive(stream: Stream, storage: Storage, path_and_mode: str) -> None:
    path, _, mode = path_and_mode.rpartition(",")
    content = bytearray()
    while (header := read_sync_header(stream.exactly))[0] == b"DATA":
        content += stream.exactly(header[1])
    try:
        storage.write(path, bytes(content), int(mode))
    except (OSError, ValueError) as error:
        stream.write(sync_packet(b"FAIL", f"write failed: {_reason(error)}".encode()))
    else:
        stream.write(sync_packet(b"OKAY", b""))


def _send(stream: Stream, place: Path) -> None:
    try:
        content = place.read_bytes()
    except OSError as error:
        stream.write(sync_packet(b"FAIL", f"open failed: {_reason(error)}".encode()))
        return
    for start in range(0, len(content), MAX_CHUNK):
        stream.write(sync_packet(b"DATA", content[start : start + MAX_CHUNK]))
    stream.write(sync_packet(b"DONE", b""))


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
