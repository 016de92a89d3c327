"""What the folder of a training holds, for those who go on with it."""

import json
from pathlib import Path

from pocketnas.errors import StudyError
from pocketnas.run.train_config import TrainConfig


def stored_training(path: Path) -> TrainConfig:
    """The settings of the training in the folder `path`.

    Raises:
        StudyError: there is none.
    """
    file = path / "settings.json"
    try:
        values = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise StudyError(f"{path}: holds no training (no {file.name})") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{file}: cannot be read ({error})") from None
    return TrainConfig.from_dict(values)
