"""A latency table for a space on a device: measured, made, checked on networks it has not seen."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from time import monotonic
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.devices.device import Device, Watch
from pocketnas.errors import ArchitectureError, SettingError, SpaceError
from pocketnas.graph.graph import Graph
from pocketnas.latency.calibrate import NETWORK_S, tabulate, time_networks, time_operators
from pocketnas.latency.check import Measured, check
from pocketnas.latency.fit import FEWEST
from pocketnas.latency.operators import Operator
from pocketnas.latency.table import LatencyTable
from pocketnas.run.device import HOST, open_device
from pocketnas.run.plan import REFERENCE
from pocketnas.run.sizing import sized
from pocketnas.spaces.space import Space
from pocketnas.tflite import write

NETWORKS = 100  # measured as a whole
_SAMPLED = 3  # times as many networks are looked at for operators
_CHECKED = 0.3  # as many further networks are measured, to say how far the table is off
_SHORTEST_S = 0.05  # of a measurement
_ALONE = 0.45  # share of the time for operators
_SHORT = 64  # pixels; larger references are too slow to take turns with operators
_ATTEMPTS = 20  # draws a network; the rest of a space may be impossible to build
_LEAST = 2 * FEWEST  # networks, for a table and its check


@dataclass(frozen=True, slots=True)
class Target:
    """What a table is for: networks of a space at a size, on a device, in a precision."""

    space: str = "mnasnet"
    resolution: int = 224
    classes: int = 1000
    channels: int = 3
    width: float | None = None
    depth: float | None = None
    device: str = HOST
    program: str | None = None
    threads: int = 1
    int8: bool = False

    def __post_init__(self) -> None:
        for name, least in (("resolution", 8), ("classes", 1), ("channels", 1), ("threads", 1)):
            if getattr(self, name) < least:
                raise SettingError(
                    f"--{name} must be a whole number from {least}, got {getattr(self, name)}"
                )


@dataclass(frozen=True, slots=True)
class Samples:
    """What a table is made from.

    Attributes:
        alone: milliseconds of operators by themselves.
        networks: measured as a whole, in the order in which they were.
        facts: of the device.
    """

    alone: Mapping[Operator, float]
    networks: tuple[Measured, ...]
    facts: Mapping[str, Any]


def calibrate(
    target: Target,
    *,
    seconds: float = 150.0,
    networks: int = NETWORKS,
    seed: int = 0,
    watch: Watch,
) -> LatencyTable:
    """Measures what a table needs, makes it, and says in its `about` how far it is off.

    The check is made with a table that has not seen the checked networks; the one that is given
    back has learned from them, too.

    Args:
        target: what it is for.
        seconds: about how long it may take; operators for which there is no time are guessed.
        networks: how many to measure as a whole, beside those to check with.
        seed: of the networks that are drawn.
        watch: told how far it is.

    Raises:
        SettingError: `seconds` is not above 0.
        SpaceError: the space is unknown, or hardly any of its networks can be built.
        DeviceError: the device cannot measure.
    """
    began = monotonic()
    wanted = networks + max(2, round(networks * _CHECKED))
    found = samples(target, seconds=seconds, networks=wanted, seed=seed, watch=watch)
    watch("making the table")
    unseen = max(2, len(found.networks) * (wanted - networks) // wanted)
    blind = tabulate(found.alone, found.networks[:-unseen], {})
    checked = check(lambda network: blind.total(network.operators), found.networks[-unseen:])
    about = {
        "target": asdict(target),
        "device": dict(found.facts),
        "reference_ms": found.facts["reference_ms"],
        "operators": len(found.alone),
        "networks": len(found.networks),
        "check": asdict(checked),
        "seconds": monotonic() - began,
    }
    return tabulate(found.alone, found.networks, about)


def samples(
    target: Target, *, seconds: float, networks: int = NETWORKS, seed: int = 0, watch: Watch
) -> Samples:
    """Times operators alone and random networks of the target as a whole.

    Args:
        target: what they are for.
        seconds: about how long it may take.
        networks: how many.
        seed: of the networks that are drawn.
        watch: told how far it is.

    Raises:
        SettingError: `seconds` is not above 0.
        SpaceError: the space is unknown, or hardly any of its networks can be built.
        DeviceError: the device cannot measure.
    """
    if not 0 < seconds < inf:
        raise SettingError(f"--seconds must be above 0, got {seconds}")
    began = monotonic()
    size: dict[str, Any] = {
        key: getattr(target, key) for key in ("resolution", "classes", "channels", "width", "depth")
    }
    found = sized(target.space, **size)
    drawn = draw(found.space, _SAMPLED * networks, seed)
    if len(drawn) < _LEAST:
        raise SpaceError(
            f"space {target.space}: only {len(drawn)} different networks could be drawn; a latency"
            f" table needs at least {_LEAST}, and so few are soon measured"
        )
    # The reference among them: a run scales the table by it.
    graphs = [network.graph() for network in (*found.rivals.values(), *drawn)]
    quick = size | {"resolution": max(32, target.resolution // 4)}
    small = sized("mnasnet", **quick) if target.resolution > _SHORT else found
    return samples_of(
        graphs,
        len(found.rivals) + networks,
        partial(opened, target),
        small=small.rivals[REFERENCE],
        reference=found.rivals[REFERENCE],
        seconds=seconds - (monotonic() - began),
        int8=target.int8,
        watch=watch,
    )


def samples_of(
    graphs: Sequence[Graph],
    whole: int,
    open_: Callable[[Architecture], Device],
    *,
    small: Architecture,
    reference: Architecture,
    seconds: float,
    int8: bool = False,
    watch: Watch,
) -> Samples:
    """Times the operators of networks alone, and some of the networks as a whole.

    Args:
        graphs: of the networks.
        whole: how many of them, the first, to measure as a whole at most.
        open_: gives the device with a reference.
        small: the reference for operators: a small network, so that turns are short.
        reference: for the networks, and of their kind.
        seconds: about how long it may take.
        int8: full-integer networks.
        watch: told how far it is.

    Raises:
        DeviceError: the device cannot measure.
    """
    began = monotonic()
    with open_(small) as device:
        alone = time_operators(graphs, device, seconds=_ALONE * seconds, quantize=int8, watch=watch)
    with open_(reference) as device:
        left = max(0.0, seconds - (monotonic() - began))
        measured = time_networks(
            graphs[:whole],
            device,
            seconds=left,
            least=_LEAST,
            each_s=min(NETWORK_S, max(_SHORTEST_S, left / whole)),
            quantize=int8,
            watch=watch,
        )
        return Samples(alone, tuple(measured), device.facts())


def draw(space: Space[Architecture], n: int, seed: int) -> list[Architecture]:
    """Different random networks of a space; fewer where it has not so many.

    Raises:
        SpaceError: no genotype that was drawn stands for a network.
    """
    chance = random.Random(seed)
    found: dict[str, Architecture] = {}
    for _ in range(_ATTEMPTS * n):
        genotype = tuple(chance.randrange(len(decision.options)) for decision in space.decisions)
        with suppress(ArchitectureError):
            architecture = space.decode(genotype)
            found.setdefault(architecture.digest, architecture)
        if len(found) == n:
            break
    if not found:
        raise SpaceError(f"space {space.name}: {_ATTEMPTS * n} random choices gave no network")
    return list(found.values())


def opened(target: Target, reference: Architecture, reference_ms: float | None = None) -> Device:
    """The target's device, with this network as its reference, on a known or a new scale.

    Raises:
        DeviceError: it cannot be reached, or is not prepared.
    """
    return open_device(
        target.device,
        write(reference.graph(), quantize=target.int8),
        threads=target.threads,
        reference_ms=reference_ms,
        program=target.program,
    )
