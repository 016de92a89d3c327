"""The settings that a run folder was made with."""

from contextlib import closing
from pathlib import Path

from pocketnas.errors import StudyError
from pocketnas.run.config import RunConfig
from pocketnas.study.study import Study


def begun(path: Path) -> bool:
    """Whether the folder `path` holds a run whose settings were recorded."""
    try:
        stored_config(path)
    except StudyError:
        return False
    return True


def stored_config(path: Path) -> RunConfig:
    """The settings of the run in the folder `path`.

    Raises:
        StudyError: there is none.
    """
    file = path / "study.db"
    if not file.exists():
        raise StudyError(f"{path}: holds no run (no {file.name})")
    with closing(Study(file, read_only=True)) as study:
        values = study.storage.get("config")
    if values is None:
        raise StudyError(f"{file}: the run was stopped before it began; remove it and start anew")
    return RunConfig.from_dict(values)
