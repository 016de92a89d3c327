"""How a training goes: a live line on a terminal, a line an epoch elsewhere, event files."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pocketnas.errors import SettingError
from pocketnas.report.figures import duration, percent
from pocketnas.run.folder import RunFolder

if TYPE_CHECKING:
    from pocketnas.run.train import Follow
    from pocketnas.train.trainer import Training

_EVERY_S = 0.2  # the live line is drawn anew


@contextmanager
def following(folder: RunFolder, *, to_stderr: bool, tensorboard: bool) -> "Iterator[Follow]":
    """What suits the output.

    Raises:
        SettingError: `tensorboard` is asked for and not installed.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    with ExitStack() as stack:
        follow: Follow = (
            stack.enter_context(_live(stream)) if stream.isatty() else TrainingLines(stream)
        )
        if tensorboard:
            follow = Events(follow, folder)
            stack.callback(follow.close)
        yield follow


def epoch_text(record: Mapping[str, Any]) -> str:
    """A line of the log, as people read it."""
    return (
        f"loss {record['loss']:.4f}, {percent(record['accuracy'])} of held-out images,"
        f" {record['images_per_second']:,.0f} images/s"
    )


class TrainingLines:
    """A line an epoch with the time left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = monotonic()
        self._first = 0

    def note(self, text: str) -> None:
        clock = duration(monotonic() - self._began)
        print(f"[{clock}] {text}", file=self._stream, flush=True)

    def begin(self, training: "Training", epochs: int) -> None:
        self._work_began, self._first = monotonic(), training.epoch
        if training.step:
            self.note(f"goes on after step {training.step}")

    def stepped(self, training: "Training") -> None:
        pass

    def epoch(self, record: Mapping[str, Any], epochs: int) -> None:
        done = record["epoch"]
        left = (monotonic() - self._work_began) / (done - self._first) * (epochs - done)
        after = f", {duration(left)} left" if left else ""
        self.note(f"epoch {done} of {epochs}: {epoch_text(record)}{after}")


@contextmanager
def _live(stream: TextIO) -> "Iterator[Follow]":
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=Console(file=stream, highlight=False)) as progress:
        yield TrainingBar(progress)


class TrainingBar:
    """A bar over all steps with images a second and the time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("preparing", total=None, speed="")
        self._drawn = monotonic()
        self._step = 0

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False)

    def begin(self, training: "Training", epochs: int) -> None:
        self._step = training.step
        self._progress.reset(
            self._task,
            total=epochs * training.batches.steps,
            completed=training.step,
            description="training",
        )
        self._drawn = monotonic()

    def stepped(self, training: "Training") -> None:
        now = monotonic()
        if (past := now - self._drawn) < _EVERY_S:
            return
        speed = (training.step - self._step) * training.batches.size / past
        self._step, self._drawn = training.step, now
        self._progress.update(self._task, completed=training.step, speed=f"{speed:,.0f} images/s")

    def epoch(self, record: Mapping[str, Any], epochs: int) -> None:
        self.note(f"epoch {record['epoch']} of {epochs}: {epoch_text(record)}")


class Events:
    """Writes TensorBoard's event files beside what `inner` does."""

    def __init__(self, inner: "Follow", folder: RunFolder) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise SettingError(
                "--tensorboard needs the package tensorboard; run pip install"
                " 'pocketnas[tensorboard]'"
            ) from None
        self._inner = inner
        self._writer = SummaryWriter(str(folder.path / "tensorboard"))

    def note(self, text: str) -> None:
        self._inner.note(text)

    def begin(self, training: "Training", epochs: int) -> None:
        self._inner.begin(training, epochs)

    def stepped(self, training: "Training") -> None:
        self._inner.stepped(training)

    def epoch(self, record: Mapping[str, Any], epochs: int) -> None:
        for name in ("loss", "accuracy", "learning_rate", "images_per_second"):
            self._writer.add_scalar(name, record[name], record["epoch"])
        self._inner.epoch(record, epochs)

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()
