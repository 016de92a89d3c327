"""One file from the network, once: checked by its published checksum before it has its name."""

import hashlib
import http.client
import os
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pocketnas.data.decode import Progress
from pocketnas.errors import DataError

_TIMEOUT = 30  # seconds of silence
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Archive:
    """A file at an address, with the MD5 that its authors publish, in hex."""

    address: str
    md5: str

    @property
    def file(self) -> str:
        """Its name on disk."""
        return self.address.rsplit("/", 1)[-1]


def downloads() -> Path:
    """`$XDG_CACHE_HOME/pocketnas`, or `~/.cache/pocketnas`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pocketnas")


def fetched(archive: Archive, folder: Path, progress: Progress | None = None) -> Path:
    """The file in `folder`, fetched if it is not there yet; every call checks it.

    Args:
        archive: what to fetch.
        folder: is made when absent; a file put there by hand is used.
        progress: called with (bytes done, bytes in all) where the server says how many.

    Raises:
        DataError: the network, the disk or the checksum fails; says where a file is looked for.
    """
    path = folder / archive.file
    hand = f"or fetch {archive.address} by hand and put it at {path}"
    try:
        if path.exists():
            if (found := _md5(path)) == archive.md5:
                return path
            raise DataError(
                f"{path}: its MD5 is {found}, expected {archive.md5}; delete it to fetch it again, "
                + hand
            )
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            _download(archive.address, unfinished, progress)
            if (found := _md5(unfinished)) != archive.md5:
                raise DataError(
                    f"{archive.address}: what came has the MD5 {found}, expected {archive.md5}; "
                    "try again, " + hand
                )
            os.replace(unfinished, path)
        finally:
            with suppress(OSError):
                unfinished.unlink()
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{archive.address}: cannot be fetched ({reason}); go online, {hand}"
        ) from error
    return path


def _download(address: str, path: Path, progress: Progress | None) -> None:
    with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer, path.open("wb") as file:
        total, done = int(answer.headers.get("Content-Length") or 0), 0
        while piece := answer.read(_PIECE):
            file.write(piece)
            done += len(piece)
            if progress is not None and total:
                progress(done, total)
        file.flush()
        os.fsync(file.fileno())


def _md5(path: Path) -> str:
    with path.open("rb") as file:  # against accidents, not attacks: it is what the authors publish
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
