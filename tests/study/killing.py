"""A search that is killed and resumed, again and again. test_kill.py runs it, since it forks.

    python tests/study/killing.py FOLDER

FOLDER/straight.sqlite is never interrupted, FOLDER/killed.sqlite is. Standard output is JSON: for
each kill what it was and how many trials were recorded by then.
"""

import hashlib
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pocketnas.arch import Architecture
from pocketnas.errors import StudyError
from pocketnas.graph import madds
from pocketnas.search.ppo import PPO, PPOConfig
from pocketnas.search.reward import soft
from pocketnas.spaces import Skeleton, mnasnet_space
from pocketnas.study import storage as storage_module
from pocketnas.study.study import Study, search
from pocketnas.study.trial import Trial, each

BATCH = 3
TRIALS = 44 * BATCH - 1
ALLOWED_S = 600
SPACE = mnasnet_space(
    Skeleton(28, 10, 1, strides=(2, 1, 2, 2), filters=(16, 24, 32), layers=(1, 2, 3))
)

# What SQLite is about to do, after what, and how often before: there the process kills itself.
CREATING = [
    ("", "PRAGMA application_id", 1),
    ("BEGIN", "CREATE TABLE meta", 1),
    ("CREATE TABLE searchers", "CREATE TABLE evaluations", 1),
    ("PRAGMA user_version = ", "COMMIT", 1),
    ("COMMIT", "PRAGMA journal_mode", 1),
    ("SELECT value FROM meta", "BEGIN", 1),  # recording the space
    ("REPLACE INTO meta", "COMMIT", 1),
]
RECORDING = [
    ("SELECT value FROM evaluations", "BEGIN", 5),
    ("BEGIN", "REPLACE INTO evaluations", 5),
    ("REPLACE INTO evaluations", "COMMIT", 5),
    ("COMMIT", "SELECT value FROM evaluations", 6),
    ("COMMIT", "BEGIN", 2),  # the second batch
    ("BEGIN", "INSERT INTO trials", 2),
    ("INSERT INTO trials", "INSERT INTO trials", 3),
    ("INSERT INTO trials", "REPLACE INTO searchers", 2),
    ("REPLACE INTO searchers", "COMMIT", 2),
]
COMMITTING = ("REPLACE INTO searchers", "COMMIT", 2)


@dataclass(frozen=True)
class Kill:
    """`batches` to wait for and then seconds; or seconds after `place`; or exactly at `place`."""

    what: str
    place: tuple[str, str, int] | None = None
    batches: int = 0
    after_s: float | None = None


def kills(draw: random.Random, batch_s: float) -> list[Kill]:
    """All kills of the study's life, in order."""
    lives = [Kill("exact", place) for place in RECORDING]
    lives += [Kill("commit", COMMITTING, after_s=draw.uniform(0, 0.02)) for _ in range(6)]
    lives += [Kill("random", batches=i % 2, after_s=draw.uniform(0, batch_s)) for i in range(16)]
    draw.shuffle(lives)
    return [Kill("exact", place) for place in CREATING] + lives


def evaluator(study: Study) -> Callable[[Any], Any]:
    """Figures that depend on the architecture alone, remembered as a real evaluator does it."""

    def one(architecture: Architecture) -> tuple[float, float]:
        digest = architecture.digest
        known = study.storage.recall("figures", digest)
        if known is None:
            time.sleep(0.002)
            luck = int.from_bytes(hashlib.sha256(digest.encode()).digest()[:4]) / 2**32
            known = [0.5 + luck / 2, madds(architecture.graph()) / 1e7]
            study.storage.remember("figures", digest, known)
        if known[0] < 0.55:
            raise ValueError(f"{digest[:8]} has no luck")
        return known[0], known[1]

    return each(one)


def ppo() -> PPO:
    return PPO(SPACE.decisions, seed=7, config=PPOConfig(learning_rate=0.01, epochs=1))


def live(path: Path, watch: Callable[[Study], None]) -> None:
    """One process's part of the search."""
    with closing(Study(path)) as study:
        evaluate = evaluator(study)
        search(SPACE, ppo(), evaluate, soft(30), study, trials=TRIALS, batch=BATCH, watch=watch)


def life(path: Path, kill: Kill | None, pipe: int) -> None:
    """`live`, dying at the kill's place or telling the parent of it; a dot for each batch."""
    if kill and kill.place:
        previous, statement, occurrence = kill.place
        connect = storage_module._connect
        before, count = "", 0

        def trace(sql: str) -> None:
            nonlocal before, count
            sql = sql.strip()
            if before.startswith(previous) and sql.startswith(statement):
                count += 1
                if count == occurrence and kill.after_s is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                elif count == occurrence:
                    os.write(pipe, b"!")
            before = sql

        def traced(path: str, **options: Any) -> sqlite3.Connection:
            db = connect(path, **options)
            db.set_trace_callback(trace)
            return db

        storage_module._connect = traced
    live(path, lambda study: os.write(pipe, b".") and None)


@contextmanager
def forked(function: Callable[[int], None]) -> Iterator[tuple[int, int]]:
    """A child process that runs `function` on a pipe's end; gives its id and our end."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            function(theirs)
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
    os.close(theirs)
    yield child, ours
    os.close(ours)


def killed(path: Path, kill: Kill) -> bool:
    """Lets the search live until `kill`; False if it had finished by then."""
    with forked(lambda pipe: life(path, kill, pipe)) as (child, pipe):
        if kill.after_s is not None:
            awaited = b"!" if kill.place else b"."
            for _ in range(1 if kill.place else kill.batches):
                while os.read(pipe, 1) not in (awaited, b""):
                    pass
            time.sleep(kill.after_s)
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    if status not in (0, signal.SIGKILL):
        raise RuntimeError(f"the search failed before {kill}: status {status}")
    return status == signal.SIGKILL


def unharmed(path: Path) -> None:
    """Lets the search live until it has finished."""
    with forked(lambda pipe: life(path, None, pipe)) as (child, pipe):
        while os.read(pipe, 100):
            pass
        if status := os.waitpid(child, 0)[1]:
            raise RuntimeError(f"the search failed: status {status}")


def recorded(path: Path) -> list[Trial]:
    """The trials so far, as anyone can read them beside a dead process's files."""
    try:
        with closing(Study(path, read_only=True)) as study:
            return study.trials
    except StudyError:
        return []  # not yet created


def main(folder: Path) -> None:
    signal.alarm(ALLOWED_S)
    torch.set_num_threads(1)
    ppo()  # imports all that torch needs, once for all children
    straight, path = folder / "straight.sqlite", folder / "killed.sqlite"
    begun = time.perf_counter()
    unharmed(straight)
    batch_s = (time.perf_counter() - begun) / (TRIALS / BATCH)
    expected = recorded(straight)
    report = []
    for kill in kills(random.Random(), batch_s):
        if not killed(path, kill):
            break
        found = recorded(path)
        if found != expected[: len(found)] or len(found) % BATCH:
            raise RuntimeError(f"after {kill} the study holds {found[-BATCH:]}")
        report.append([kill.what, kill.place, len(found)])
    unharmed(path)
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
