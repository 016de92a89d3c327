"""Hugging Face `datasets`: one saved to disk, or one from the hub; extra `hf`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pocketnas.data.decode import Progress, UnreadableError, decode_all
from pocketnas.data.folders import natural
from pocketnas.data.source import Contents, Source, checked
from pocketnas.errors import DataError

PREFIX = "hf:"

_MARKS = ("dataset_dict.json", "state.json")  # of DatasetDict.save_to_disk, Dataset.save_to_disk
_TRAIN = ("train", "training")
_VALIDATION = ("validation", "valid", "val", "dev")
_TEST = ("test", "testing")
_IMAGES, _LABELS = ("image", "img"), ("label", "labels", "fine_label")
_NAMED = 5  # columns in a message

Row = tuple[str, int]  # split, place


def saved(path: Path) -> Source | None:
    """The source at `path`, or None where `save_to_disk` has written nothing."""
    if not any((path / mark).is_file() for mark in _MARKS):
        return None
    return Source(path.name, lambda *request: _read(path, _splits(_opened(path)), *request))


def from_hub(word: str) -> Source:
    """The set `hf:owner/name`, or `hf:owner/name:configuration`.

    It is fetched once, into the library's own cache (`HF_HOME`), and no code of it is run.
    """
    name, _, configuration = word.removeprefix(PREFIX).partition(":")
    return Source(
        name.rpartition("/")[2],
        lambda *request: _read(word, _splits(_fetched(word, name, configuration)), *request),
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    image: str
    label: str
    classes: tuple[str, ...]
    labels: Mapping[str, list[int]]  # by split


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        raise DataError(
            "data from Hugging Face needs the package datasets; run pip install 'pocketnas[hf]'"
        ) from None
    datasets.disable_progress_bars()
    getLogger("huggingface_hub").setLevel(ERROR)  # what went wrong is said once, in the end
    return datasets


def _opened(path: Path) -> Any:
    library = _library()
    try:
        return library.load_from_disk(str(path))
    except Exception as error:  # of damaged files the library raises nearly every exception
        raise DataError(f"{path}: cannot be read as a saved data set ({_line(error)})") from None


def _fetched(word: str, name: str, configuration: str) -> Any:
    library = _library()
    try:
        return library.load_dataset(name, configuration or None)
    except Exception as error:  # likewise of a network that is not there
        raise DataError(f"{word}: cannot be fetched from the hub ({_line(error)})") from None


def _splits(found: Any) -> dict[str, Any]:
    """The data set by its splits; one without gets the name train."""
    return dict(found) if isinstance(found, Mapping) else {"train": found}


def _read(
    where: str | Path,
    splits: Mapping[str, Any],
    side: int,
    pixels: BinaryIO,
    progress: Progress | None,
) -> Contents:
    """Splits as in folders: the test set is test or else validation, all else is trained on."""
    library = _library()
    chosen = [name for name in splits if name in (*_TRAIN, *_VALIDATION, *_TEST)] or list(splits)
    held_out = _held_out(chosen)
    columns = _columns(where, {name: splits[name] for name in chosen})
    raw = {
        name: splits[name].cast_column(columns.image, library.Image(decode=False))
        for name in chosen
    }
    rows = [(name, i) for name in chosen for i in range(len(raw[name]))]
    labels = np.array([columns.labels[name][i] for name, i in rows], dtype=np.int64)
    tested = np.array([name == held_out for name, _ in rows])

    def contents(kept: Any, skipped: Iterable[str]) -> Contents:
        some = np.flatnonzero(tested[kept]) if held_out else None
        return checked(where, Contents(labels[kept], columns.classes, tuple(skipped), some))

    contents(np.arange(len(rows)), ())  # before an hour of decoding, not after it

    def bytes_of(row: Row) -> bytes:
        name, i = row
        cell = raw[name][i][columns.image] or {}
        if cell.get("bytes") is not None:
            return bytes(cell["bytes"])
        if cell.get("path"):
            return Path(cell["path"]).read_bytes()
        raise UnreadableError("no image in this row")

    reasons = decode_all(bytes_of, rows, side, pixels, progress)
    kept = np.array([i for i in range(len(rows)) if i not in reasons], dtype=np.int64)
    return contents(kept, (f"{rows[i][0]}/{rows[i][1]}: {why}" for i, why in reasons.items()))


def _held_out(names: list[str]) -> str | None:
    if not set(names) & set(_TRAIN):
        return None
    return next((name for name in (*_TEST, *_VALIDATION) if name in names), None)


def _columns(where: str | Path, splits: Mapping[str, Any]) -> _Columns:
    """The columns of images and labels, and what the labels are called.

    Raises:
        DataError: there are none, or several that could be meant.
    """
    library = _library()
    features = next(iter(splits.values())).features
    image = _only(where, "images", features, library.Image, _IMAGES)
    label = _only(where, "labels", features, library.ClassLabel, _LABELS)
    values = {name: list(split[label]) for name, split in splits.items()}
    every = [value for some in values.values() for value in some]
    if any(value is None or (isinstance(value, int) and value < 0) for value in every):
        raise DataError(f"{where}: some images have no label in the column {label!r}")
    feature = features[label]
    if isinstance(feature, library.ClassLabel):
        return _Columns(image, label, tuple(feature.names), values)
    if not all(isinstance(value, int | str) for value in every):
        raise DataError(f"{where}: the column {label!r} holds no whole numbers and no names")
    classes = sorted({str(value) for value in every}, key=natural)
    places = {name: i for i, name in enumerate(classes)}
    named = {name: [places[str(value)] for value in some] for name, some in values.items()}
    return _Columns(image, label, tuple(classes), named)


def _only(
    where: str | Path, what: str, features: Mapping[str, Any], kind: type, usual: tuple[str, ...]
) -> str:
    typed = [name for name, feature in features.items() if isinstance(feature, kind)]
    if len(typed) == 1:
        return typed[0]
    named = [name for name in usual if name in (typed or features)]
    if named:
        return named[0]
    there = ", ".join(list(features)[:_NAMED]) + (", …" if len(features) > _NAMED else "")
    raise DataError(
        f"{where}: which column holds the {what} cannot be told; expected one of"
        f" {', '.join(usual)}, got {there}"
    )


def _line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
