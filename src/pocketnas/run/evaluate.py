"""Accuracy by proxy training, latency by measurement, both remembered by digest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.devices import Device
from pocketnas.errors import DeviceError
from pocketnas.graph.count import madds, parameters
from pocketnas.report.figures import plus_minus
from pocketnas.run.training import Task, Trained, run_task
from pocketnas.run.watch import Watch
from pocketnas.study.executor import LocalExecutor
from pocketnas.study.storage import Storage
from pocketnas.study.trial import Outcome
from pocketnas.tflite import write

MEASURING = 0.3
"""A measurement in units of a training epoch, for the estimate of the time left."""


class Evaluator:
    """Evaluates a batch: first all trainings, side by side; then, when the cores are idle again,
    one latency after the other.

    Args:
        storage: remembers each figure at once, so that a kill costs only what was under way.
        executor: runs the trainings.
        device: measures.
        task: what all proxy trainings share; the architecture is replaced.
        watch: hears of each figure.
    """

    def __init__(
        self,
        storage: Storage,
        executor: LocalExecutor,
        device: Device,
        task: Task,
        watch: Watch,
    ) -> None:
        self._storage = storage
        self._executor = executor
        self._device = device
        self._task = task
        self._watch = watch

    def __call__(self, architectures: Sequence[Architecture]) -> list[Outcome]:
        accuracies = self._accuracies({a.digest: a for a in architectures})
        return [self._outcome(a, accuracies[a.digest]) for a in architectures]

    def _accuracies(self, networks: dict[str, Architecture]) -> dict[str, dict[str, Any]]:
        found = {d: known for d in networks if (known := self._storage.recall("proxy", d))}
        for digest in found:
            self._watch.advance(self._task.recipe.epochs, f"{digest[:8]} was trained before")
        tasks = [
            replace(self._task, architecture=network)
            for digest, network in networks.items()
            if digest not in found
        ]
        for i, result in self._executor.map(run_task, tasks):
            digest = tasks[i].architecture.digest
            if isinstance(result, Trained):
                found[digest] = {"accuracy": result.validation, "seconds": result.seconds}
                self._storage.remember("proxy", digest, found[digest])
                text = f"accuracy {result.validation:.3f} after {result.seconds:.1f} s"
            else:
                text = f"{type(result).__name__}: {result}"
                found[digest] = {"error": text}
            self._watch.advance(self._task.recipe.epochs, f"{digest[:8]} trained: {text}")
        return found

    def _outcome(self, architecture: Architecture, trained: dict[str, Any]) -> Outcome:
        graph, digest = architecture.graph(), architecture.digest
        details: dict[str, Any] = {
            "digest": digest,
            "lines": to_lines(architecture),
            "madds": madds(graph),
            "parameters": parameters(graph),
        }
        if "error" in trained:
            self._watch.advance(MEASURING, f"{digest[:8]} is not measured")
            return Outcome(error=trained["error"], details=details)
        details["seconds"] = trained["seconds"]
        latency = self._storage.recall("latency", digest)
        if latency is None:
            try:
                latency = self._device.measure(write(graph)).to_dict()
            except DeviceError as error:
                self._watch.advance(MEASURING, f"{digest[:8]} cannot be measured: {error}")
                return Outcome(trained["accuracy"], None, str(error), details)
            self._storage.remember("latency", digest, latency)
        self._watch.advance(MEASURING, f"{digest[:8]} measured: {plus_minus(latency)}")
        return Outcome(
            trained["accuracy"], latency["milliseconds"], None, details | {"latency": latency}
        )
