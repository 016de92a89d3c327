"""The latency table of a network and of all that it can shrink to."""

import random
from collections.abc import Callable
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.devices.device import Device, Watch
from pocketnas.latency.calibrate import tabulate
from pocketnas.latency.table import LatencyTable
from pocketnas.netadapt.widths import shrunk, widths
from pocketnas.run.calibrating import samples_of

_SAMPLED = 60  # smaller networks whose operators are timed
_WHOLE = 24  # of them are measured as a whole
_LEAST = 0.25  # of a width


def shrink_table(
    network: Architecture,
    open_: Callable[[Architecture], Device],
    *,
    seconds: float,
    seed: int,
    watch: Watch,
) -> LatencyTable:
    """Measures the operators that the network and its smaller versions have, and makes a table.

    Args:
        network: the start.
        open_: gives the device with a reference; the scale is that of the start as a reference.
        seconds: about how long it may take.
        seed: of the smaller networks that are drawn.
        watch: told how far it is.

    Raises:
        DeviceError: the device cannot measure.
    """
    smaller = [random_shrink(network, seed + number) for number in range(_SAMPLED)]
    graphs = [each.graph() for each in (network, *smaller)]
    found = samples_of(
        graphs,
        1 + _WHOLE,
        open_,
        small=network,
        reference=network,
        seconds=seconds,
        watch=watch,
    )
    about: dict[str, Any] = {
        "network": network.digest,
        "device": dict(found.facts),
        "operators": len(found.alone),
        "networks": len(found.networks),
    }
    return tabulate(found.alone, found.networks, about)


def random_shrink(network: Architecture, seed: int) -> Architecture:
    """Each width somewhere between a quarter of it and itself, around a share drawn for all."""
    draw = random.Random(seed)
    around = draw.uniform(_LEAST, 1.0)
    for width in widths(network):
        share = min(1.0, max(_LEAST, draw.gauss(around, 0.15)))
        options = [width.value, *width.smaller]
        distances = [abs(value - share * width.value) for value in options]
        network = shrunk(network, width, options[distances.index(min(distances))])
    return network
