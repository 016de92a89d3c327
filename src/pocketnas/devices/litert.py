"""A computer as a device: LiteRT in a process of its own there, pinned, timed in pairs."""

import hashlib
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from math import inf
from time import perf_counter
from typing import Any, Self

from pocketnas.devices import paired
from pocketnas.devices.child import Child, Process
from pocketnas.devices.device import Delegation, Latency, Watch
from pocketnas.devices.turns import ENOUGH, Candidate, Group, take_turns
from pocketnas.errors import DeviceError

_REFERENCE = 0  # the child knows the networks by number
_WARM_S = 0.03
_CALIBRATION_S = 1.5  # long enough for a busy shared core to show its calm speed a few times


class LiteRtDevice(ABC):
    """A computer that measures through LiteRT's Python interpreter and XNNPACK, batch 1.

    The networks run in a process of their own, so a model that crashes or hangs LiteRT costs one
    measurement and not the search. Callers in several threads wait for each other. Two devices
    open at the same time want different cores. A leaf says where that process runs: it sets `where`
    and starts it.

    Args:
        reference: the `.tflite` that candidates are compared with. Take a network of the same kind
            as the candidates: the more alike they are, the more alike a disturbance slows them.
        threads: threads of the interpreter, and cores the process is kept on.
        reference_ms: the reference's calm latency, from an earlier session of the same study; None
            calibrates it now, in about two seconds.
        tolerance: stop when the 95 % interval is within +- this fraction of the ratio.
        budget_s: stop after this many seconds for each candidate in any case (loading and warming
            up not counted).
        window_s: seconds one network runs before the next one's turn.
        core: the first core to use; None takes the last.
        timeout_s: seconds without an answer after which the process counts as hung.

    Attributes:
        where: begins the device's name and its messages.

    Raises:
        DeviceError: a setting out of range, or a reference that cannot be measured.
    """

    where: str

    def __init__(
        self,
        reference: bytes,
        *,
        threads: int = 1,
        reference_ms: float | None = None,
        tolerance: float = 0.01,
        budget_s: float = 1.0,
        window_s: float = 0.005,
        core: int | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self._check_positive(
            threads=threads,
            reference_ms=reference_ms,
            tolerance=tolerance,
            budget_s=budget_s,
            window_s=window_s,
            timeout_s=timeout_s,
        )
        self._reference = reference
        self._threads = threads
        self._tolerance = tolerance
        self._budget_s = budget_s
        self._window_s = window_s
        self._core = core
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._closed = False
        self._child: Child | None = None
        try:
            self._child, machine = self._start()
            self.name = f"{self.where} ({machine['cpu']})"
            self.reference_ms = reference_ms or self._calibrate(self._child)
            self._heat = [machine.pop("heat")] * 2
        except BaseException:
            self._stop()
            self._leave()
            raise
        self._facts = machine | {
            "device": self.name,
            "reference_ms": self.reference_ms,
            "reference_sha256": hashlib.sha256(reference).hexdigest(),
            "tolerance": tolerance,
            "budget_s": budget_s,
            "window_s": window_s,
        }

    @abstractmethod
    def _spawn(self) -> Process:
        """Start `host_worker.py`.

        Raises:
            DeviceError: it does not start.
        """

    @abstractmethod
    def _leave(self) -> None:
        """Free what is left once that process has ended; twice is no error."""

    def facts(self) -> dict[str, object]:
        """The machine, the runtime and the settings behind every number, ready for JSON.

        `heat` is how hot it was when opened and after its latest measurement.
        """
        return self._facts | {"heat": {"opened": self._heat[0], "measured": self._heat[1]}}

    def measure(self, model: bytes) -> Latency:
        """Time one `.tflite` against the reference, until sure enough or out of budget.

        Raises:
            DeviceError: the device is closed, or the model is refused, crashes LiteRT or hangs it.
                The next measurement starts in a fresh process, on the same scale.
        """
        return self.compare({"the model": model})["the model"]

    def compare(
        self,
        models: Mapping[str, bytes],
        *,
        tolerance: float | None = None,
        budget_s: float | None = None,
        watch: Watch | None = None,
    ) -> dict[str, Latency]:
        """Time several `.tflite` in one sequence with the reference: R A R B R C ... R.

        All are in memory at once. Who is sure enough or has spent its budget drops out.

        Args:
            models: by the names to call them in messages.
            tolerance: instead of the device's own.
            budget_s: seconds for each, instead of the device's own; a small one shortens windows.
            watch: told in a few words what is going on.

        Raises:
            DeviceError: as `measure`; it names the model.
        """
        self._check_positive(tolerance=tolerance, budget_s=budget_s)
        budget_s, watch = budget_s or self._budget_s, watch or (lambda words: None)
        # A small budget wants enough windows, too.
        window_s = min(self._window_s, budget_s / (2 * ENOUGH))
        warm_s = min(_WARM_S, budget_s / 2)
        with self._working() as child:
            candidates = []
            for net, (name, model) in enumerate(models.items(), start=1):
                watch(f"loading {name}")
                answer = self._load(child, net, model, f"{name} ({len(model):,} bytes)", warm_s)
                candidates.append(Candidate(name, net, max(answer["run_s"], window_s)))
            take_turns(
                candidates,
                lambda groups: self._turns(child, groups, window_s),
                reference_s=max(self._reference_s, window_s),
                tolerance=tolerance or self._tolerance,
                budget_s=budget_s,
                watch=watch,
            )
        return {candidate.name: self._latency(candidate) for candidate in candidates}

    def inspect(self, model: bytes) -> Delegation:
        """Which operators of a `.tflite` XNNPACK takes here; nothing is timed.

        Raises:
            DeviceError: as `measure`.
        """
        with self._working() as child:
            what = f"the model ({len(model):,} bytes)"
            answer = self._load(child, _REFERENCE + 1, model, what, warm_s=0)
        return Delegation(answer["xnnpack_partitions"], tuple(answer["left"]))

    def close(self) -> None:
        """End the process; closing twice is no error."""
        with self._lock:
            self._closed = True
            self._stop()
            self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _working(self) -> Iterator[Child]:
        """The child for one caller, alive and with the reference alone; it ends after an error."""
        with self._lock:
            if self._closed:
                raise DeviceError(f"{self.where}: it is closed; open another to measure")
            try:
                if self._child is None or not self._child.alive():
                    self._stop()
                    self._child, _ = self._start()
                yield self._child
                self._heat[1], _ = self._child.ask({"op": "free"}, b"", "freeing the networks")
            except BaseException:  # a Ctrl-C too: it may leave half a frame in the pipe
                self._stop()
                raise

    def _start(self) -> tuple[Child, dict[str, Any]]:
        child = Child(self._spawn(), self.where, self._timeout_s)
        start = {"op": "start", "threads": self._threads, "core": self._core}
        try:
            what = f"starting with threads={self._threads}, core={self._core}"
            machine, _ = child.ask(start, b"", what)
            network = self._load(child, _REFERENCE, self._reference, "the reference network")
        except BaseException:
            child.kill()
            raise
        self._reference_s = network["run_s"]
        return child, machine | {"xnnpack_partitions": network["xnnpack_partitions"]}

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _load(
        self, child: Child, net: int, model: bytes, what: str, warm_s: float = _WARM_S
    ) -> dict[str, Any]:
        request = {"op": "load", "net": net, "warm_s": warm_s}
        answer, _ = child.ask(request, model, f"loading {what}")
        return answer

    def _calibrate(self, child: Child) -> float:
        order = [_REFERENCE] * ENOUGH
        begin, windows = perf_counter(), self._windows(child, order, self._window_s)
        while perf_counter() - begin < _CALIBRATION_S:
            windows += self._windows(child, order, self._window_s)
        return paired.calm(windows)

    def _turns(self, child: Child, groups: Sequence[Group], window_s: float) -> list[paired.Window]:
        """The windows R A R B ... R for the groups A, B, ..."""
        order = [_REFERENCE]
        for group in groups:
            order += [*(candidate.net for candidate in group), _REFERENCE]
        # One request without a pause; but a long one would look like a hang.
        about = sum(candidate.window_s for group in groups for candidate in group)
        about += self._reference_s * len(groups)
        size = len(order) if about < self._timeout_s / 4 else 1
        return [
            window
            for first in range(0, len(order), size)
            for window in self._windows(child, order[first : first + size], window_s)
        ]

    def _windows(self, child: Child, order: list[int], window_s: float) -> list[paired.Window]:
        """One window of milliseconds for each network of `order`."""
        request = {"op": "windows", "order": order, "window_s": window_s}
        answer, payload = child.ask(request, b"", f"timing {len(order)} windows")
        runs = iter(struct.unpack(f">{len(payload) // 8}q", payload))
        return [
            paired.settled([nanoseconds / 1e6 for nanoseconds in islice(runs, count)])
            for count in answer["counts"]
        ]

    def _latency(self, candidate: Candidate) -> Latency:
        ratio, runs = candidate.ratio(), candidate.runs
        return Latency(
            milliseconds=ratio.value * self.reference_ms,
            low=ratio.low * self.reference_ms,
            high=ratio.high * self.reference_ms,
            ratio=ratio.value,
            pairs=ratio.pairs,
            runs=len(runs),
            threads=self._threads,
            raw_median=paired.percentile(runs, 0.5),
            raw_p90=paired.percentile(runs, 0.9),
            raw_spread=paired.spread(runs),
            reference_ms=self.reference_ms,
            reference_raw_median=paired.percentile(candidate.reference, 0.5),
            device=self.name,
        )

    def _check_positive(self, **settings: float | None) -> None:
        for name, value in settings.items():
            if value is not None and not 0 < value < inf:
                raise DeviceError(f"{self.where}: {name} must be positive, got {value}")
