"""WebDataset's shards: `.tar` files in which an image and its label share the start of a name.

Nothing is extracted: the place of every image in its shard is noted, and its bytes are read there.
"""

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from pocketnas.data.decode import Progress, decode_all
from pocketnas.data.folders import natural
from pocketnas.data.source import Contents, Source, checked
from pocketnas.errors import DataError

_IMAGES, _LABELS = ("jpg", "jpeg", "png", "webp"), ("cls", "txt", "json")
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MAX_BYTES = 64 * 2**20  # of one image
_MAX_LABEL = 2**20
_MAX_SHARDS = 100_000
_HELD_OUT = ("test", "val")  # the first that is there is the test set, the other joins the pool


@dataclass(frozen=True, slots=True)
class _Sample:
    """Where one image lies, and its label in the words of the shard."""

    name: str
    shard: Path
    offset: int
    size: int
    label: str
    test: bool


def shards(path: Path) -> Source | None:
    """The source at `path`, or None where there are no shards.

    A `.tar`, a folder of them, or a pattern such as `train-{000..009}.tar`. In a folder with
    `train-*.tar`, `test-*.tar` or else `val-*.tar` becomes the test set.

    Members belong together up to the first dot of their name. The image ends in .jpg, .jpeg, .png
    or .webp, the label in .cls, .txt or .json (`{"label": …}`). Labels that are integers are lines
    of `classes.txt` beside the shards, when it is there.

    Raises:
        DataError: The pattern names a shard that is not there.
    """
    if path.suffix.lower() != ".tar" and not (path.is_dir() and any(path.glob("*.tar"))):
        return None
    found = _expanded(path)
    if absent := [shard for shard in found if not shard.is_file()]:
        raise DataError(f"{absent[0]}: there is no such shard ({len(absent)} of {len(found)})")

    def read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
        return _read(path, found, side, pixels, progress)

    return Source(path.stem if path.suffix.lower() == ".tar" else path.name, read)


def _expanded(path: Path) -> list[Path]:
    """The shards that a path means, in natural order."""
    if path.is_dir():
        return sorted(path.glob("*.tar"), key=lambda shard: natural(shard.name))
    pieces = _BRACES.split(path.name)  # text, first, last, text, first, last, …, text
    texts, ranges = pieces[::3], list(zip(pieces[1::3], pieces[2::3], strict=True))
    if np.prod([float(last) - float(first) + 1 for first, last in ranges]) > _MAX_SHARDS:
        raise DataError(f"{path}: the pattern means more than {_MAX_SHARDS} shards")
    counts = [[str(i).zfill(len(a)) for i in range(int(a), int(b) + 1)] for a, b in ranges]
    names = [
        texts[0] + "".join(n + t for n, t in zip(numbers, texts[1:], strict=True))
        for numbers in product(*counts)
    ]
    if not names:
        raise DataError(f"{path}: the pattern means no shard; expected {{first..last}}")
    return [path.with_name(name) for name in names]


def _read(
    path: Path, found: list[Path], side: int, pixels: BinaryIO, progress: Progress | None
) -> Contents:
    skipped: list[str] = []
    tests = _tests(found) if path.is_dir() else set()
    samples = [s for shard in found for s in _samples(shard, shard in tests, skipped)]
    classes, labels = _classes(path, samples)
    held_out = np.array([sample.test for sample in samples], dtype=bool)
    everything = Contents(labels, classes, (), np.flatnonzero(held_out) if tests else None)
    checked(path, everything)  # before an hour of decoding, not after it
    reasons = decode_all(_bytes, samples, side, pixels, progress)
    kept = np.array([index not in reasons for index in range(len(samples))], dtype=bool)
    skipped += [f"{samples[index].name}: {reason}" for index, reason in reasons.items()]
    test = np.flatnonzero(held_out[kept]) if tests else None
    return checked(path, Contents(labels[kept], classes, tuple(skipped), test))


def _tests(found: list[Path]) -> set[Path]:
    """The shards that are a ready-made test set: only beside shards called `train-…`."""
    if any(shard.name.startswith("train-") for shard in found):
        for part in _HELD_OUT:
            if tests := {shard for shard in found if shard.name.startswith(f"{part}-")}:
                return tests
    return set()


def _bytes(sample: _Sample) -> bytes:
    with sample.shard.open("rb") as file:
        file.seek(sample.offset)
        return file.read(sample.size)


def _samples(shard: Path, test: bool, skipped: list[str]) -> Iterator[_Sample]:
    """Joins what belongs together; what lacks an image or a label is skipped with its reason."""
    images: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, str] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            end = shard.stat().st_size
            for member in archive:
                where = f"{shard.name}/{member.name}"
                place = PurePosixPath(member.name)
                stem, _, ending = place.name.partition(".")
                key, kind = str(place.with_name(stem)) if stem else "", ending.lower()
                if place.is_absolute() or ".." in place.parts:
                    skipped.append(f"{where}: unsafe path in the tar")
                elif not key or kind not in (*_IMAGES, *_LABELS) or member.isdir():
                    continue
                elif not member.isfile() or member.issparse():
                    skipped.append(f"{where}: not a regular file")
                elif member.size > (_MAX_BYTES if kind in _IMAGES else _MAX_LABEL):
                    skipped.append(f"{where}: too large ({member.size} bytes)")
                elif member.offset_data + member.size > end:
                    raise tarfile.ReadError("unexpected end of data")
                elif kind in _IMAGES:
                    images[key] = member
                elif file := archive.extractfile(member):
                    label = _label(file.read(), kind)
                    if label:
                        labels.setdefault(key, label)
                    else:
                        skipped.append(f"{where}: holds no label")
        with shard.open("rb") as whole:  # tarfile takes half a header, or noise, for the end
            whole.seek(archive.offset)
            if whole.read(512) != bytes(512):
                raise tarfile.ReadError("it has no end mark")
    except (OSError, tarfile.TarError, ValueError) as error:
        raise DataError(f"{shard}: this .tar is broken or incomplete ({error})") from error
    for key, member in images.items():
        name = f"{shard.name}/{member.name}"
        if key in labels:
            yield _Sample(name, shard, member.offset_data, member.size, labels[key], test)
        else:
            skipped.append(f"{name}: no label beside it ({', '.join(_LABELS)})")


def _label(data: bytes, kind: str) -> str:
    """The label as text; empty when there is none."""
    try:
        text = data.decode().strip()
        if kind == "json":
            about = json.loads(text)
            label = about.get("label") if isinstance(about, dict) else None
            return "" if label is None or isinstance(label, (list, dict)) else str(label).strip()
        return str(int(text)) if kind == "cls" else text
    except (ValueError, RecursionError):
        return ""


def _classes(
    path: Path, samples: list[_Sample]
) -> tuple[tuple[str, ...], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The class names, and every sample's index into them."""
    if not samples:
        raise DataError(f"{path}: the shards hold no image with a label beside it")
    values = sorted({sample.label for sample in samples}, key=natural)
    names, file = values, (path if path.is_dir() else path.parent) / "classes.txt"
    if file.is_file() and all(value.isdecimal() for value in values):
        try:
            names = file.read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError) as error:
            raise DataError(f"{file}: the class names cannot be read ({error})") from error
        names = [name.strip() for name in names if name.strip()]
        if int(values[-1]) >= len(names):
            raise DataError(f"{file}: holds {len(names)} names, but label {values[-1]} is used")
        values = [str(index) for index in range(len(names))]
    index = {value: position for position, value in enumerate(values)}
    labels = np.array([index[str(sample.label)] for sample in samples], dtype=np.int64)
    return tuple(names), labels
