"""Files that are either the old one or the new one, never half of it."""

import os
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Writes beside `path` and then takes its place, so that a reader never sees half a file."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name without its bytes
        os.replace(unfinished, path)
    finally:
        with suppress(OSError):  # gone after the replacement; gives the space back before it
            unfinished.unlink()
