"""The images that a run was made with: those it trained on, and those it never did."""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pocketnas.data.images import Images, Split, split
from pocketnas.data.load import load_cached
from pocketnas.errors import PocketNASError
from pocketnas.run.stored import stored_config
from pocketnas.run.trained import stored_training


class Own(NamedTuple):
    """A run's images.

    Attributes:
        folder: of the run.
        data: what `--data` was.
        seed: of its split.
        images: decoded.
        parts: `test` was never trained on, nor looked at to choose.
    """

    folder: Path
    data: str
    seed: int
    images: Images
    parts: Split


def own(word: str) -> Own | None:
    """The images of a run; None where there are none.

    Args:
        word: a run folder of `search` or `train`, a file in one, or a `.tflite` exported from one.
    """
    path = Path(word)
    if not path.exists():
        return None
    folder = path if path.is_dir() else _exported_from(path) or path.parent
    try:
        images = load_cached(folder / "images")
        if (folder / "settings.json").exists():
            config = stored_training(folder)
            parts = split(images, seed=config.seed, test=config.hold_out)
            return Own(folder, config.data, config.seed, images, parts)
        searched = stored_config(folder)
        parts = split(images, seed=searched.seed)
        return Own(folder, searched.data, searched.seed, images, parts)
    except PocketNASError:
        return None


def _exported_from(path: Path) -> Path | None:
    """The run folder that the file beside a `.tflite` names."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(path.with_name(f"{path.name}.json").read_bytes())
        return Path(said["run"])
    return None
