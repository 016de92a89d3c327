"""`pocketnas report`: draws the report of a run anew, also while it is running."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
) -> None:
    """Draw report.html and pareto.png again from what the study holds, even during a run."""
    from contextlib import closing

    from pocketnas.errors import StudyError
    from pocketnas.report.summary import Summary
    from pocketnas.run.folder import RunFolder
    from pocketnas.study.study import Study

    if not (run / "study.db").exists():
        raise StudyError(f"{run}: is no run folder (no study.db)")
    folder = RunFolder(run)
    folder.keep_caches_inside()
    from pocketnas.run.ship import render

    with closing(Study(folder.study, read_only=True)) as study:
        stored = study.storage.get("summary")
        render(folder, study, Summary.from_dict(stored) if stored else None)
    typer.echo(folder.report)
