"""`pocketnas report`: draws the report of a run anew, also while it is running."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
) -> None:
    """Draw report.html and the picture beside it again, of a search or an adaptation, also during
    a run.
    """
    from contextlib import closing

    from pocketnas.errors import StudyError
    from pocketnas.report.summary import Summary
    from pocketnas.run.adapt.trail import FILE, stored_trail
    from pocketnas.run.folder import RunFolder
    from pocketnas.study.study import Study

    if not (run / "study.db").exists() and not (run / FILE).exists():
        raise StudyError(f"{run}: holds no search and no adaptation (no study.db, no {FILE})")
    folder = RunFolder(run)
    folder.keep_caches_inside()
    if not (run / "study.db").exists():
        from pocketnas.run.adapt.adapting import render as drawn

        if (trail := stored_trail(folder)) is None:
            raise StudyError(f"{run}: its adaptation was stopped before its first step")
        drawn(trail)
        typer.echo(folder.report)
        return
    from pocketnas.run.ship import render

    with closing(Study(folder.study, read_only=True)) as study:
        stored = study.storage.get("summary")
        render(folder, study, Summary.from_dict(stored) if stored else None)
    typer.echo(folder.report)
