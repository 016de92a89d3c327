"""The evaluator: trainings first, then measurements; each figure once; failures stay alone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pocketnas.arch import Architecture
from pocketnas.devices import Latency
from pocketnas.errors import DeviceError, ModelError
from pocketnas.run.evaluate import Evaluator
from pocketnas.run.training import Task, Trained
from pocketnas.run.watch import Silent
from pocketnas.study.storage import Storage
from pocketnas.train.recipe import Recipe
from pocketnas.zoo import mobilenet_v2


def network(filters: int) -> Architecture:
    return mobilenet_v2(resolution=16, classes=2, width=0.25, head=filters)


class Log(list[str]):
    """What happened, in order."""


class Trainings:
    """An executor that finishes in reverse order and fails the networks it is told to."""

    def __init__(self, log: Log, failing: Sequence[str] = ()) -> None:
        self._log, self._failing = log, failing

    def map(self, _: Callable[[Any], Any], tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        for i in reversed(range(len(tasks))):
            digest = tasks[i].architecture.digest
            self._log.append(f"train {digest}")
            if digest in self._failing:
                yield i, ModelError("the training diverged")
            else:
                yield i, Trained(0.5 + i / 10, None, 1.0)


class Stopwatch:
    """A device that answers at once, and refuses once where it is told to."""

    name, reference_ms = "stopwatch", 1.0

    def __init__(self, log: Log, *, refuse: int = 0) -> None:
        self._log, self._refuse = log, refuse

    def measure(self, model: bytes) -> Latency:
        self._log.append(f"measure {len(model)}")
        if self._refuse:
            self._refuse -= 1
            raise DeviceError("the device is unplugged")
        return Latency(2.0, 1.9, 2.1, 2.0, 10, 100, 1, 2.2, 2.5, 0.1, 1.0, 1.1, "stopwatch")


def evaluator(storage: Storage, trainings: Trainings, device: Stopwatch) -> Evaluator:
    task = Task(network(8), Path("nowhere"), Recipe(), 0, "cpu")
    return Evaluator(storage, trainings, device, task, Silent())  # type: ignore[arg-type]


@pytest.fixture
def storage() -> Iterator[Storage]:
    found = Storage(":memory:")
    yield found
    found.close()


def test_measures_only_when_all_trainings_are_over(storage: Storage) -> None:
    log = Log()
    networks = [network(8), network(16), network(24)]
    outcomes = evaluator(storage, Trainings(log), Stopwatch(log))(networks)
    assert [line.split()[0] for line in log] == ["train"] * 3 + ["measure"] * 3
    assert [outcome.accuracy for outcome in outcomes] == [0.5, 0.6, 0.7]
    assert [outcome.latency for outcome in outcomes] == [2.0] * 3
    assert [o.details["digest"] for o in outcomes] == [n.digest for n in networks]
    assert outcomes[0].details["latency"]["raw_median"] == 2.2


def test_each_figure_is_made_once(storage: Storage) -> None:
    log = Log()
    first = evaluator(storage, Trainings(log), Stopwatch(log))([network(8), network(8)])
    assert len(log) == 2
    again = evaluator(storage, Trainings(log), Stopwatch(log))([network(8)])
    assert len(log) == 2
    assert again[0] == first[0] == first[1]


def test_a_failed_training_is_one_failed_trial(storage: Storage) -> None:
    log = Log()
    bad = network(16).digest
    outcomes = evaluator(storage, Trainings(log, [bad]), Stopwatch(log))([network(8), network(16)])
    assert outcomes[0].ok
    assert outcomes[1].error == "ModelError: the training diverged"
    assert outcomes[1].details["lines"][0] == "in_p16_c3"
    assert storage.recall("proxy", bad) is None  # a later run may try again


def test_a_failed_measurement_keeps_the_training(storage: Storage) -> None:
    log = Log()
    (outcome,) = evaluator(storage, Trainings(log), Stopwatch(log, refuse=1))([network(8)])
    assert outcome.error == "the device is unplugged"
    assert outcome.accuracy == 0.5
    (again,) = evaluator(storage, Trainings(log), Stopwatch(log))([network(8)])
    assert again.ok
    assert [line.split()[0] for line in log] == ["train", "measure", "measure"]
