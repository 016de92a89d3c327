"""An Android phone as a device: Google's `benchmark_model` over adb, timed in pairs."""

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from pocketnas.devices import benchmark, paired
from pocketnas.devices.adb import Adb
from pocketnas.devices.benchmark import Timings
from pocketnas.devices.cooling import Cooler
from pocketnas.devices.device import Latency, Watch, check_positive
from pocketnas.devices.phone_bench import Net, PhoneBench
from pocketnas.devices.phone_facts import facts_of, notes_on
from pocketnas.devices.phone_heat import Heat, heat_of
from pocketnas.devices.scale import Scale
from pocketnas.devices.turns import ENOUGH, Candidate, Group, refund, take_turns
from pocketnas.errors import DeviceError

BUDGET_S = 10.0  # of a measurement, in seconds

_CALIBRATION_S = 3.0
_COARSE_S = 100e-6  # a microsecond is one percent of it


class AndroidDevice:
    """An Android phone, measuring through Google's `benchmark_model`, batch 1.

    A window of the turns is one run of that program, which says its median but not each time: the
    raw figures of a latency are those of windows. All that is copied to the phone is deleted from
    it when the device is closed. One measurement at a time on a phone: callers in several threads
    wait for each other.

    Args:
        serial: the phone's, as in `adb devices`; host:port is connected first; None if there is but
            one phone.
        benchmark_model: the program, built for Android.
        reference: the `.tflite` that candidates are compared with; one of their own kind.
        threads: of the interpreter; they are kept on the phone's fastest cores.
        reference_ms: the reference's calm latency, from an earlier session of the same study; None
            calibrates it now, in some seconds.
        tolerance: stop when the 95 % interval is within +- this fraction of the ratio.
        budget_s: stop after this many seconds for each candidate, or twice as many if the phone has
            changed meanwhile (copying, warming up and cooling down not counted).
        window_s: seconds one network runs before the next one's turn.
        timeout_s: seconds without a word after which a run counts as hung.
        hot_c: the battery's temperature from which to wait before measuring on, degrees Celsius; so
            does any throttling that the phone reports.
        cool_s: how long at most; after that it is measured hot, which `facts` tells.
        reconnect_s: how long to wait for a phone that was unplugged.
        adb_port: of the adb server; None takes adb's own choice.
        watch: told in a few words what the opening does.

    Raises:
        DeviceError: a setting out of range, no such program or phone, or a reference that cannot be
            measured.
    """

    def __init__(
        self,
        serial: str | None,
        benchmark_model: Path,
        reference: bytes,
        *,
        threads: int = 1,
        reference_ms: float | None = None,
        tolerance: float = 0.01,
        budget_s: float = BUDGET_S,
        window_s: float = 0.1,
        timeout_s: float = 60.0,
        hot_c: float = 40.0,
        cool_s: float = 300.0,
        reconnect_s: float = 30.0,
        adb_port: int | None = None,
        watch: Watch | None = None,
    ) -> None:
        check_positive(
            "android",
            threads=threads,
            reference_ms=reference_ms,
            tolerance=tolerance,
            budget_s=budget_s,
            window_s=window_s,
            timeout_s=timeout_s,
            hot_c=hot_c,
            cool_s=cool_s,
            reconnect_s=reconnect_s,
        )
        self._program = _read(benchmark_model)
        self._reference = reference
        self._threads = threads
        self._tolerance = tolerance
        self._budget_s = budget_s
        self._window_s = window_s
        self._timeout_s = timeout_s
        self._hot_c = hot_c
        self._reconnect_s = reconnect_s
        self._lock = threading.Lock()
        self._closed = False
        self._cooler: Cooler[Heat] = Cooler("the phone", hot_c, cool_s)
        self._adb = Adb(adb_port)
        phone = self._adb.phone(serial)
        self._serial = phone.serial
        watch = watch or _silent
        watch(f"copying benchmark_model to {phone.serial}")
        machine = facts_of(phone)
        self.name = f"android ({machine['model']})"
        self._opened_at = heat_of(phone)
        self._bench: PhoneBench | None = self._opened(wait_s=0)
        try:
            if reference_ms is None:
                self._cooler.wait(partial(heat_of, phone), watch)
                watch("calibrating the reference")
            self._scale = Scale(
                reference_ms,
                partial(self._block, self._bench),
                least_s=_CALIBRATION_S,
                most_s=3 * _CALIBRATION_S,
            )
        except BaseException:
            self._bench.leave()
            raise
        self.reference_ms = self._scale.reference_ms
        self._facts = machine | {
            "device": self.name,
            "threads": threads,
            "cores": self._bench.cores,
            "reference_ms": self.reference_ms,
            "reference_sha256": hashlib.sha256(reference).hexdigest(),
            "benchmark_model_sha256": hashlib.sha256(self._program).hexdigest(),
            "tolerance": tolerance,
            "budget_s": budget_s,
            "window_s": window_s,
        }

    def facts(self) -> dict[str, object]:
        """The phone, the program and the settings behind every number, ready for JSON.

        `heat` is how hot it was when opened and at the latest look; `calm_ms` is the reference's
        calm latency by its windows up to now; `notes` say what to mend.
        """
        latest = self._cooler.latest or self._opened_at
        return self._facts | {
            "heat": {"opened": self._opened_at.to_dict(), "measured": latest.to_dict()},
            "calm_ms": self.calm_ms,
            "notes": notes_on(self._facts, latest, self._hot_c) + self._scale.notes(),
        }

    @property
    def calm_ms(self) -> float:
        """The reference's calm latency by its windows up to now."""
        return self._scale.calm_ms

    def measure(self, model: bytes) -> Latency:
        """Time one `.tflite` against the reference, until sure enough or out of budget.

        Raises:
            DeviceError: the device is closed, the model is refused, crashes `benchmark_model` or
                hangs it, or the phone is unplugged, locked or full. The next measurement waits for
                the phone to come back and is on the same scale.
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

        Args:
            models: by the names to call them in messages.
            tolerance: instead of the device's own.
            budget_s: seconds for each, instead of the device's own; a small one shortens windows.
            watch: told in a few words what is going on.

        Raises:
            DeviceError: as `measure`; it names the model.
        """
        check_positive("android", tolerance=tolerance, budget_s=budget_s)
        budget_s, watch = budget_s or self._budget_s, watch or _silent
        window_s = min(self._window_s, budget_s / (2 * ENOUGH))
        with self._working() as bench:
            nets, candidates = [bench.reference], []
            for number, (name, model) in enumerate(models.items(), start=1):
                watch(f"loading {name}")
                nets.append(bench.load(f"{name} ({len(model):,} bytes)", model))
                candidates.append(Candidate(name, number, max(nets[number].run_s, window_s)))
            counts = dict.fromkeys(range(len(nets)), 0)
            reference_s = max(bench.reference.run_s, window_s)
            before: list[paired.Window] = []

            def timed(groups: Sequence[Group]) -> list[paired.Window]:
                if waited_s := self._cooler.wait(partial(heat_of, bench.phone), watch):
                    refund(groups, waited_s, reference_s)
                    before.clear()
                order = [] if before else [0]  # the last reference of the turns before will do
                for group in groups:
                    order += [*(candidate.net for candidate in group), 0]
                found = bench.windows([nets[number] for number in order], window_s)
                for number, timings in zip(order, found, strict=True):
                    counts[number] += timings.runs
                windows = before + _windows(found, nets)
                before[:] = windows[-1:]
                return windows

            take_turns(
                candidates,
                timed,
                reference_s=reference_s,
                tolerance=tolerance or self._tolerance,
                budget_s=budget_s,
                watch=watch,
            )
            bench.forget(nets)
        return {
            each.name: self._scale.latency(
                each, threads=self._threads, device=self.name, runs=counts[each.net]
            )
            for each in candidates
        }

    def close(self) -> None:
        """Delete what was copied to the phone, if it is still there; twice is no error."""
        with self._lock:
            self._closed = True
            if self._bench is not None:
                self._bench.leave()
                self._bench = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _working(self) -> Iterator[PhoneBench]:
        """The phone for one caller, with the reference alone on it; opened anew after an error."""
        with self._lock:
            if self._closed:
                raise DeviceError(f"{self.name}: it is closed; open another to measure")
            bench, self._bench = self._bench or self._opened(self._reconnect_s), None
            try:
                yield bench
            except BaseException:
                bench.leave()
                raise
            self._bench = bench

    def _opened(self, wait_s: float) -> PhoneBench:
        phone = self._adb.phone(self._serial, wait_s=wait_s)
        return PhoneBench(phone, self._program, self._reference, self._threads, self._timeout_s)

    def _block(self, bench: PhoneBench) -> list[paired.Window]:
        """Some windows of the reference."""
        order = [bench.reference] * ENOUGH
        return _windows(bench.windows(order, self._window_s), order)


def _windows(found: Sequence[Timings], nets: Sequence[Net]) -> list[paired.Window]:
    """Windows of one time each, milliseconds: the median, or where that is too coarse the mean.

    `benchmark_model` reads a clock of whole microseconds, which is right on average.
    """
    coarse = min(net.run_s for net in nets) < _COARSE_S
    return [[(timings.mean if coarse else timings.middle) / 1e3] for timings in found]


def _silent(words: str) -> None:
    pass


def _read(benchmark_model: Path) -> bytes:
    try:
        return Path(benchmark_model).read_bytes()
    except OSError as error:
        raise DeviceError(
            f"android: no benchmark_model at {benchmark_model} ({error.strerror}); download "
            f"Google's for android_arm64 from {benchmark.DOWNLOAD} and give its path"
        ) from None
