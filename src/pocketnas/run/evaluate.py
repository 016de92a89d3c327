"""What a batch of networks costs and is worth: latency first, then the trainings worth making."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from statistics import fmean
from typing import Any, Protocol, TypeVar

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.devices import Device
from pocketnas.devices.fleet import Fleet
from pocketnas.errors import DeviceError
from pocketnas.graph.count import madds, parameters
from pocketnas.graph.graph import Graph
from pocketnas.latency.lookup import Predict
from pocketnas.report.figures import percent, plus_minus
from pocketnas.run.halving import Expectation, better_half, completed, first_part
from pocketnas.run.proxy import Networks, Proxies
from pocketnas.run.tabled import predicted
from pocketnas.run.watch import Watch
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome
from pocketnas.tflite import write

T = TypeVar("T")

MEASURING = 0.3
"""A measurement in units of a training epoch, for the estimate of the time left."""

Value = Callable[[Outcome], float]
"""The reward of an outcome with an accuracy and a latency."""

Outcomes = dict[str, Outcome]
"""By digest."""


class Costed(Protocol):
    """Further figures of a network, by name: `pocketnas.run.costs.Costs`."""

    def of(self, architecture: Architecture, graph: Graph) -> dict[str, float]:
        """The costs that limits are set for.

        Raises:
            DeviceError: one cannot be measured.
        """
        ...


class Evaluator:
    """Evaluates a batch: first, while the cores are idle, one latency after the other; then all
    trainings, side by side. What cannot be measured is not trained.

    Args:
        study: remembers each figure at once, and knows what earlier trials came to.
        device: measures.
        proxies: trains.
        watch: hears of each figure.
        value: the reward, to tell early what is not worth a training.
        costs: further figures that limits are set for.
        halving: stop the worse half of each batch early; its accuracies are estimated.
        spare_hopeless: do not train what would not be the best even if it were always right. Its
            accuracy is put down as the mean so far, so that a searcher is told of its latency: to
            say that it failed would be wrong, and to say that it is bad would be a guess.
        predict: the latency by a table, instead of the device's.
        int8: measure full-integer networks.
    """

    def __init__(
        self,
        study: Study,
        device: Device,
        proxies: Proxies,
        watch: Watch,
        *,
        value: Value,
        costs: Costed | None = None,
        halving: bool = False,
        spare_hopeless: bool = False,
        predict: Predict | None = None,
        int8: bool = False,
    ) -> None:
        self._study = study
        self._device = device
        self._proxies = proxies
        self._watch = watch
        self._value = value
        self._costs = costs
        self._halving = halving
        self._spare_hopeless = spare_hopeless
        self._predict = predict
        self._int8 = int8

    def __call__(self, architectures: Sequence[Architecture]) -> list[Outcome]:
        networks = {a.digest: a for a in architectures}
        self._measure_at_once(networks)
        found = {digest: self._measured(network) for digest, network in networks.items()}
        fit = {d: network for d, network in networks.items() if found[d].error is None}
        for digest in found.keys() - fit.keys():
            self._watch.advance(self._proxies.epochs, f"{digest[:8]} is not trained")
        hopeless = self._hopeless(fit, found) if self._spare_hopeless else {}
        worthwhile = {d: network for d, network in fit.items() if d not in hopeless}
        until = first_part(self._proxies.epochs)
        if self._halving and until < self._proxies.epochs:
            trained = self._halved(worthwhile, found, until)
        else:
            figures = self._proxies.whole(worthwhile)
            trained = {d: _completed(found[d], figures[d]) for d in worthwhile}
        self._proxies.clear(networks)
        found |= hopeless | trained
        return [found[architecture.digest] for architecture in architectures]

    def _measure_at_once(self, networks: Networks) -> None:
        """Several devices measure several networks; each latency is remembered when it is known.

        What fails is left to `_measured`, which asks once more.
        """
        if self._predict is not None or not isinstance(self._device, Fleet):
            return
        storage = self._study.storage
        models = {
            digest: write(network.graph(), quantize=self._int8)
            for digest, network in networks.items()
            if storage.recall("latency", digest) is None
        }
        for digest, answer in self._device.answers(models):
            if isinstance(answer, DeviceError):
                self._watch.note(f"{digest[:8]} is measured once more: {answer}")
            else:
                storage.remember("latency", digest, answer.to_dict())

    def _measured(self, architecture: Architecture) -> Outcome:
        """All but the accuracy. A device may stumble once."""
        graph, digest = architecture.graph(), architecture.digest
        details: dict[str, Any] = {
            "digest": digest,
            "lines": to_lines(architecture),
            "madds": madds(graph),
            "parameters": parameters(graph),
        }
        try:
            latency = once_more(lambda: self._latency(architecture, graph))
            costs = once_more(lambda: self._costs.of(architecture, graph) if self._costs else {})
        except DeviceError as error:
            self._watch.advance(MEASURING, f"{digest[:8]} cannot be measured: {error}")
            return Outcome(error=str(error), details=details)
        how = "measured" if self._predict is None else "by the table"
        self._watch.advance(MEASURING, f"{digest[:8]} {how}: {plus_minus(latency)}")
        details["latency"] = latency
        return Outcome(None, latency["milliseconds"], details=details, costs=costs)

    def _latency(self, architecture: Architecture, graph: Graph) -> dict[str, Any]:
        if self._predict is not None:
            return predicted(self._predict, architecture)
        digest = architecture.digest
        known: dict[str, Any] | None = self._study.storage.recall("latency", digest)
        if known is None:
            known = self._device.measure(write(graph, quantize=self._int8)).to_dict()
            self._study.storage.remember("latency", digest, known)
        return known

    def _hopeless(self, networks: Networks, found: Outcomes) -> Outcomes:
        """Those that would not beat the best so far even with an accuracy of 1."""
        best, mean = self._study.best, _mean_accuracy(self._study)
        if best is None or best.reward is None or mean is None:
            return {}
        spared: Outcomes = {}
        for digest in networks:
            most = self._value(replace(found[digest], accuracy=1.0))
            if most <= best.reward and not self._study.storage.recall("proxy", digest):
                details = {**found[digest].details, "hopeless": {"at_most": most}}
                spared[digest] = replace(
                    found[digest], accuracy=mean, estimated=True, details=details
                )
                self._watch.advance(
                    self._proxies.epochs,
                    f"{digest[:8]} is not trained: its reward would be {most:.4f} at most",
                )
        return spared

    def _halved(self, networks: Networks, found: Outcomes, until: int) -> Outcomes:
        """The better half of the networks trained to the end, the others as far as they got."""
        known = {d: network for d, network in networks.items() if self._proxies.known(d)}
        others = {d: network for d, network in networks.items() if d not in known}
        early = self._proxies.parts(others, until)
        begun = {d: early[d] for d in others if "error" not in early[d]}
        expected = Expectation.of(completed(self._study))
        chosen = better_half(
            {d: self._rank(found[d], expected(part["accuracy"])) for d, part in begun.items()}
        )
        chosen |= {d for d in begun if self._study.storage.recall("proxy", d)}
        rest = self._proxies.rest({d: others[d] for d in begun if d in chosen}, until)
        ended = {d: figures for d, figures in rest.items() if "error" not in figures}
        pairs = [(begun[d]["accuracy"], figures["accuracy"]) for d, figures in ended.items()]
        expected = Expectation.of(completed(self._study) + pairs)
        figures = self._proxies.whole(known) | early | rest
        outcomes = {d: _completed(found[d], figures[d]) for d in networks if d not in begun}
        for digest, part in begun.items():
            reached = {"epochs": until, "of": self._proxies.epochs, "accuracy": part["accuracy"]}
            if digest in chosen:
                outcomes[digest] = _completed(found[digest], rest[digest], early=reached)
                continue
            accuracy = expected(part["accuracy"])
            estimated = replace(found[digest], estimated=True)
            outcomes[digest] = _completed(estimated, part | {"accuracy": accuracy}, stopped=reached)
            self._watch.advance(
                self._proxies.epochs - until,
                f"{digest[:8]} stopped: it would have come to about {percent(accuracy)}",
            )
        return outcomes

    def _rank(self, outcome: Outcome, accuracy: float) -> float:
        value = self._value(replace(outcome, accuracy=accuracy))
        return value if isfinite(value) else float("-inf")


def once_more(measure: Callable[[], T]) -> T:
    """What `measure` returns, also if its device fails the first time.

    Raises:
        DeviceError: it fails twice.
    """
    try:
        return measure()
    except DeviceError:
        return measure()


def _completed(outcome: Outcome, figures: dict[str, Any], **details: Any) -> Outcome:
    """The outcome with what its training gave."""
    if "error" in figures:
        return replace(outcome, error=figures["error"])
    known = {**outcome.details, "seconds": figures["seconds"], **details}
    return replace(outcome, accuracy=figures["accuracy"], details=known)


def _mean_accuracy(study: Study) -> float | None:
    accuracies = [
        trial.outcome.accuracy
        for trial in study.trials
        if trial.outcome.ok and not trial.outcome.estimated and trial.outcome.accuracy is not None
    ]
    return fmean(accuracies) if accuracies else None
