"""Proxy trainings: short ones on real images, each made once a study, whole or in two parts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.run.patience import Patience
from pocketnas.run.training import Task, Trained, run_task
from pocketnas.run.watch import Watch
from pocketnas.study.executor import LocalExecutor
from pocketnas.study.storage import Storage

Figures = dict[str, Any]
"""`accuracy` in [0, 1] and `seconds`, or the `error` that prevented them."""

Networks = Mapping[str, Architecture]
"""By digest."""


class Proxies:
    """Trains networks by the proxy recipe.

    Args:
        storage: remembers each accuracy at once, so that a kill costs only what was under way.
        executor: runs the trainings.
        task: what all of them share; the architecture is replaced.
        partial: the folder for trainings that have stopped on their way.
        watch: hears of each training.
        patience: learns from them.
    """

    def __init__(
        self,
        storage: Storage,
        executor: LocalExecutor,
        task: Task,
        partial: Path,
        watch: Watch,
        patience: Patience,
    ) -> None:
        self._storage = storage
        self._executor = executor
        self._task = task
        self._partial = partial
        self._watch = watch
        self._patience = patience
        self.epochs = task.recipe.epochs

    def known(self, digest: str) -> bool:
        """Whether nothing but the full accuracy is remembered, so that no part is needed."""
        recall = self._storage.recall
        return bool(recall("proxy", digest)) and not recall("early", digest)

    def whole(self, networks: Networks) -> dict[str, Figures]:
        """From the beginning to the end."""
        return self._figures("proxy", networks, self._task, self.epochs)

    def parts(self, networks: Networks, until: int) -> dict[str, Figures]:
        """The first `until` epochs; what they need to go on stays on disk."""
        return self._figures("early", networks, replace(self._task, until=until), until)

    def rest(self, networks: Networks, until: int) -> dict[str, Figures]:
        """From where `parts` has stopped to the end, the same end as of `whole`."""
        return self._figures("proxy", networks, self._task, self.epochs - until)

    def clear(self, networks: Networks) -> None:
        """Removes what stopped trainings would need to go on."""
        for digest in networks:
            self._file(digest).unlink(missing_ok=True)
        with suppress(OSError):  # there is none, or it is not empty
            self._partial.rmdir()

    def _figures(
        self, kind: str, networks: Networks, task: Task, epochs: int
    ) -> dict[str, Figures]:
        found = {d: known for d in networks if (known := self._storage.recall(kind, d))}
        for digest in found:
            self._watch.advance(epochs, f"{digest[:8]} was trained before")
        tasks = [
            replace(task, architecture=network, partial=self._file(digest))
            for digest, network in networks.items()
            if digest not in found
        ]
        for done, result in run_tasks(self._executor, tasks, self._patience):
            digest = done.architecture.digest
            if isinstance(result, Trained):
                before = None if done.until else self._storage.recall("early", digest)
                seconds = result.seconds + (before["seconds"] if before else 0.0)
                found[digest] = {"accuracy": result.validation, "seconds": seconds}
                self._storage.remember(kind, digest, found[digest])
                of = f" ({done.epochs} of {self.epochs} epochs)" if done.until else ""
                text = f"accuracy {result.validation:.3f} after {result.seconds:.1f} s{of}"
            else:
                text = f"{type(result).__name__}: {result}"
                found[digest] = {"error": text}
            self._watch.advance(epochs, f"{digest[:8]} trained: {text}")
        return found

    def _file(self, digest: str) -> Path:
        return self._partial / f"{digest[:16]}.pt"


def run_tasks(
    executor: LocalExecutor, tasks: Sequence[Task], patience: Patience
) -> Iterator[tuple[Task, Trained | Exception]]:
    """Yields each task with its result as they end; a hung one is given up as `patience` says."""
    epochs = max((task.epochs for task in tasks), default=0)
    for i, result in executor.map(run_task, tasks, timeout=lambda: patience.allowed(epochs)):
        if isinstance(result, Trained):
            patience.heard(result.seconds, tasks[i].epochs)
        yield tasks[i], result
