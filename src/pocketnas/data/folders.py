"""A folder of class folders, or a `.zip` of one: list the files, then decide what they mean.

Nothing of a zip is ever extracted to disk. The order of the images depends on their names alone,
not on the file system or the archiver.
"""

import os
import re
import stat
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pocketnas.data.decode import Progress, UnreadableError, decode_all
from pocketnas.data.source import MIN_PER_CLASS, Contents, Source
from pocketnas.errors import DataError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

_UNREAD_SUFFIXES = (".avif", ".gif", ".heic", ".heif", ".jfif", ".tif", ".tiff")  # named, not read
_CLUTTER = ("__MACOSX", "@eaDir")  # left by macOS and Synology; the latter holds .jpg thumbnails
_HELD_OUT = ("val", "valid", "validation", "test")
_MAX_BYTES = 64 * 2**20  # of one file, unpacked: far above a photo, far below a zip bomb
_EXPECTED = f"expected one folder per class, each with images ({' '.join(SUFFIXES)})"

Parts = tuple[str, ...]  # a relative path: ("cat", "indoors", "1.jpg")


@dataclass(frozen=True, slots=True)
class Tree:
    """The visible files and folders of a directory or archive, all as relative paths."""

    files: list[Parts]
    folders: set[Parts]
    skipped: list[str]
    read: Callable[[Parts], bytes]


