"""ImageNet as it is distributed: synset folders to train on, one flat folder to validate on."""

import csv
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pocketnas.data.decode import Progress, decode_all
from pocketnas.data.source import Contents, Source, checked
from pocketnas.data.synsets import named
from pocketnas.errors import DataError

_SYNSET = re.compile(r"n\d{8}")
_SOLUTIONS = ("LOC_val_solution.csv", "val_solution.csv")
_NAMES = "LOC_synset_mapping.txt"


def imagenet(path: Path) -> Source | None:
    """The source at `path`, or None where there is no `train/n…` beside a flat `val`.

    They lie in `ILSVRC/Data/CLS-LOC`, as from Kaggle, or in `path` itself. `LOC_val_solution.csv`
    labels the validation images, which become the test set; `LOC_synset_mapping.txt`, if it is
    there, names the classes. `ILSVRC2012_validation_ground_truth.txt` is not read: its numbers are
    explained only in the development kit's meta.mat, and are not in the order of the synsets.
    """
    for base in (path / "ILSVRC" / "Data" / "CLS-LOC", path):
        flat = next(base.glob("val/ILSVRC2012_val_*.JPEG"), None)
        if flat is not None and (base / "train").is_dir():
            break
    else:
        return None

    def read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
        return _read(path, base, side, pixels, progress)

    return Source(path.name, read)


def _read(
    path: Path, base: Path, side: int, pixels: BinaryIO, progress: Progress | None
) -> Contents:
    folders = sorted(f for f in (base / "train").iterdir() if _SYNSET.fullmatch(f.name))
    index = {folder.name: label for label, folder in enumerate(folders)}
    train = [(file, index[f.name]) for f in folders for file in sorted(f.glob("*.JPEG"))]
    solution, answers = _answers(path, base)
    files = sorted((base / "val").glob("ILSVRC2012_val_*.JPEG"))
    if unknown := [file for file in files if answers.get(file.stem) not in index]:
        raise DataError(
            f"{solution}: names no synset of train/ for {unknown[0].name} "
            f"({len(unknown)} of {len(files)} validation images)"
        )
    items = train + [(file, index[answers[file.stem]]) for file in files]
    labels = np.array([label for _, label in items], dtype=np.int64)
    classes = _classes(path, list(index))
    test = np.arange(len(train), len(items))
    checked(path, Contents(labels, classes, (), test))  # before hours of decoding, not after them
    reasons = decode_all(Path.read_bytes, [file for file, _ in items], side, pixels, progress)
    kept = np.array([i for i in range(len(items)) if i not in reasons], dtype=np.int64)
    skipped = tuple(f"{items[i][0].relative_to(path)}: {why}" for i, why in reasons.items())
    return checked(
        path, Contents(labels[kept], classes, skipped, np.flatnonzero(kept >= len(train)))
    )


def _answers(path: Path, base: Path) -> tuple[Path, dict[str, str]]:
    """The file of validation labels, and the synset of each image by its name."""
    for file in (folder / name for folder in (path, base) for name in _SOLUTIONS):
        if file.is_file():
            try:
                with file.open(newline="", encoding="utf-8") as lines:
                    rows = [row for row in csv.reader(lines) if len(row) > 1 and row[1].strip()]
            except (OSError, ValueError, csv.Error) as error:
                raise DataError(f"{file}: the labels cannot be read ({error})") from error
            return file, {row[0]: row[1].split()[0] for row in rows}
    raise DataError(
        f"{base / 'val'}: which class its images belong to cannot be told; expected "
        f"{path / _SOLUTIONS[0]}, or one folder per synset in val"
    )


def _classes(path: Path, synsets: list[str]) -> tuple[str, ...]:
    """The first name of each synset."""
    try:
        lines = (path / _NAMES).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return named(synsets)
    return named(synsets, {synset: words for synset, _, words in (x.partition(" ") for x in lines)})
