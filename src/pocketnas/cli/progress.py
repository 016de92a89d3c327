"""Progress: a live line on a terminal, plain lines in a pipe or a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TextIO

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pocketnas.report.figures import milliseconds, percent
from pocketnas.run.watch import Watch
from pocketnas.study.study import Study

GUESSING = 0.05
"""Share of the work below which the time left would be a guess: the workers are just starting."""


@contextmanager
def watching(*, to_stderr: bool) -> Iterator[Watch]:
    """What suits the output: a terminal is drawn on, anything else gets lines."""
    stream = sys.stderr if to_stderr else sys.stdout
    if not stream.isatty():
        yield Lines(stream)
        return
    console = Console(file=stream, highlight=False)
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Display(*columns, console=console) as progress:
        yield Live(progress)


def standing(study: Study) -> str:
    """Trials so far, the best one and the size of the Pareto set, in one line."""
    best = study.best
    if best is None:
        return f"trial {len(study.trials)}: none has succeeded yet"
    return (
        f"trial {len(study.trials)}: best reward {best.reward:.4f}"
        f" ({percent(best.outcome.accuracy or 0)} in {milliseconds(best.outcome.latency or 0)}),"
        f" Pareto set {len(study.pareto())}"
    )


class Lines:
    """One line an event, with the time since the start and, once known, the time left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = monotonic()
        self._work_began = 0.0
        self._all = self._done = 0.0

    def begin(self, epochs: float) -> None:
        self._all, self._work_began = epochs, monotonic()

    def advance(self, epochs: float, text: str) -> None:
        self._done += epochs
        share = min(1.0, self._done / self._all)
        left = (monotonic() - self._work_began) * (1 / share - 1)
        hint = f", {_clock(left)} left" if share > GUESSING else ""
        self.note(f"{text} | {share:.0%}{hint}")

    def note(self, text: str) -> None:
        print(f"[{_clock(monotonic() - self._began)}] {text}", file=self._stream, flush=True)

    def trials(self, study: Study) -> None:
        self.note(standing(study))


class Live:
    """A bar with the time left; under it where the search stands and what has just happened."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("preparing", total=None, standing="", latest="")

    def begin(self, epochs: float) -> None:
        self._progress.reset(self._task, total=epochs, description="searching")

    def advance(self, epochs: float, text: str) -> None:
        self._progress.update(self._task, advance=epochs, latest=text)

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False)

    def trials(self, study: Study) -> None:
        self._progress.update(self._task, standing=standing(study))


class Display(Progress):
    """Rich's bar, and two lines of text under it."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for name in ("standing", "latest"):
            for task in self.tasks:
                yield Text(task.fields[name], overflow="ellipsis", no_wrap=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
