"""What a command is given to work on: a name of the zoo, a found network, a finished `.tflite`."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import from_lines
from pocketnas.errors import ArchitectureError, ModelError, SettingError
from pocketnas.tflite.writer import write
from pocketnas.zoo.registry import Published, entry


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to show, measure or export.

    Attributes:
        name: what the user called it.
        architecture: None for a `.tflite`.
        published: figures of its paper, for a network of the zoo.
        weights: a found network's own weights.
        file: a `.tflite`.
    """

    name: str
    architecture: Architecture | None = None
    published: Published | None = None
    weights: Path | None = None
    file: Path | None = None

    def model(self, *, int8: bool = False) -> bytes:
        """The flatbuffer to measure; a network without a file gets made-up weights.

        Raises:
            ModelError: the file cannot be read, or int8 was asked of it.
        """
        if self.architecture is not None:
            return write(self.architecture.graph(), quantize=int8)
        if int8:
            raise ModelError(f"{self.name}: --int8 is for networks; a .tflite is measured as it is")
        return _read(Path(self.name))


def subject(word: str, *, resolution: int | None = None) -> Subject:
    """Finds what `word` means.

    Args:
        word: a name of the zoo; a run folder or its `best.json`; a `.json` or a `.txt` with an
            architecture, as JSON or as lines of block strings; a `.tflite`.
        resolution: side of the image in pixels instead of the network's own.

    Raises:
        ArchitectureError: a file holds no architecture.
        ModelError: the file cannot be read.
        SettingError: no network has this name, or a resolution for a `.tflite`.
    """
    path = Path(word)
    if path.suffix == ".tflite":
        if resolution is not None:
            raise SettingError(f"{word}: --resolution is for networks; this file has its own")
        if not path.is_file():
            raise ModelError(f"{word}: there is no such file")
        return Subject(word, file=path)
    if (path / "best.json").is_file():
        path = path / "best.json"
    if path.suffix in (".json", ".txt"):
        found = _stored(path) if path.suffix == ".json" else _written(path)
        if resolution is not None:
            found = replace(found, resolution=resolution)
        weights = path.with_suffix(".safetensors")
        return Subject(word, found, weights=weights if weights.is_file() else None)
    known = entry(word)
    return Subject(word, known.architecture(resolution=resolution), known.published)


def _stored(path: Path) -> Architecture:
    try:
        value = json.loads(_read(path))
    except ValueError as error:
        raise ModelError(f"{path}: is no JSON file: {error}") from None
    if isinstance(value, dict) and "architecture" in value:
        value = value["architecture"]
    try:
        return Architecture.from_dict(value)
    except ArchitectureError as error:
        raise ArchitectureError(f"{path}: {error}") from None


def _written(path: Path) -> Architecture:
    text = _read(path).decode(errors="replace")
    try:
        return from_lines(text.rstrip("\n").split("\n"))
    except ArchitectureError as error:
        raise ArchitectureError(f"{path}: {error}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
