"""The costs that a search can limit beside the latency, each computed only if a limit names it.

A new one is a line of `_COMPUTED` or `_MEASURED`, and its unit in `pocketnas.search.limits.UNITS`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from pocketnas.arch.architecture import Architecture
from pocketnas.devices import Device
from pocketnas.graph.count import madds, parameters, peak_memory
from pocketnas.graph.fold import fold
from pocketnas.graph.graph import Graph
from pocketnas.study.storage import Storage
from pocketnas.tflite import write


@dataclass(frozen=True, slots=True)
class _Timing:
    """A second latency: of which file, on how many threads (None: as many as the first), where."""

    quantize: bool = False
    threads: int | None = None
    second: bool = False


_COMPUTED: Mapping[str, Callable[[Graph], float]] = MappingProxyType(
    {
        "size": lambda graph: len(write(graph)) / 1024,
        "int8_size": lambda graph: len(write(graph, quantize=True)) / 1024,
        "memory": lambda graph: peak_memory(fold(graph)) / 1024,
        "madds": lambda graph: madds(graph) / 1e6,
        "parameters": lambda graph: parameters(graph) / 1e3,
    }
)
_MEASURED: Mapping[str, _Timing] = MappingProxyType(
    {
        "int8": _Timing(quantize=True),
        "threads2": _Timing(threads=2),
        "threads4": _Timing(threads=4),
        "second": _Timing(second=True),
    }
)


Reopened = Callable[[int | None, float | None], Device]
"""Opens the device with so many threads, or (None) the second one, on a known or a new scale."""


class Costs:
    """Computes and measures the costs of networks; each measurement is made once a study.

    Args:
        names: of the costs, keys of `pocketnas.search.limits.UNITS`.
        device: that measures the latency, and what needs no other number of threads.
        storage: remembers measurements, and the scale of each further device.
        reopened: opens what further latencies need.
        int8: whether full-integer networks ship, so that their latencies are meant.

    Raises:
        DeviceError: this computer cannot run so many threads.
    """

    def __init__(
        self,
        names: Iterable[str],
        device: Device,
        storage: Storage,
        reopened: Reopened,
        *,
        int8: bool = False,
    ) -> None:
        self._names = tuple(names)
        self._storage = storage
        self._int8 = int8
        self._devices: dict[str, Device] = {}
        self._opened: list[Device] = []
        try:
            for name in self._names:
                if name in _MEASURED:
                    timing = _MEASURED[name]
                    elsewhere = timing.second or timing.threads is not None
                    self._devices[name] = (
                        self._open(name, timing.threads, reopened) if elsewhere else device
                    )
        except BaseException:
            self.close()
            raise

    def of(self, architecture: Architecture, graph: Graph) -> dict[str, float]:
        """The costs of a network by name, in the units of `UNITS`.

        Args:
            architecture: whose digest keys what is remembered.
            graph: of it.

        Raises:
            DeviceError: it cannot be measured; what was measured before is remembered.
        """
        return {
            name: (
                _COMPUTED[name](graph)
                if name in _COMPUTED
                else self._measured(name, architecture.digest, graph)
            )
            for name in self._names
        }

    def close(self) -> None:
        """Closes the devices that were opened here; closing twice is no error."""
        for device in self._opened:
            device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _measured(self, name: str, digest: str, graph: Graph) -> float:
        known = self._storage.recall(name, digest)
        if known is None:
            model = write(graph, quantize=self._int8 or _MEASURED[name].quantize)
            known = self._devices[name].measure(model).to_dict()
            self._storage.remember(name, digest, known)
        return float(known["milliseconds"])

    def _open(self, name: str, threads: int | None, reopened: Reopened) -> Device:
        """On the scale of the study's first session."""
        key = f"reference_ms_{name}"
        device = reopened(threads, self._storage.get(key))
        self._opened.append(device)
        self._storage.set(key, device.reference_ms)
        return device
