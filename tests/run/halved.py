"""A halved search that is killed again and again. test_halving.py runs it, since it forks.

    python tests/run/halved.py FOLDER

FOLDER/straight is never interrupted, FOLDER/killed is. Standard output is JSON: where each life
ended, after how many trainings of its own.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from pocketnas.run.watch import Silent
from pocketnas.search.reward import soft
from pocketnas.search.searcher import RandomSearch
from pocketnas.study.study import Study, search
from pocketnas.tflite import write
from run import trials

TRIALS, BATCH = 8, 4
# The training of a life at which it ends: before it, after it (and before anyone knows its result),
# or when the result has been remembered.
KILLS = [(1, "told"), (2, "before"), (2, "after"), (1, "told"), (1, "after"), (3, "before")]
LEAST = 12  # lives after which only kills that let something new be remembered are left


class Dying(trials.Here):
    """Kills its process at a place."""

    def __init__(self, kill: tuple[int, str] | None) -> None:
        super().__init__()
        self._kill, self._count = kill, 0

    def at(self, place: str) -> None:
        if self._kill == (self._count, place):
            os.kill(os.getpid(), signal.SIGKILL)

    def map(
        self, function: Callable[[Any], Any], items: Any, **options: Any
    ) -> Iterator[tuple[int, Any]]:
        def mortal(item: Any) -> Any:
            self._count += 1
            self.at("before")
            result = function(item)
            self.at("after")
            return result

        for found in super().map(mortal, items, **options):
            yield found
            self.at("told")


def live(folder: Path, cache: Path, kill: tuple[int, str] | None) -> bool:
    """One life of the search in a process of its own; whether it was killed."""
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        if status not in (0, signal.SIGKILL):
            raise RuntimeError(f"the search failed before {kill}: status {status}")
        return status == signal.SIGKILL
    try:
        with closing(Study(folder / "study.db")) as study:
            evaluate = trials.evaluator(
                study, cache, folder=folder, executor=Dying(kill), watch=Silent(), halving=True
            )
            searcher = RandomSearch(trials.SPACE.decisions, seed=5)
            search(trials.SPACE, searcher, evaluate, soft(1.0), study, trials=TRIALS, batch=BATCH)
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        os._exit(1)


def _import_all() -> None:
    """What torch and LiteRT import at first use, once for all children."""
    write(trials.decoded((0,) * 4)[0].graph())
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1).step()


def main(folder: Path) -> None:
    signal.alarm(300)
    torch.set_num_threads(1)
    cache = trials.images(folder)
    _import_all()
    straight, killed = folder / "straight", folder / "killed"
    straight.mkdir()
    killed.mkdir()
    live(straight, cache, None)
    report = []
    for kill in cycle(KILLS):
        if not live(killed, cache, kill if len(report) < LEAST else (1, "told")):
            break
        report.append(kill)
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
