"""Labelled images as one immutable value, and their split into train, validation and test."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pocketnas.errors import DataError

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Labelled square images of one size.

    Attributes:
        name: What reports call the data set.
        pixels: uint8 (images, side, side, channels), read-only, possibly a memory map.
        labels: (images,), indices into `classes`.
        classes: The class names, in the order of their labels.
        skipped: What was left out and why, each `relative/path: reason`.
        presplit_test: Indices of the images that came in a ready-made test folder.
        flips: Whether an image and its mirror image mean the same; digits and sounds do not.
        front_end: How sound became pixels (`pocketnas.data.audio.front_end`): rate in Hz and
            length in seconds; None for images.

    Raises:
        DataError: The arrays do not fit each other.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    labels: Indices
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    presplit_test: Indices | None = None
    flips: bool = True
    front_end: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        """Checks types, shapes and ranges."""
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2]:
            raise DataError(
                f"{self.name}: pixels must be uint8 (images, side, side, channels), "
                f"got {self.pixels.dtype} {shape}"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != shape[:1]:
            raise DataError(
                f"{self.name}: labels must be int64 {shape[:1]}, "
                f"got {self.labels.dtype} {self.labels.shape}"
            )
        if not self.classes:
            raise DataError(f"{self.name}: expected at least one class, got none")
        _check_range(f"{self.name}: labels", self.labels, len(self.classes))
        if self.presplit_test is not None:
            _check_range(f"{self.name}: presplit_test", self.presplit_test, len(self))

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    @property
    def resolution(self) -> int:
        """The side of the images, in pixels."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.pixels.shape[3])

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of all that training sees: a resumed run must find the same.

        Reads every pixel (about a second per gigabyte), so ask once. Decoded photos may differ in
        the last bit between versions of libjpeg; a cache keeps the digest across an upgrade.
        """
        test = None if self.presplit_test is None else self.presplit_test.tolist()
        about = [self.pixels.shape, self.classes, self.labels.tolist(), test]
        digest = hashlib.sha256(json.dumps(about).encode())
        for start in range(0, len(self), 1024):  # a memory map need not fit in memory
            digest.update(self.pixels[start : start + 1024].tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Three disjoint, sorted sets of image indices.

    Attributes:
        train: Fits the weights.
        validation: Steers the search: the accuracy in its reward is measured here.
        test: Never looked at before the final figure.
    """

    train: Indices
    validation: Indices
    test: Indices


def split(images: Images, *, seed: int, test: float = 0.2, validation: float = 0.125) -> Split:
    """Divides every class in the same proportions: 3,500, 500 and 1,000 images for mnist5k.

    The search rewards accuracy on images held out of the training set, as MnasNet does (section 5:
    50K of ImageNet's training images), so that the test part stays untouched until the final
    figure. The test part is drawn first: it is the same for every `validation`.

    Args:
        images: A ready-made test set among them is used as it is.
        seed: The draw within a class depends on it and on the class's label and size alone.
        test: Share of each class; not used when there is a ready-made test set.
        validation: Share of what then remains of each class.

    Raises:
        DataError: A share or the seed is out of range, or a class cannot give at least one image
            to each part.
    """
    _check_request(seed, test=test, validation=validation)
    ready = np.zeros(len(images), dtype=bool)
    if images.presplit_test is not None:
        ready[images.presplit_test] = True
    parts: list[tuple[Indices, Indices, Indices]] = []
    for label, name in enumerate(images.classes):
        members = np.flatnonzero(images.labels == label)
        tested, rest = members[ready[members]], _shuffled(members[~ready[members]], seed, label)
        if images.presplit_test is None:
            tested, rest = _cut(rest, test, leave=2)
        validated, trained = _cut(rest, validation, leave=1)
        if not (len(trained) and len(validated) and len(tested)):
            raise DataError(
                f"{images.name}: class {name!r} has {len(members)} images "
                f"({np.count_nonzero(ready[members])} of them in a ready-made test set); "
                "expected at least one for each of train, validation and test"
            )
        parts.append((trained, validated, tested))
    return Split(*(np.sort(np.concatenate(part)) for part in zip(*parts, strict=True)))


def _check_request(seed: int, **shares: float) -> None:
    if seed < 0:
        raise DataError(f"split: seed must be 0 or more, got {seed}")
    for name, share in shares.items():
        if not 0 < share < 1:
            raise DataError(f"split: {name} must lie between 0 and 1, both excluded, got {share}")


def _shuffled(members: Indices, seed: int, label: int) -> Indices:
    """In an order drawn from raw bits, the one stream NumPy promises never to change (NEP 19)."""
    keys = np.random.PCG64([seed, label]).random_raw(len(members))
    return members[np.argsort(keys, kind="stable")]


def _cut(members: Indices, share: float, *, leave: int) -> tuple[Indices, Indices]:
    """The first `share` of them, at least one, and the rest, at least `leave` where possible."""
    count = min(max(1, round(len(members) * share)), max(0, len(members) - leave))
    return members[:count], members[count:]


def _check_range(what: str, indices: Indices, limit: int) -> None:
    if len(indices) and not 0 <= indices.min() <= indices.max() < limit:
        raise DataError(f"{what} must lie in 0..{limit - 1}, got {indices.min()}..{indices.max()}")
