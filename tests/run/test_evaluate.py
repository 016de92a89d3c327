"""The evaluator: measurements first, then the trainings worth making; failures stay alone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pocketnas.arch import Architecture
from pocketnas.errors import DeviceError, ModelError
from pocketnas.graph.graph import Graph
from pocketnas.run.evaluate import Evaluator, once_more
from pocketnas.run.patience import Patience
from pocketnas.run.training import Task, Trained
from pocketnas.search.reward import hard
from pocketnas.study.executor import WorkerError
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial
from pocketnas.tflite import write
from pocketnas.zoo import mobilenet_v2
from run import trials


def network(filters: int) -> Architecture:
    return mobilenet_v2(resolution=16, classes=2, width=0.25, head=filters)


class Log(list[str]):
    """What happened, in order."""


class Trainings:
    """An executor that finishes in reverse order and fails the networks it is told to."""

    def __init__(self, log: Log, failing: dict[str, Exception] | None = None) -> None:
        self._log, self._failing = log, failing or {}
        self.allowed: list[float] = []

    def map(
        self, _: Callable[[Any], Any], tasks: Sequence[Task], *, timeout: Callable[[], float]
    ) -> Iterator[tuple[int, Any]]:
        for i in reversed(range(len(tasks))):
            digest = tasks[i].architecture.digest
            self._log.append(f"train {digest}")
            self.allowed.append(timeout())
            yield i, self._failing.get(digest) or Trained(0.5 + i / 10, None, 60.0)


class Stopwatch(trials.Stopwatch):
    def __init__(self, log: Log, *, refuse: int = 0) -> None:
        super().__init__(refuse=refuse)
        self._log = log

    def measure(self, model: bytes) -> Any:
        self._log.append(f"measure {len(model)}")
        return super().measure(model)


class Widths:
    """The number of operators as a cost; refuses the first few times."""

    def __init__(self, *, refuse: int = 0) -> None:
        self._refuse = refuse

    def of(self, architecture: Architecture, graph: Graph) -> dict[str, float]:
        if self._refuse:
            self._refuse -= 1
            raise DeviceError("the second device is unplugged")
        return {"operators": float(len(graph.nodes))}


def evaluator(
    study: Study, trainings: Trainings, device: trials.Stopwatch, **options: Any
) -> Evaluator:
    return trials.evaluator(
        study, Path("nowhere/images"), executor=trainings, device=device, **options
    )


def test_measures_all_before_it_trains_any() -> None:
    log = Log()
    networks = [network(8), network(16), network(24)]
    outcomes = evaluator(Study(), Trainings(log), Stopwatch(log))(networks)
    assert [line.split()[0] for line in log] == ["measure"] * 3 + ["train"] * 3
    assert [outcome.accuracy for outcome in outcomes] == [0.5, 0.6, 0.7]
    assert [o.details["digest"] for o in outcomes] == [n.digest for n in networks]
    assert outcomes[0].latency == outcomes[0].details["latency"]["raw_median"]
    assert not any(outcome.estimated for outcome in outcomes)


def test_each_figure_is_made_once() -> None:
    log, study = Log(), Study()
    first = evaluator(study, Trainings(log), Stopwatch(log))([network(8), network(8)])
    assert len(log) == 2
    again = evaluator(study, Trainings(log), Stopwatch(log))([network(8)])
    assert len(log) == 2
    assert again[0] == first[0] == first[1]


@pytest.mark.parametrize(
    "error",
    [
        ModelError("the training diverged in epoch 1: its loss is nan"),
        WorkerError("hung: no result after 60 s, twice"),
        MemoryError("as much as there is"),
    ],
)
def test_a_failed_training_is_one_failed_trial(error: Exception) -> None:
    log, study, bad = Log(), Study(), network(16).digest
    trainings = Trainings(log, {bad: error})
    outcomes = evaluator(study, trainings, Stopwatch(log))([network(8), network(16)])
    assert outcomes[0].ok
    assert outcomes[1].error == f"{type(error).__name__}: {error}"
    assert outcomes[1].details["lines"][0] == "in_p16_c3"
    assert study.storage.recall("proxy", bad) is None  # a later run may try again


def test_a_failed_training_takes_no_other_along_when_halved() -> None:
    log, bad = Log(), network(16).digest
    trainings = Trainings(log, {bad: ModelError("the training diverged")})
    networks = [network(8), network(16), network(24)]
    outcomes = evaluator(Study(), trainings, Stopwatch(log), halving=True)(networks)
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert sorted(outcome.estimated for outcome in outcomes if outcome.ok) == [False, True]
    assert outcomes[1].error == "ModelError: the training diverged"


def test_a_device_may_stumble_once() -> None:
    log = Log()
    device = Stopwatch(log, refuse=1)
    (outcome,) = evaluator(Study(), Trainings(log), device)([network(8)])
    assert outcome.ok
    assert [line.split()[0] for line in log] == ["measure", "measure", "train"]


def test_what_cannot_be_measured_is_not_trained() -> None:
    log, study = Log(), Study()
    outcomes = evaluator(study, Trainings(log), Stopwatch(log, refuse=2))([network(8), network(16)])
    assert [outcome.error for outcome in outcomes] == ["the device is unplugged", None]
    assert outcomes[0].accuracy is None
    assert sum(line.startswith("train") for line in log) == 1
    (again,) = evaluator(study, Trainings(log), Stopwatch(log))([network(8)])
    assert again.ok


def test_costs_belong_to_the_outcome_and_may_stumble_once_too() -> None:
    log = Log()
    run = evaluator(Study(), Trainings(log), Stopwatch(log), costs=Widths(refuse=1))
    (outcome,) = run([network(8)])
    assert outcome.costs == {"operators": len(network(8).graph().nodes)}
    run = evaluator(Study(), Trainings(log), Stopwatch(log), costs=Widths(refuse=2))
    (outcome,) = run([network(8)])
    assert outcome.error == "the second device is unplugged"


def recorded(reward: float, *accuracies: float) -> Study:
    """A study of trials of these accuracies, the first of them with the reward."""
    study = Study()
    study.trials = [
        Trial(n, "search", (n,), Outcome(accuracy, 1.0), reward if n == 0 else 0.0)
        for n, accuracy in enumerate(accuracies)
    ]
    return study


def test_what_cannot_become_the_best_is_not_trained() -> None:
    log, study = Log(), recorded(0.8, 0.8, 0.6)
    small, large = network(8), network(800)
    device = trials.Stopwatch()
    (fast, slow) = (len_of(device, net) for net in (small, large))
    target = fast
    run = evaluator(
        study,
        Trainings(log),
        device,
        spare_hopeless=True,
        value=lambda o: hard(target)(o.accuracy or 0.0, o.latency or 0.0),
    )
    assert hard(target)(1.0, slow) < 0.8 < hard(target)(1.0, fast)
    outcomes = run([small, large])
    assert [outcome.estimated for outcome in outcomes] == [False, True]
    assert outcomes[1].accuracy == pytest.approx(0.7)
    assert outcomes[1].details["hopeless"]["at_most"] == pytest.approx(target / slow)
    assert log == [f"train {small.digest}"]


def len_of(device: trials.Stopwatch, architecture: Architecture) -> float:
    return float(device.measure(write(architecture.graph())).milliseconds)


def test_nothing_is_hopeless_while_nothing_is_known_or_when_it_is_known_better() -> None:
    log = Log()
    options: dict[str, Any] = {"spare_hopeless": True, "value": lambda o: 0.0}
    (first,) = evaluator(Study(), Trainings(log), Stopwatch(log), **options)([network(8)])
    assert not first.estimated
    study = recorded(0.8, 0.8)
    study.storage.remember("proxy", network(8).digest, {"accuracy": 0.9, "seconds": 1.0})
    known, new = evaluator(study, Trainings(log), Stopwatch(log), **options)(
        [network(8), network(16)]
    )
    assert (known.accuracy, known.estimated) == (0.9, False)
    assert new.estimated


def test_patience_grows_with_the_trainings() -> None:
    log, patience = Log(), Patience()
    trainings = Trainings(log)
    run = evaluator(Study(), trainings, Stopwatch(log), patience=patience)
    run([network(8), network(16)])
    assert trainings.allowed == [3 * 3600.0, 600.0]  # 60 s for 3 epochs, ten times that
    patience.heard(0.5, 1)
    assert patience.allowed(3) == 600.0
    assert patience.allowed(8) == 1600.0
    assert Patience().allowed(1) == 3600.0
    quick = Patience()
    quick.heard(1.0, 3)
    assert quick.allowed(3) == 300.0


def test_once_more_is_once() -> None:
    device = trials.Stopwatch(refuse=3)
    with pytest.raises(DeviceError):
        once_more(lambda: device.measure(b""))
    assert device.measured == 2
    once_more(lambda: device.measure(b""))
    assert device.measured == 4


def test_a_nan_is_no_failure_of_the_ranking() -> None:
    """A reward that is no number ranks last; the trial itself is judged by the study."""
    log = Log()
    small, large = network(8), network(16)
    limit = len_of(trials.Stopwatch(), small)

    def value(outcome: Outcome) -> float:
        return float("nan") if (outcome.latency or 0.0) > limit else outcome.accuracy or 0.0

    run = evaluator(Study(), Trainings(log), Stopwatch(log), halving=True, value=value)
    outcomes = run([large, small])
    assert [outcome.estimated for outcome in outcomes] == [True, False]
