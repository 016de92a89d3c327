"""The computer itself as a device: LiteRT in a process of its own, pinned, timed in pairs."""

import hashlib
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from itertools import islice
from math import inf
from pathlib import Path
from time import perf_counter
from typing import IO, Any, Self, cast

from pocketnas.devices import paired
from pocketnas.devices.device import Latency
from pocketnas.devices.host_worker import read_frame, write_frame
from pocketnas.errors import DeviceError

_ENOUGH = 10  # pairs before an interval is believed to be as narrow as it looks
_CHUNK_S = 0.1  # between two looks at the interval
_WARM_S = 0.03
_CALIBRATION_S = 1.5  # long enough for a busy shared core to show its calm speed a few times


class HostDevice:
    """The computer itself, measuring through LiteRT's Python interpreter and XNNPACK, batch 1.

    The networks run in a child process, so a model that crashes or hangs LiteRT costs one
    measurement and not the search. Callers in several threads wait for each other. Two devices
    open at the same time want different cores.

    Args:
        reference: the `.tflite` that candidates are compared with. Take a network of the same kind
            as the candidates: the more alike they are, the more alike a disturbance slows them.
        threads: threads of the interpreter, and cores the child is kept on.
        reference_ms: the reference's calm latency, from an earlier `HostDevice` of the same study;
            None calibrates it now, in about two seconds.
        tolerance: stop when the 95 % interval is within +- this fraction of the ratio.
        budget_s: stop after this many seconds in any case (loading and warming up not counted).
        window_s: seconds one network runs before the other's turn.
        core: the first core to use; None takes the last.
        timeout_s: seconds without an answer after which the child counts as hung.

    Raises:
        DeviceError: a setting out of range, or a reference that cannot be measured.
    """

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
        positive = {
            "threads": threads,
            "reference_ms": reference_ms,
            "tolerance": tolerance,
            "budget_s": budget_s,
            "window_s": window_s,
            "timeout_s": timeout_s,
        }
        for name, value in positive.items():
            if value is not None and not 0 < value < inf:
                raise DeviceError(f"host device: {name} must be positive, got {value}")
        self._reference = reference
        self._threads = threads
        self._tolerance = tolerance
        self._budget_s = budget_s
        self._window_s = window_s
        self._core = core
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._closed = False
        self._worker: _Worker | None = None
        try:
            self._worker, machine = self._start()
            self.name = f"host ({machine['cpu']})"
            self.reference_ms = reference_ms or self._calibrate(self._worker)
        except BaseException:
            self._stop()
            raise
        self._facts = machine | {
            "device": self.name,
            "reference_ms": self.reference_ms,
            "reference_sha256": hashlib.sha256(reference).hexdigest(),
            "tolerance": tolerance,
            "budget_s": budget_s,
            "window_s": window_s,
        }

    def facts(self) -> dict[str, object]:
        """The machine, the runtime and the settings behind every number, ready for JSON."""
        return dict(self._facts)

    def measure(self, model: bytes) -> Latency:
        """Time one `.tflite` against the reference, until sure enough or out of budget.

        Raises:
            DeviceError: the device is closed, or the model is refused, crashes LiteRT or hangs it.
                The next measurement starts in a fresh process, on the same scale.
        """
        with self._lock:
            if self._closed:
                raise DeviceError("host device: it is closed; open another to measure")
            try:
                if self._worker is None or not self._worker.alive():
                    self._stop()
                    self._worker, _ = self._start()
                self._load(self._worker, "C", model, f"a model of {len(model):,} bytes")
                return self._compare(self._worker)
            except BaseException:  # a Ctrl-C too: it may leave half a frame in the pipe
                self._stop()
                raise

    def close(self) -> None:
        """End the child process; closing twice is no error."""
        with self._lock:
            self._closed = True
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start(self) -> tuple["_Worker", dict[str, Any]]:
        worker = _Worker(self._timeout_s)
        start = {"op": "start", "threads": self._threads, "core": self._core}
        try:
            what = f"starting with threads={self._threads}, core={self._core}"
            machine, _ = worker.ask(start, b"", what)
            network = self._load(worker, "R", self._reference, "the reference network")
        except BaseException:
            worker.kill()
            raise
        return worker, machine | network

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def _load(self, worker: "_Worker", net: str, model: bytes, what: str) -> dict[str, Any]:
        request = {"op": "load", "net": net, "warm_s": _WARM_S}
        answer, _ = worker.ask(request, model, f"loading {what}")
        return answer

    def _calibrate(self, worker: "_Worker") -> float:
        begin, windows = perf_counter(), self._windows(worker, "R" * _ENOUGH)
        while perf_counter() - begin < _CALIBRATION_S:
            windows += self._windows(worker, "R" * _ENOUGH)
        return paired.calm(windows)

    def _compare(self, worker: "_Worker") -> Latency:
        begin, windows = perf_counter(), self._windows(worker, "R" + "CR" * paired.FEWEST)
        while True:
            reference, candidate = windows[0::2], windows[1::2]
            ratio = paired.paired_ratio(reference, candidate)
            spent = perf_counter() - begin
            sure = ratio.pairs >= _ENOUGH and ratio.tolerance <= self._tolerance
            if sure or spent >= self._budget_s:
                return self._latency(ratio, reference, candidate)
            chunk = min(_CHUNK_S, self._budget_s - spent)
            windows += self._windows(worker, "CR" * max(1, int(chunk * ratio.pairs / spent)))

    def _windows(self, worker: "_Worker", order: str) -> list[paired.Window]:
        """One window of milliseconds for each letter of `order`."""
        request = {"op": "windows", "order": order, "window_s": self._window_s}
        answer, payload = worker.ask(request, b"", f"timing {len(order)} windows")
        runs = iter(struct.unpack(f">{len(payload) // 8}q", payload))
        return [
            paired.settled([nanoseconds / 1e6 for nanoseconds in islice(runs, count)])
            for count in answer["counts"]
        ]

    def _latency(
        self, ratio: paired.Ratio, reference: list[paired.Window], candidate: list[paired.Window]
    ) -> Latency:
        runs = [run for window in candidate for run in window]
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
            reference_raw_median=paired.percentile([r for w in reference for r in w], 0.5),
            device=self.name,
        )


