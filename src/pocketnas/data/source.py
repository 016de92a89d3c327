"""A place that images come from, as one small value; adding one is a file and a line in `load`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from pocketnas.data.decode import Progress
from pocketnas.errors import DataError

MIN_PER_CLASS = 10
PHOTO_SIDE = 96  # by default: a proxy resolution that a laptop can train at


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What a source held, apart from the pixels; the fields are those of `Images`."""

    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    skipped: tuple[str, ...]
    presplit_test: npt.NDArray[np.int64] | None
    front_end: Mapping[str, float] | None = None


class Read(Protocol):
    """Writes side × side × channels bytes for every image, in the order of the labels."""

    def __call__(self, side: int, pixels: BinaryIO, progress: Progress | None, /) -> Contents:
        """Raises `DataError` when the source cannot be read or trained on."""


@dataclass(frozen=True, slots=True)
class Source:
    """Images that were found but not decoded yet.

    Attributes:
        name: What reports call the data set.
        read: Decodes it.
        channels: 1 for grey, 3 for RGB.
        side: In pixels, when none is asked for.
        flips: Whether mirror images mean the same.
    """

    name: str
    read: Read
    channels: int = 3
    side: int = PHOTO_SIDE
    flips: bool = True


def checked(where: object, contents: Contents) -> Contents:
    """The same contents, unless they cannot be trained on.

    Raises:
        DataError: One class, fewer than `MIN_PER_CLASS` images of a class outside the test set,
            or a ready-made test set that lacks a class.
    """
    labels, classes, test = contents.labels, contents.classes, contents.presplit_test
    if len(classes) < 2:
        raise DataError(f"{where}: expected at least two classes, got {len(classes)}")
    tested = np.zeros(len(labels), dtype=bool)
    if test is not None:
        tested[test] = True
    for part, least, counted in (
        ("outside the test set", MIN_PER_CLASS, ~tested),
        ("in the test set", 0 if test is None else 1, tested),
    ):
        counts = np.bincount(labels[counted], minlength=len(classes))
        if (few := np.flatnonzero(counts < least)).size:
            raise DataError(
                f"{where}: class {classes[few[0]]!r} has {counts[few[0]]} readable images {part}; "
                f"expected at least {least} (classes that fall short: {len(few)} of {len(classes)})"
            )
    return contents
