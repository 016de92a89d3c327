"""Public data sets by name, fetched once from their authors: CIFAR-10, CIFAR-100, Imagenette."""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image

from pocketnas.data.decode import Progress
from pocketnas.data.fetch import Archive, downloads, fetched
from pocketnas.data.folders import read_folder
from pocketnas.data.source import Contents, Source, checked
from pocketnas.errors import DataError

# Addresses and checksums: https://www.cs.toronto.edu/~kriz/cifar.html, the binary versions (the
# others are pickles), and https://github.com/fastai/imagenette, short side 160.
CIFAR10 = Archive(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
)
CIFAR100 = Archive(
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"
)
IMAGENETTE = Archive(
    "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    "e793b78cc4c9e9a4ccc0c1155377a412",
)
_SIDE = 32
_SYNSETS = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


def cifar10(archive: Archive = CIFAR10, folder: Path | None = None) -> Source:
    """60,000 images of 32×32 in 10 classes; the test batch becomes the test set.

    Args:
        archive: where it is fetched.
        folder: where it is kept; `downloads()` by default.
    """
    return _cifar("cifar10", archive, folder, "batches.meta.txt", before=0)


def cifar100(archive: Archive = CIFAR100, folder: Path | None = None) -> Source:
    """60,000 images of 32×32 in 100 classes; see `cifar10`."""
    return _cifar("cifar100", archive, folder, "fine_label_names.txt", before=1)


def imagenette(archive: Archive = IMAGENETTE, folder: Path | None = None) -> Source:
    """13,394 photos of ten easy ImageNet classes; its validation part becomes the test set."""

    def read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
        packed = fetched(archive, folder or downloads(), progress)
        photos = packed.with_suffix(".zip")
        if not photos.exists():
            _repack(packed, photos)
        return read_folder(photos, side, pixels, progress)

    return Source("imagenette", read)


def _cifar(name: str, archive: Archive, folder: Path | None, names: str, before: int) -> Source:
    """Records of labels (the last counts) and 3,072 bytes: red, green, blue, row by row."""

    def read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
        path = fetched(archive, folder or downloads(), progress)
        files: dict[str, bytes] = {}
        with _tar(path) as tar:
            for member in tar:
                if member.isfile() and (file := tar.extractfile(member)):
                    files[PurePosixPath(member.name).name] = file.read()
        size = before + 1 + 3 * _SIDE**2
        tests = [part for part in files if part.startswith("test") and part.endswith(".bin")]
        trains = sorted(part for part in files if part.endswith(".bin") and part not in tests)
        if not (names in files and tests and trains) or any(
            len(files[part]) % size for part in (*trains, *tests)
        ):
            raise DataError(f"{path}: expected {names}, batches and a test batch, got {[*files]}")
        table = np.frombuffer(b"".join(files[p] for p in (*trains, *tests)), np.uint8)
        table = table.reshape(-1, size)
        labels = table[:, before].astype(np.int64)
        classes = tuple(files[names].decode().split())
        if labels.max() >= len(classes):
            raise DataError(f"{path}: label {labels.max()} has no name among {len(classes)}")
        test = np.arange(len(labels))[-sum(len(files[part]) for part in tests) // size :]
        contents = checked(path, Contents(labels, classes, (), test))
        for done, row in enumerate(table[:, before + 1 :], 1):
            image = np.ascontiguousarray(row.reshape(3, _SIDE, _SIDE).transpose(1, 2, 0))
            if side != _SIDE:
                picture = Image.fromarray(image)
                image = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))
            pixels.write(image.tobytes())
            if progress is not None:
                progress(done, len(labels))
        return contents

    return Source(name, read, side=_SIDE)


@contextmanager
def _tar(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:gz") as tar:
            yield tar
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{path}: this archive cannot be read ({error})") from error


def _repack(packed: Path, photos: Path) -> None:
    """To a zip, whose members can be read in any order; classes get their names in words."""
    unfinished = photos.with_name(f"{photos.name}.{os.getpid()}.tmp")
    try:
        with _tar(packed) as tar, zipfile.ZipFile(unfinished, "w") as archive:
            for member in tar:
                if member.isfile() and (file := tar.extractfile(member)):
                    parts = (_SYNSETS.get(part, part) for part in PurePosixPath(member.name).parts)
                    archive.writestr("/".join(parts), file.read())
        os.replace(unfinished, photos)
    finally:
        with suppress(OSError):
            unfinished.unlink()