class _Worker:
    """The child process and the pipes to it."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._hung = False
        program = Path(__file__).with_name("host_worker.py")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (kill closes it; it has no name)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(program)],  # -P: its folder is no place to import from
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
            )
        except OSError as error:
            self._log.close()
            raise DeviceError(
                f"host device: cannot start a process to measure in: {error}"
            ) from None
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def ask(
        self, header: dict[str, Any], payload: bytes, what: str
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer; `what` says in messages what it was doing.

        Raises:
            DeviceError: the request failed, or the process died or did not answer in time.
        """
        self._log.seek(0)
        self._log.truncate()
        # Blocking pipes and a watchdog that kills the child: that ends a stuck read and a stuck
        # write alike, on every system, even when the child is stopped.
        watchdog = threading.Timer(self._timeout_s, self._expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            write_frame(self._requests, header, payload)
            answer, times = read_frame(self._answers)
        except (EOFError, OSError, ValueError):
            raise DeviceError(
                f"host device: {self._end()} while {what}{self._last_words()}"
            ) from None
        finally:
            watchdog.cancel()
        if "error" in answer:
            raise DeviceError(f"host device: {what} failed: {answer['error']}")
        return answer, times

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and close the pipes; it holds nothing worth a farewell."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers, self._log):
            with suppress(OSError):  # the rest of a frame that a dead process no longer takes
                pipe.close()

    def _expire(self) -> None:
        self._hung = True
        self._process.kill()

    def _end(self) -> str:
        """How the process ended, after its pipes closed."""
        if self._hung:
            return f"no answer within {self._timeout_s:g} s"
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        status = self._process.poll()
        if status is None:
            return "the measuring process closed its pipes"
        cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return f"the measuring process died ({cause})"

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        words = " ".join(line.strip() for line in lines if not line.startswith("INFO:"))
        return f"; its last words: {words[-400:]}" if words else ""
