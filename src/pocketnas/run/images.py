"""A run's images: decoded once into its folder, and what was left out said."""

from collections.abc import Callable
from pathlib import Path

from pocketnas.data.images import Images
from pocketnas.data.load import load

_EVERY = 1000  # images between two notes of the progress
_NAMED = 5  # skipped files


def opened(data: str, resolution: int | None, cache: Path, note: Callable[[str], None]) -> Images:
    """Opens what the run has decoded already, or decodes it.

    Args:
        data: what `load` takes.
        resolution: likewise.
        cache: the folder for the pixels.
        note: hears of the progress, of skipped files and of what was found.

    Raises:
        DataError: the images cannot be read or trained on.
    """

    def progress(done: int, total: int) -> None:
        if done == total or done % _EVERY == 0:
            note(f"decoded {done} of {total} images")

    images = load(data, resolution=resolution, cache=cache, progress=progress)
    if images.skipped:
        names = "; ".join(images.skipped[:_NAMED])
        left = len(images.skipped) - _NAMED
        more = f"; and {left} more" if left > 0 else ""
        note(f"skipped {len(images.skipped)} files: {names}{more}")
    note(
        f"{images.name}: {len(images)} images of {len(images.classes)} classes,"
        f" {images.resolution}x{images.resolution}x{images.channels}"
    )
    return images
