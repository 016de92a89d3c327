"""A computer as a device: LiteRT in a process of its own there, pinned, timed in pairs."""

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Self

from pocketnas.devices import paired
from pocketnas.devices.child import Child, Process
from pocketnas.devices.computer_heat import Heat
from pocketnas.devices.cooling import Cooler
from pocketnas.devices.device import Delegation, Latency, Watch, check_positive
from pocketnas.devices.litert_bench import REFERENCE, LiteRtBench
from pocketnas.devices.scale import Scale
from pocketnas.devices.turns import ENOUGH, Candidate, Group, refund, take_turns
from pocketnas.errors import DeviceError

BUDGET_S = 1.0  # of a measurement, in seconds
WINDOW_S = 0.01  # of a network's turn, of which the later half counts

_CALIBRATION_S = 1.5  # long enough for a busy shared core to show its calm speed a few times
_COOL_S = 60.0  # some cores slow themselves all day; the cooling of others shows in seconds


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
            calibrates it now, in two to five seconds.
        tolerance: stop when the 95 % interval is within +- this fraction of the ratio.
        budget_s: stop after this many seconds for each candidate, or twice as many if the machine
            has changed meanwhile (loading, warming up and cooling down not counted).
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
        budget_s: float = BUDGET_S,
        window_s: float = WINDOW_S,
        core: int | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        check_positive(
            self.where,
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
        self._bench: LiteRtBench | None = None
        self._cooler: Cooler[Heat] = Cooler(self.where, inf, _COOL_S)
        try:
            self._bench = self._start()
            machine = self._bench.machine
            self.name = f"{self.where} ({machine['cpu']})"
            opened = {"heat": machine.pop("heat"), "load": machine.pop("load")}
            self._states = [opened, opened]
            self._scale = Scale(
                reference_ms,
                partial(self._bench.block, window_s),
                least_s=_CALIBRATION_S,
                most_s=3 * _CALIBRATION_S,
            )
            self.reference_ms = self._scale.reference_ms
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

        `heat` is how hot and `load` how busy it was when opened and after its latest measurement;
        `calm_ms` is the reference's calm latency by its windows up to now; `notes` say if that is
        not the scale any more.
        """
        opened, measured = self._states
        states = {key: {"opened": opened[key], "measured": measured[key]} for key in opened}
        return self._facts | states | {"calm_ms": self.calm_ms, "notes": self._scale.notes()}

    @property
    def calm_ms(self) -> float:
        """The reference's calm latency by its windows up to now."""
        return self._scale.calm_ms

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
        check_positive(self.where, tolerance=tolerance, budget_s=budget_s)
        budget_s, watch = budget_s or self._budget_s, watch or (lambda words: None)
        # A small budget wants enough windows, too.
        window_s = min(self._window_s, budget_s / (2 * ENOUGH))
        with self._working() as bench:
            candidates = []
            for net, (name, model) in enumerate(models.items(), start=REFERENCE + 1):
                watch(f"loading {name}")
                what = f"{name} ({len(model):,} bytes)"
                answer = bench.load(net, model, what, most_s=budget_s / 2)
                candidates.append(Candidate(name, net, max(answer["run_s"], window_s)))
            reference_s = max(bench.reference_s, window_s)

            def timed(groups: Sequence[Group]) -> list[paired.Window]:
                if waited_s := self._cooler.wait(lambda: Heat.of(bench.state()), watch):
                    refund(groups, waited_s, reference_s)
                return bench.turns(groups, window_s)

            take_turns(
                candidates,
                timed,
                reference_s=reference_s,
                tolerance=tolerance or self._tolerance,
                budget_s=budget_s,
                watch=watch,
            )
        return {
            each.name: self._scale.latency(each, threads=self._threads, device=self.name)
            for each in candidates
        }

    def inspect(self, model: bytes) -> Delegation:
        """Which operators of a `.tflite` XNNPACK takes here; nothing is timed.

        Raises:
            DeviceError: as `measure`.
        """
        with self._working() as bench:
            what = f"the model ({len(model):,} bytes)"
            answer = bench.load(REFERENCE + 1, model, what, most_s=0)
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
    def _working(self) -> Iterator[LiteRtBench]:
        """For one caller, alive and with the reference alone; it ends after an error."""
        with self._lock:
            if self._closed:
                raise DeviceError(f"{self.where}: it is closed; open another to measure")
            try:
                if self._bench is None or not self._bench.child.alive():
                    self._stop()
                    self._bench = self._start()
                yield self._bench
                self._states[1] = self._bench.free()
            except BaseException:  # a Ctrl-C too: it may leave half a frame in the pipe
                self._stop()
                raise

    def _start(self) -> LiteRtBench:
        return LiteRtBench(
            Child(self._spawn(), self.where, self._timeout_s),
            self._reference,
            threads=self._threads,
            core=self._core,
            timeout_s=self._timeout_s,
        )

    def _stop(self) -> None:
        if self._bench is not None:
            self._bench.child.kill()
            self._bench = None