@dataclass(frozen=True, slots=True)
class Photo:
    """One image file and what its place in the tree says of it."""

    path: Parts
    kind: str
    test: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The meaning of a tree: classes in the order of their labels, photos in their final order."""

    classes: list[str]
    photos: list[Photo]
    skipped: list[str]
    presplit: bool


def folder(path: Path, least: int = MIN_PER_CLASS) -> Source:
    """A folder of class folders or a `.zip` of one; whether it is there shows when it is read.

    `least` is how many images a class must have; enough to train on by default.
    """

    def read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
        return read_folder(path, side, pixels, progress, least)

    return Source(path.stem if path.suffix.lower() == ".zip" else path.name, read)


def read_folder(
    path: Path,
    resolution: int,
    pixels: BinaryIO,
    progress: Progress | None = None,
    least: int = MIN_PER_CLASS,
) -> Contents:
    """Writes every readable image to `pixels` (see `decode_all`), ordered by class, then path.

    `pocketnas.data.load.load` documents the layouts understood.

    Raises:
        DataError: `path` is absent, neither folder nor zip, or has no usable class folders.
    """
    with opened(path) as tree:
        layout = layout_of(tree, path)
        check_counts(path, layout, [], least)  # before an hour of decoding, not after it
        paths = [photo.path for photo in layout.photos]
        reasons = decode_all(tree.read, paths, resolution, pixels, progress)
    check_counts(path, layout, [layout.photos[index] for index in reasons], least)
    kept = [photo for index, photo in enumerate(layout.photos) if index not in reasons]
    label = {kind: index for index, kind in enumerate(layout.classes)}
    unreadable = [f"{name_of(paths[index])}: {reason}" for index, reason in reasons.items()]
    return Contents(
        labels=np.array([label[photo.kind] for photo in kept], dtype=np.int64),
        classes=tuple(layout.classes),
        skipped=tuple(sorted(layout.skipped + unreadable, key=natural)),
        presplit_test=np.flatnonzero([photo.test for photo in kept]) if layout.presplit else None,
    )


def sample(path: Path, resolution: int, count: int) -> npt.NDArray[np.uint8]:
    """Some images of a folder or `.zip`, whatever its folders are called, spread over all of them.

    Args:
        path: holds images at any depth.
        resolution: side of the square that they are cropped to.
        count: how many at most.

    Returns:
        uint8 (images, resolution, resolution, 3).

    Raises:
        DataError: there is no readable image.
    """
    with opened(path) as tree:
        images = sorted(file for file in tree.files if suffix(file) in SUFFIXES)
        picked = [images[i * len(images) // count] for i in range(count)] if images else []
        picked = list(dict.fromkeys(picked))
        pixels = BytesIO()
        reasons = decode_all(tree.read, picked, resolution, pixels)
    if len(reasons) == len(picked):
        raise DataError(
            f"{path}: holds no readable image ({' '.join(SUFFIXES)})"
            + (f"; {name_of(picked[0])}: {reasons[0]}" if picked else "")
        )
    return np.frombuffer(pixels.getbuffer(), np.uint8).reshape(-1, resolution, resolution, 3)


# ------------------------------------------------------------------------------- list the files


@contextmanager
def opened(path: Path) -> Iterator[Tree]:
    """The tree at `path`, readable until the block ends."""
    if os.path.isdir(path):  # unlike path.is_dir, false where a parent may not be entered
        yield _folder(path)
        return
    if not os.path.exists(path):
        raise DataError(f"{path}: there is no such folder or .zip file, or it may not be opened")
    if path.suffix.lower() != ".zip":
        raise DataError(f"{path}: expected a folder of class folders or a .zip of one, got a file")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: this .zip is broken, incomplete or locked ({error})") from error
    with archive:
        yield _zip(archive)


def _folder(root: Path) -> Tree:
    """Lists a directory, following links but entering none twice (a link may point upwards)."""
    tree = Tree([], set(), [], lambda parts: _read_file(root.joinpath(*parts)))
    entered: set[str] = set()
    for here, subfolders, names in os.walk(root, onerror=_cannot_list, followlinks=True):
        base = Path(here).relative_to(root).parts
        real = os.path.realpath(here)
        if real in entered:
            subfolders.clear()
            tree.skipped.append(f"{name_of(base)}/: a link to a folder that was read already")
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if _visible(name))
        tree.folders.update((*base, name) for name in subfolders)
        tree.files.extend((*base, name) for name in names if _visible(name))
    return tree


def _cannot_list(error: OSError) -> None:
    raise DataError(f"{error.filename}: this folder cannot be listed ({error.strerror})") from error


def _read_file(file: Path) -> bytes:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("not a regular file")  # opening a pipe would wait for ever
    _check_size(status.st_size)
    return file.read_bytes()


def _zip(archive: zipfile.ZipFile) -> Tree:
    """Lists an archive; read in memory a hostile path could do no harm, but it is refused."""
    members: dict[Parts, zipfile.ZipInfo] = {}
    lock = threading.Lock()  # ZipFile counts its open members without one

    def read(parts: Parts) -> bytes:
        _check_size(members[parts].file_size)  # no more than this is unpacked, whatever the data
        with lock:
            return archive.read(members[parts])

    tree = Tree([], set(), [], read)
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))  # some Windows tools write these
        if path.is_absolute() or ".." in path.parts:
            tree.skipped.append(f"{info.filename}: unsafe path in the zip")
        elif path.parts and all(_visible(part) for part in path.parts):
            if not info.is_dir():
                members[path.parts] = info
            depths = range(1, len(path.parts) + info.is_dir())
            tree.folders.update(path.parts[:depth] for depth in depths)
    tree.files.extend(members)
    return tree


def _check_size(size: int) -> None:
    if size > _MAX_BYTES:
        raise UnreadableError(f"larger than {_MAX_BYTES // 2**20} MiB")


def _visible(name: str) -> bool:
    return not name.startswith(".") and name not in _CLUTTER


def suffix(path: Parts) -> str:
    """In small letters, with its dot."""
    return os.path.splitext(path[-1])[1].lower()


def name_of(path: Parts) -> str:
    """As one string."""
    return "/".join(path)


def natural(text: str) -> tuple[str, str]:
    """A sort key: `img2` before `img10`; the text itself settles ties such as `1` and `01`."""
    return re.sub(r"[0-9]+", lambda number: number[0].zfill(20), text), text


# ------------------------------------------------------------------ decide what the folders mean


def layout_of(tree: Tree, where: Path, suffixes: tuple[str, ...] = SUFFIXES) -> Layout:
    """Finds the class folders, looking through a wrapping folder and through split folders."""
    images = [file for file in tree.files if suffix(file) in suffixes]
    if not images:
        found = f"no image among its {len(tree.files)} files" if tree.files else "nothing in it"
        raise DataError(f"{where}: there is {found}; {_EXPECTED}")
    filled = {image[:depth] for image in images for depth in range(len(image))}
    base = _unwrapped(tree, images)
    splits = _splits([folder for folder in _inside(tree, base) if folder in filled], where)
    roots = splits or {base: False}
    photos: list[Photo] = []
    for root, test in roots.items():
        photos += _photos(images, root, test, where)
    parents = {base, *roots}
    empty = [f for f in tree.folders if f[:-1] in parents and f not in filled]
    stray = set(images) - {photo.path for photo in photos}
    unread = [file for file in tree.files if suffix(file) in _UNREAD_SUFFIXES]
    return Layout(
        classes=sorted({photo.kind for photo in photos}, key=natural),
        photos=sorted(photos, key=lambda p: (natural(p.kind), natural(name_of(p.path)))),
        skipped=[
            *tree.skipped,
            *(f"{name_of(folder)}/: no images" for folder in empty),
            *(f"{name_of(image)}: not in a class folder" for image in stray),
            *(f"{name_of(file)}: {suffix(file)} files are not read" for file in unread),
        ],
        presplit=any(roots.values()),
    )


def _photos(images: list[Parts], root: Parts, test: bool, where: Path) -> list[Photo]:
    """The images in the class folders of `root`; those directly in `root` have no class."""
    below = [image for image in images if image[: len(root)] == root]
    photos = [Photo(i, i[len(root)], test) for i in below if len(i) > len(root) + 1]
    if not photos:
        raise DataError(
            f"{where.joinpath(*root)}: {len(below)} images lie directly in this folder; "
            "expected one folder per class holding them, such as cat/1.jpg and dog/1.jpg"
        )
    return photos


def _inside(tree: Tree, base: Parts) -> list[Parts]:
    return sorted(folder for folder in tree.folders if folder[:-1] == base)


def _unwrapped(tree: Tree, images: list[Parts]) -> Parts:
    """The folder that holds the class folders: the top, or what a lone folder there wraps."""
    direct = {image[:-1] for image in images}
    base: Parts = ()
    while True:
        folders = _inside(tree, base)
        if len(folders) != 1 or base in direct or folders[0] in direct:
            return base
        base = folders[0]


def _splits(folders: list[Parts], where: Path) -> dict[Parts, bool]:
    """Which of the folders is the test set, or nothing when they are classes.

    One such name beside others may be a class (a steam train); two can only be a split.
    """
    names = {folder: folder[-1].lower() for folder in folders}
    found = set(names.values())
    if found != {"train"} and len(found & {"train", *_HELD_OUT}) < 2:
        return {}
    if "train" not in found:
        raise DataError(f"{where}: expected a 'train' folder, got only {_quoted(found)}")
    if others := found - {"train", *_HELD_OUT}:
        raise DataError(
            f"{where}: {_quoted(others)} stands beside 'train'; expected only split folders "
            f"('train' and any of {_quoted(_HELD_OUT)}) or only class folders"
        )
    held_out = {"test"} if "test" in found else found - {"train"}
    return {folder: name in held_out for folder, name in names.items()}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names, key=natural))


def check_counts(where: Path, layout: Layout, lost: list[Photo], least: int) -> None:
    """Refuses a data set that cannot be trained on, naming the first class at fault.

    Raises:
        DataError: only one class, too few images of a class, or a class without a test image.
    """
    if len(layout.classes) == 1:
        raise DataError(
            f"{where}: only one class has images ({layout.classes[0]!r}); expected at least two"
        )
    unreadable = Counter((photo.kind, photo.test) for photo in lost)
    found = Counter((photo.kind, photo.test) for photo in layout.photos) - unreadable
    few = [kind for kind in layout.classes if found[kind, False] < least]
    if few:
        raise DataError(
            f"{where}: class {few[0]!r} has {found[few[0], False]} readable images"
            f"{' outside the test folder' if layout.presplit else ''} "
            f"({unreadable[few[0], False]} unreadable); expected at least {least} "
            f"(classes that fall short: {len(few)} of {len(layout.classes)})"
        )
    untested = [kind for kind in layout.classes if layout.presplit and not found[kind, True]]
    if untested:
        raise DataError(
            f"{where}: class {untested[0]!r} has no readable image in the test folder "
            f"({unreadable[untested[0], True]} unreadable); expected at least 1"
        )
