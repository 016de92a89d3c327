"""The process that runs a computer's networks, and what can be asked of it."""

import struct
from collections.abc import Sequence
from itertools import islice
from typing import Any

from pocketnas.devices import paired
from pocketnas.devices.child import Child
from pocketnas.devices.turns import Group

REFERENCE = 0  # the process knows the networks by number

_WARM_S = 0.06
_COPIES = 4
_LARGE = 32 << 20  # bytes of a file of which one copy must do: each takes twice that in memory
_BLOCK_S = 0.25


class LiteRtBench:
    """`host_worker.py` with the reference loaded.

    Args:
        child: freshly started.
        reference: the `.tflite` that others are compared with.
        threads: of the interpreter.
        core: the first core to use; None takes the last.
        timeout_s: seconds without an answer after which it counts as hung.

    Attributes:
        child: that process.
        machine: its facts, with `heat` and `load` of the start.
        reference_s: about how long a run of the reference takes.

    Raises:
        DeviceError: as all methods: the process is gone or hung, or refuses what it was asked.
    """

    def __init__(
        self, child: Child, reference: bytes, *, threads: int, core: int | None, timeout_s: float
    ) -> None:
        self.child = child
        self._timeout_s = timeout_s
        try:
            self.machine = self._ask(
                f"starting with threads={threads}, core={core}",
                op="start",
                threads=threads,
                core=core,
            )
            network = self.load(REFERENCE, reference, "the reference network", _WARM_S)
        except BaseException:
            child.kill()
            raise
        self.machine["xnnpack_partitions"] = network["xnnpack_partitions"]
        self.reference_s: float = network["run_s"]

    def load(self, net: int, model: bytes, what: str, most_s: float) -> dict[str, Any]:
        """Load a network and warm it up for a moment, `most_s` at most; 0 is not at all.

        Returns:
            `xnnpack_partitions`, `left` and `run_s`, as host_worker.py says.
        """
        warm_s = min(_WARM_S, most_s)
        # In a hurry, or of a large one, one copy will do.
        copies = _COPIES if most_s >= _WARM_S and len(model) < _LARGE else 1
        return self._ask(f"loading {what}", model, op="load", net=net, warm_s=warm_s, copies=copies)

    def free(self) -> dict[str, Any]:
        """Forget all networks but the reference; how hot and how busy the machine is."""
        self._ask("freeing the networks", op="free")
        return self.state()

    def state(self) -> dict[str, Any]:
        """How hot and how busy the machine is: `heat` and `load`."""
        return self._ask("asking how hot it is", op="state")

    def block(self, window_s: float) -> list[paired.Window]:
        """A fraction of a second of the reference's windows."""
        count = max(paired.FEWEST, round(_BLOCK_S / max(self.reference_s, window_s)))
        return self._windows([REFERENCE] * count, window_s)

    def turns(self, groups: Sequence[Group], window_s: float) -> list[paired.Window]:
        """The windows R A R B ... R for the groups A, B, ..., in milliseconds."""
        order = [REFERENCE]
        for group in groups:
            order += [*(candidate.net for candidate in group), REFERENCE]
        # One request without a pause; but a long one would look like a hang.
        about = sum(candidate.window_s for group in groups for candidate in group)
        about += self.reference_s * len(groups)
        size = len(order) if about < self._timeout_s / 4 else 1
        return [
            window
            for first in range(0, len(order), size)
            for window in self._windows(order[first : first + size], window_s)
        ]

    def _windows(self, order: list[int], window_s: float) -> list[paired.Window]:
        """One window of milliseconds for each network of `order`."""
        request = {"op": "windows", "order": order, "window_s": window_s}
        answer, payload = self.child.ask(request, b"", f"timing {len(order)} windows")
        runs = iter(struct.unpack(f">{len(payload) // 8}q", payload))
        return [
            paired.settled([nanoseconds / 1e6 for nanoseconds in islice(runs, count)])
            for count in answer["counts"]
        ]

    def _ask(self, what: str, payload: bytes = b"", **request: Any) -> dict[str, Any]:
        answer, _ = self.child.ask(request, payload, what)
        return answer
