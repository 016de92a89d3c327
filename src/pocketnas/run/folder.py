"""The run folder: everything that a run writes, and nothing outside it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pocketnas.errors import ModelError, StudyError
from pocketnas.report.files import replace_file


class RunFolder:
    """Paths and atomic writes: a file is either there whole or not at all.

    Args:
        path: the folder, created when absent.

    Raises:
        StudyError: it cannot be created or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError(f"{path}: cannot be made a run folder: {error.strerror}") from None
        self.caches = self.path / "caches"
        self.study = self.path / "study.db"
        self.images = self.path / "images"
        self.partial = self.path / "partial"
        self.model = self.path / "best.tflite"
        self.float_model = self.path / "best_float.tflite"
        self.best_weights = self.path / "best.safetensors"
        self.about = self.path / "best.json"
        self.pareto = self.path / "pareto.png"
        self.report = self.path / "report.html"
        self.settings = self.path / "settings.json"
        self.checkpoint = self.path / "checkpoint.pt"
        self.log = self.path / "log.jsonl"
        self.curves = self.path / "curves.png"

    def keep_caches_inside(self) -> None:
        """Sends what libraries would leave in the home and temporary folders into this one.

        For a program, before it imports matplotlib or torch: they read the environment once.
        """
        for name in ("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR"):
            os.environ[name] = str(self.caches)

    def weights(self, digest: str) -> Path:
        """Where the weights of a finally trained network lie."""
        return self.path / "weights" / f"{digest[:16]}.safetensors"


def next_run(parent: Path, name: str) -> Path:
    """A folder name that is not taken yet: `parent/name-1`, `-2` and so on."""
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


def short_name(network: str) -> str:
    """Of a network in the names of files: that of the zoo whole, of a path its last part."""
    path = Path(network)
    return path.stem if path.suffix in (".json", ".txt", ".tflite") else path.name


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file so that a kill or a full disk leaves the old one or none.

    Raises:
        StudyError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes plain JSON, readable by people."""
    write_bytes(path, json.dumps(value, indent=2, ensure_ascii=False).encode())


def save_weights(path: Path, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Writes weights as safetensors."""
    write_bytes(path, save(dict(weights)))


def load_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Reads what `save_weights` wrote.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        weights: dict[str, NDArray[np.float32]] = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as weights: {error}") from None
    return weights
