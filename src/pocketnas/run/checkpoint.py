"""A training's checkpoint: all that it needs to go on, and its log so far."""

from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from pocketnas.errors import ModelError, StudyError
from pocketnas.run.folder import write_bytes
from pocketnas.train.trainer import Training

Records = list[dict[str, Any]]
"""A line of the log for each epoch."""


def save(training: Training, records: Records, path: Path) -> None:
    """Writes it in one piece.

    Raises:
        StudyError: it cannot be written.
    """
    buffer = BytesIO()
    torch.save({"training": training.state(), "records": records}, buffer)
    write_bytes(path, buffer.getvalue())


def resumed(training: Training, path: Path) -> Records:
    """Restores it, if there is one; the log up to there.

    Raises:
        StudyError: it is damaged, or of another training.
    """
    if not path.exists():
        return []
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        training.restore(kept["training"])
        return list(kept["records"])
    except (
        *(OSError, EOFError, UnpicklingError, RuntimeError),
        *(KeyError, TypeError, ValueError, ModelError),
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StudyError(f"{path}: cannot be resumed ({reason}); remove it to begin anew") from None
