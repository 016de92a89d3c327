"""NumPy arrays: an `.npz`, or a folder with `images.npy` and `labels.npy`. Never a pickle."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from pocketnas.data.decode import Progress
from pocketnas.data.source import Contents, Source, checked
from pocketnas.errors import DataError

_Array = npt.NDArray[Any]
_IMAGES, _LABELS = ("images", "x", "x_train"), ("labels", "y", "y_train")


def arrays(path: Path) -> Source | None:
    """The source at `path`, or None where there are no arrays.

    Images are uint8 (N, H, W), (N, H, W, C) or (N, C, H, W), with 1 or 3 channels, under `images`,
    `x` or `x_train`; labels (N,) or (N, 1), integers or strings, under `labels`, `y` or `y_train`.
    `x_test` and `y_test` become the test set. With `classes` labels are indices into it.

    Raises:
        DataError: A file cannot be read, or the arrays do not fit.
    """
    if path.suffix.lower() == ".npz" and path.is_file():
        held = _loaded(path)
        name = path.stem
    elif (path / "images.npy").is_file() and (path / "labels.npy").is_file():
        names = [n for n in ("images", "labels", "classes") if (path / f"{n}.npy").is_file()]
        held = {name: _loaded(path / f"{name}.npy")["array"] for name in names}
        name = path.name
    else:
        return None
    images, labels = [_images(path, held, *_IMAGES)], [_labels(path, held, *_LABELS)]
    if "x_test" in held or "y_test" in held:
        images.append(_images(path, held, "x_test"))
        labels.append(_labels(path, held, "y_test"))
    for some, theirs in zip(images, labels, strict=True):
        if len(some) != len(theirs) or some.shape[3] != images[0].shape[3]:
            raise DataError(
                f"{path}: expected one label for each image and equal channels, got images "
                f"{some.shape} and labels {theirs.shape}"
            )
    indices, classes = _named(path, np.concatenate(labels), held.get("classes"))
    test = np.arange(len(labels[0]), len(indices)) if len(labels) == 2 else None
    contents = checked(path, Contents(indices, classes, (), test))
    channels = images[0].shape[3]

    def read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
        for done, image in enumerate((image for some in images for image in some), 1):
            pixels.write(_resized(image, side).tobytes())
            if progress is not None:
                progress(done, len(indices))
        return contents

    return Source(name, read, channels, side=min(images[0].shape[1:3]))


def _loaded(path: Path) -> Mapping[str, _Array]:
    try:
        with path.open("rb") as file:  # np.load leaves a file open that it opened and refused
            held = np.load(file, allow_pickle=False)
            alone = isinstance(held, np.ndarray)
            return {"array": held} if alone else {name: held[name] for name in held.files}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: the arrays cannot be read ({reason})") from error


def _one(path: Path, held: Mapping[str, _Array], *names: str) -> _Array:
    found = [name for name in names if name in held]
    if len(found) != 1:
        raise DataError(
            f"{path}: expected one array called {' or '.join(names)}, got {', '.join(held)}"
        )
    return held[found[0]]


def _images(path: Path, held: Mapping[str, _Array], *names: str) -> npt.NDArray[np.uint8]:
    """(N, H, W, C), whatever the order of the axes."""
    array = _one(path, held, *names)
    last, first = array.ndim == 4 and array.shape[3] in (1, 3), array.shape[1:2] in ((1,), (3,))
    if array.dtype != np.uint8 or 0 in array.shape or not (array.ndim == 3 or last or first):
        raise DataError(
            f"{path}: images must be uint8 (images, height, width), with 1 or 3 channels behind "
            f"or before height and width, got {array.dtype} {array.shape}"
        )
    if array.ndim == 3:
        return array[..., None]
    if last and first:
        raise DataError(f"{path}: which axis of {array.shape} holds the channels cannot be told")
    return array if last else array.transpose(0, 2, 3, 1)


def _labels(path: Path, held: Mapping[str, _Array], *names: str) -> _Array:
    array = _one(path, held, *names)
    if array.ndim == 2 and array.shape[1] == 1:  # as Keras has CIFAR's
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise DataError(
            f"{path}: labels must be integers or strings, one for each image, "
            f"got {array.dtype} {array.shape}"
        )
    return array


def _named(
    path: Path, labels: _Array, classes: _Array | None
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Labels as indices, and the class names; without names, the labels themselves."""
    if classes is None or labels.dtype.kind == "U":
        values, indices = np.unique(labels, return_inverse=True)
        return indices.astype(np.int64), tuple(str(value) for value in values)
    if classes.ndim != 1 or not 0 <= labels.min() <= labels.max() < len(classes):
        raise DataError(
            f"{path}: labels must be indices into the {len(classes)} classes, "
            f"got {labels.min()}..{labels.max()}"
        )
    return labels.astype(np.int64), tuple(str(name) for name in classes)


def _resized(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """The short side shrinks to `side`, the long one is cropped at the centre."""
    if image.shape[:2] == (side, side):
        return image
    picture = Image.fromarray(np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image))
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC))
