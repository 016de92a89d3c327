"""Networks of the small MnasNet space, and a device whose every operator has a price of its own."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from pocketnas.arch.architecture import Architecture
from pocketnas.devices import Latency
from pocketnas.errors import DeviceError
from pocketnas.graph.graph import Graph
from pocketnas.latency.operators import Operator, operators
from pocketnas.run.calibrating import draw
from pocketnas.run.sizing import sized

START = 0.002


@cache
def networks(n: int, seed: int = 0) -> tuple[Architecture, ...]:
    space = sized("mnasnet", resolution=28, classes=10, channels=1).space
    return tuple(draw(space, n, seed))


def graphs(n: int, seed: int = 0) -> list[Graph]:
    return [network.graph() for network in networks(n, seed)]


def alone_ms(operator: Operator) -> float:
    """A rate by family, and up to a fifth more or less of an operator's own."""
    digest = hashlib.sha256(str(operator).encode()).digest()
    rate = 1 + hashlib.sha256(operator.family.encode()).digest()[0] / 128
    return START + rate * (operator.madds + operator.maps) * 1e-6 * (0.8 + 0.4 * digest[0] / 255)


def whole_ms(found: list[Operator]) -> float:
    """Within a network depthwise convolutions take 1.5 times as long, all others 1.2 times."""
    times = [1.5 if each.kind == "depthwise" else 1.2 for each in found]
    return START + sum(
        times * (alone_ms(each) - START) for each, times in zip(found, times, strict=True)
    )


def of_graph(graph: Graph) -> list[Operator]:
    return [operator for _, operator in operators(graph)]


def latency(milliseconds: float) -> Latency:
    spread = 0.01 * milliseconds
    return Latency(
        milliseconds=milliseconds,
        low=milliseconds - spread,
        high=milliseconds + spread,
        ratio=milliseconds,
        pairs=10,
        runs=100,
        threads=1,
        raw_median=milliseconds,
        raw_p90=milliseconds,
        raw_spread=0.1,
        reference_ms=1.0,
        reference_raw_median=1.0,
        device="made up",
    )


@dataclass
class MadeUp:
    """Answers `compare` by what `time` says of a model's bytes; refuses the models in `bad`."""

    time: Callable[[bytes], float]
    bad: set[bytes] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def compare(self, models: Mapping[str, bytes], **settings: object) -> dict[str, Latency]:
        self.asked += models
        for name, model in models.items():
            if model in self.bad:
                raise DeviceError(f"made up: {name} is refused")
        return {name: latency(self.time(model)) for name, model in models.items()}
