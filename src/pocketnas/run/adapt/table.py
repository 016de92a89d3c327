"""The latency table of a network and of all that it can shrink to; it grows along the path."""

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.devices.device import Device, Latency, Watch
from pocketnas.errors import DeviceError, ModelError
from pocketnas.latency.calibrate import tabulate, time_operators
from pocketnas.latency.check import Measured
from pocketnas.latency.lookup import Lookup
from pocketnas.latency.operators import Operator, operators
from pocketnas.netadapt.widths import shrunk, widths
from pocketnas.run.calibrating import samples_of
from pocketnas.run.folder import write_bytes

_SAMPLED = 60  # smaller networks whose operators are timed
_WHOLE = 24  # of them are measured as a whole
_LEAST = 0.25  # of a width
_LEARNING = 0.2  # share of the time for the whole table that a step may take for its operators


class ShrinkTable:
    """Predicts latencies from operators timed alone and whole networks.

    Args:
        path: of its file; what it has learned is there at once.
        alone: milliseconds by operator.
        networks: measured as a whole.
        seconds: that the table took at most.

    Raises:
        DeviceError: there are too few networks.
    """

    def __init__(
        self,
        path: Path,
        alone: dict[Operator, float],
        networks: Iterable[Measured],
        seconds: float,
    ) -> None:
        self._path, self._seconds = path, seconds
        self._alone, self._networks = alone, list(networks)
        self._keep()

    def __call__(self, architecture: Architecture) -> float:
        """Milliseconds of a network, on the table's own scale: compare them with each other."""
        return self._predict(architecture)

    def learn(self, networks: Iterable[Architecture], device: Device) -> None:
        """Times operators of these networks that it does not know yet.

        Raises:
            DeviceError: the device is gone.
        """
        found = time_operators(
            [network.graph() for network in networks],
            device,
            seconds=_LEARNING * self._seconds,
            known=self._alone,
            watch=lambda text: None,
        )
        if found:
            self._alone |= found
            self._keep()

    def add(self, architecture: Architecture, latency: Latency) -> None:
        """Learns from a network that was measured as a whole."""
        found = tuple(operator for _, operator in operators(architecture.graph()))
        self._networks.append(Measured(found, latency))
        self._keep()

    def _keep(self) -> None:
        self._predict = Lookup(tabulate(self._alone, self._networks, {}))
        places = {operator: i for i, operator in enumerate(self._alone)}
        for network in self._networks:
            for operator in network.operators:
                places.setdefault(operator, len(places))
        said = {
            "operators": [
                {**operator.to_dict(), "alone": self._alone.get(operator)} for operator in places
            ],
            "networks": [
                {
                    "operators": [places[operator] for operator in network.operators],
                    "latency": network.latency.to_dict(),
                }
                for network in self._networks
            ],
            "seconds": self._seconds,
        }
        write_bytes(self._path, json.dumps(said).encode())


def stored_table(path: Path) -> ShrinkTable | None:
    """The table in a file; None where there is none.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        said = json.loads(path.read_bytes())
        every = [Operator.from_dict(row) for row in said["operators"]]
        alone = {
            operator: float(row["alone"])
            for operator, row in zip(every, said["operators"], strict=True)
            if row["alone"] is not None
        }
        networks = [
            Measured(
                tuple(every[i] for i in network["operators"]),
                Latency.from_dict(network["latency"]),
            )
            for network in said["networks"]
        ]
        return ShrinkTable(path, alone, networks, float(said["seconds"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, DeviceError) as error:
        raise ModelError(f"{path}: is damaged ({error}); remove it to measure anew") from None


def shrink_table(
    network: Architecture,
    path: Path,
    open_: Callable[[Architecture], Device],
    *,
    seconds: float,
    seed: int,
    watch: Watch,
) -> ShrinkTable:
    """Measures operators that the network and its smaller versions have, and makes a table.

    Args:
        network: the start.
        path: of the table's file.
        open_: gives the device with a reference.
        seconds: about how long it may take.
        seed: of the smaller networks that are drawn.
        watch: told how far it is.

    Raises:
        DeviceError: the device cannot measure.
    """
    smaller = [random_shrink(network, seed + number) for number in range(_SAMPLED)]
    found = samples_of(
        [each.graph() for each in (network, *smaller)],
        1 + _WHOLE,
        open_,
        small=network,
        reference=network,
        seconds=seconds,
        watch=watch,
    )
    return ShrinkTable(path, dict(found.alone), found.networks, seconds)


def random_shrink(network: Architecture, seed: int) -> Architecture:
    """A network from anywhere on the way: some widths as they are, others down to a quarter."""
    draw = random.Random(seed)
    stays = draw.random()
    for width in widths(network):
        if draw.random() < stays:
            continue
        goal = draw.uniform(_LEAST, 1.0) * width.value
        value: Any = min(width.smaller, key=lambda each, goal=goal: abs(each - goal))  # type: ignore[misc]
        network = shrunk(network, width, value)
    return network
