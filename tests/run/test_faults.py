"""Trainings that go wrong in real worker processes: each one trial, never the study."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
import torch

from pocketnas.run import training
from pocketnas.run.training import Task, Trained
from pocketnas.search.reward import soft
from pocketnas.search.searcher import RandomSearch
from pocketnas.study.executor import LocalExecutor
from pocketnas.study.study import Study, search
from pocketnas.train.step import Step
from run import trials

HEALTHY, KILLED, DIVERGED, HUNGRY = trials.decoded(
    (0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0), (0, 1, 0, 0)
)


def sabotage(faults: dict[str, str], marks: Path) -> None:
    """Prepares a worker in which some networks go wrong."""
    torch.set_num_threads(1)
    train = training.run_task

    def run_task(task: Task) -> Trained:
        fault = faults.get(task.architecture.digest, "")
        mark = marks / (fault or "none")
        with mark.open("a") as file:
            file.write(".")
        if fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "hungry" and mark.read_text() == ".":
            raise MemoryError("as much as there is")
        if fault == "diverged":
            whole = Step.__call__
            Step.__call__ = lambda self, x, labels: whole(self, x, labels) * float("nan")  # type: ignore[method-assign]
            try:
                return train(task)
            finally:
                Step.__call__ = whole  # type: ignore[method-assign]
        return train(task)

    training.run_task = run_task


FAULTS = {
    KILLED.digest: "killed",
    DIVERGED.digest: "diverged",
    HUNGRY.digest: "hungry",
}


def test_each_fault_is_one_failed_trial(cache: Path, tmp_path: Path) -> None:
    with closing(LocalExecutor(2, sabotage, (FAULTS, tmp_path))) as executor:
        outcomes = trials.evaluator(Study(), cache, executor=executor)(
            [KILLED, DIVERGED, HEALTHY, HUNGRY]
        )
    assert [outcome.error for outcome in outcomes] == [
        "WorkerError: the worker process died; it may have run out of memory, twice",
        "ModelError: the training diverged in epoch 1: its loss is nan",
        None,
        None,
    ]
    alone = trials.evaluator(Study(), cache)([HEALTHY, HUNGRY])
    assert [outcomes[2].accuracy, outcomes[3].accuracy] == [o.accuracy for o in alone]
    assert {mark.name: mark.stat().st_size for mark in tmp_path.iterdir()} == {
        "none": 1,
        "killed": 2,
        "diverged": 1,
        "hungry": 2,
    }


@pytest.mark.parametrize("refuse", [1, 10**6])
def test_a_study_outlives_its_device(cache: Path, refuse: int) -> None:
    study = Study()
    evaluate = trials.evaluator(study, cache, device=trials.Stopwatch(refuse=refuse))
    searcher = RandomSearch(trials.SPACE.decisions, seed=1)
    heard: list[int] = []
    search(
        trials.SPACE,
        searcher,
        evaluate,
        soft(1.0),
        study,
        trials=4,
        batch=2,
        watch=lambda study: heard.append(len(study.trials)),
    )
    assert heard == [2, 4]
    failed = [trial for trial in study.trials if trial.outcome.error == "the device is unplugged"]
    assert len(failed) == (0 if refuse == 1 else 4)
