"""A study and a summary without training or measuring: reproducible numbers of the right shape."""

import random
from collections.abc import Callable
from dataclasses import replace
from math import log
from typing import Any

import pytest

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import from_lines, to_lines
from pocketnas.arch.scaling import MOBILE_STRIDES, fit_strides
from pocketnas.graph.count import madds, parameters
from pocketnas.report.summary import Row, Summary
from pocketnas.search.reward import soft
from pocketnas.search.searcher import RandomSearch
from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial
from pocketnas.zoo import mnasnet_a1, mobilenet_v2

TARGET = 0.35
STRIDES = fit_strides(MOBILE_STRIDES, 28)
SMALL: dict[str, Any] = {
    "resolution": 28,
    "classes": 10,
    "channels": 1,
    "width": 0.5,
    "strides": STRIDES,
}
DEVICE = "Intel(R) Xeon(R) CPU @ 2.20GHz"


def latency(milliseconds: float, sure: float = 0.006) -> dict[str, Any]:
    return {
        "milliseconds": milliseconds,
        "low": milliseconds * (1 - sure),
        "high": milliseconds * (1 + sure),
        "ratio": milliseconds / 0.431,
        "pairs": 184,
        "runs": 3112,
        "threads": 1,
        "raw_median": milliseconds * 1.14,
        "raw_p90": milliseconds * 1.38,
        "raw_spread": 0.31,
        "reference_ms": 0.431,
        "reference_raw_median": 0.431 * 1.14,
        "device": f"host ({DEVICE})",
    }


def row(name: str, architecture: Architecture, accuracy: float, milliseconds: float) -> Row:
    graph = architecture.graph()
    return Row(
        name=name,
        accuracy=accuracy,
        validation=accuracy - 0.002,
        latency=latency(milliseconds),
        madds=madds(graph),
        parameters=parameters(graph),
        size_bytes=4 * parameters(graph) + 9000,
        digest=architecture.digest,
        lines=tuple(to_lines(architecture)),
    )


@pytest.fixture(scope="session")
def study() -> Study:
    """40 trials by the search, which gets better, and 20 by the control; every tenth fails."""
    space = mnasnet_space(Skeleton(head=64, **SMALL))
    searcher = RandomSearch(space.decisions, seed=1)
    found = Study(":memory:")
    for arm, trials, learned in (("search", 40, 0.03), ("random", 20, 0.0)):
        draw = random.Random(arm)
        batch = []
        for i, genotype in enumerate(searcher.ask(trials)):
            number = len(found.trials) + i
            architecture = space.decode(genotype)
            graph = architecture.graph()
            if i % 10 == 9:
                error = "DeviceError: hung <b>here</b> & there"
                batch.append(Trial(number, arm, genotype, Outcome(error=error), None))
                continue
            milliseconds = 0.05 + madds(graph) / 1.2e7 * draw.uniform(0.8, 1.2)
            accuracy = 0.93 + 0.008 * log(madds(graph) / 3e6) + draw.gauss(0, 0.006)
            accuracy = 0.11 if i == 5 else accuracy + learned * i / trials
            details = {
                "digest": architecture.digest,
                "lines": to_lines(architecture),
                "madds": madds(graph),
                "parameters": parameters(graph),
                "latency": latency(milliseconds),
            }
            outcome = Outcome(accuracy, milliseconds, None, details)
            reward = soft(TARGET)(accuracy, milliseconds)
            batch.append(Trial(number, arm, genotype, outcome, reward))
        found.record(batch, arm, searcher)
        searcher = RandomSearch(space.decisions, seed=2)
    return found


@pytest.fixture(scope="session")
def summary(study: Study) -> Summary:
    assert study.best is not None
    best = from_lines(study.best.outcome.details["lines"])
    return Summary(
        rows=(
            row("Found", best, 0.973, 0.312),
            row("MobileNetV2", mobilenet_v2(**SMALL), 0.951, 0.405),
            row("MnasNet-A1", mnasnet_a1(**SMALL), 0.976, 0.377),
        ),
        finalists=(row("Finalist 2", best, 0.968, 0.301),),
        check={
            "images": 1000,
            "largest_difference": 3.1e-6,
            "agreement": 1.0,
            "accuracy": 0.973,
        },
        target_ms=TARGET,
        reference_ms=0.431,
        trials={"search": 40, "random": 20},
        failed=6,
        seconds=5231.0,
        data={
            "name": "mnist5k",
            "classes": [str(i) for i in range(10)],
            "images": 5000,
            "train": 3500,
            "validation": 500,
            "test": 1000,
            "skipped": ["a/b.jpg: empty file"],
            "resolution": 28,
            "channels": 1,
        },
        config={"seed": 17, "recipe": {"optimizer": "rmsprop", "rates": [0.016, 0.001]}},
        device={
            "cpu": DEVICE,
            "cores": 2,
            "affinity": [1],
            "governor": None,
            "threads": 1,
            "litert": "2.3.0",
            "xnnpack_partitions": 1,
            "window_s": 0.005,
        },
        versions={"pocketnas": "0.1.0", "torch": "2.13.0"},
    )


@pytest.fixture
def changed(summary: Summary) -> Callable[..., Summary]:
    """The summary with other values."""
    return lambda **values: replace(summary, **values)


@pytest.fixture(scope="session")
def failed() -> Study:
    """A study of which every trial failed."""
    space = mnasnet_space()
    searcher = RandomSearch(space.decisions)
    found = Study(":memory:")
    outcome = Outcome(error="DeviceError: <i>no device</i>")
    trials = [Trial(i, "search", g, outcome, None) for i, g in enumerate(searcher.ask(5))]
    found.record(trials, "search", searcher)
    return found
