"""A phone with Google's `benchmark_model` on it: networks copied there and run in turn."""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pocketnas.devices import benchmark
from pocketnas.devices.adb import AdbPhone
from pocketnas.devices.benchmark import Invocation, Timings
from pocketnas.devices.phone_facts import fastest_cores
from pocketnas.errors import DeviceError

_FOLDER = "/data/local/tmp"  # where adb's shell may write and run programs
_END = "pocketnas-exit"  # printed with the exit status after each run
_ENDED = re.compile(rf"^{_END} (\d+)\r?\n?", re.MULTILINE)
_PROBE_RUNS = 3  # that tell how long one takes
_WARM_S = 0.05  # a governor takes some ten milliseconds to raise the clock
_FEWEST_WARM = 2
_LEAVE_S = 5.0
_AT_ONCE = 12  # runs of benchmark_model in one command: old phones take no more than 4 kB


@dataclass(frozen=True, slots=True)
class Net:
    """A network on the phone: what to call it, where it is, and the seconds a run takes."""

    name: str
    path: str
    run_s: float


class PhoneBench:
    """A phone, while it is plugged in, with the program and the reference on it.

    Args:
        phone: to copy them to.
        program: `benchmark_model`, built for Android.
        reference: the `.tflite` that others are compared with.
        threads: of the interpreter.
        timeout_s: seconds without a word after which a run counts as hung.

    Attributes:
        phone: this phone.
        cores: the mask of the cores that are used; None if the phone does not tell their speeds.
        reference: the network that others are compared with.

    Raises:
        DeviceError: the phone is gone or full, or does not run the program or the reference.
    """

    def __init__(
        self, phone: AdbPhone, program: bytes, reference: bytes, threads: int, timeout_s: float
    ) -> None:
        self.phone = phone
        self._threads = threads
        self._timeout_s = timeout_s
        self._folder = f"{_FOLDER}/pocketnas-{digest(program + reference)}"
        self._program = f"{self._folder}/benchmark_model"
        self.leave()  # what an unplugged cable or a killed search has left there
        phone.shell(f"mkdir -p {self._folder}", "making a folder")
        try:
            phone.push(program, self._program, mode=0o755, timeout_s=timeout_s)
            self.cores = fastest_cores(phone, threads)
            self.reference = self.load("the reference network", reference)
        except BaseException:
            self.leave()
            raise

    def load(self, name: str, model: bytes) -> Net:
        """Copy a network to the phone and run it a few times.

        Raises:
            DeviceError: the phone is gone or full, or `benchmark_model` refuses the network.
        """
        path = f"{self._folder}/{digest(model)}.tflite"
        try:
            self.phone.push(model, path, timeout_s=self._timeout_s)
        except DeviceError as error:
            raise DeviceError(f"{error} ({name})") from None
        probe = Invocation(path, self._threads, _FEWEST_WARM, _PROBE_RUNS, self.cores)
        [timings] = self._run([(name, probe)])
        return Net(name, path, timings.middle / 1e6)

    def forget(self, nets: Sequence[Net]) -> None:
        """Delete networks from the phone, but not the reference.

        Raises:
            DeviceError: the phone is gone.
        """
        paths = sorted({net.path for net in nets} - {self.reference.path})
        if paths:
            self.phone.shell(f"rm -f {' '.join(paths)}", "deleting networks")

    def windows(self, nets: Sequence[Net], window_s: float) -> list[Timings]:
        """A window of about so many seconds of each network, in this order.

        Raises:
            DeviceError: the phone is gone or hung, or `benchmark_model` failed.
        """
        warm_s = min(_WARM_S, window_s)
        turns = [
            (
                net.name,
                Invocation(
                    net.path,
                    self._threads,
                    max(_FEWEST_WARM, round(warm_s / net.run_s)),
                    max(1, round(window_s / net.run_s)),
                    self.cores,
                ),
            )
            for net in nets
        ]
        return [
            timings
            for first in range(0, len(turns), _AT_ONCE)
            for timings in self._run(turns[first : first + _AT_ONCE])
        ]

    def leave(self) -> None:
        """End what runs there and delete all that was copied; a phone that is gone is no error."""
        # In brackets, or it would find itself on the command line of its own shell and end that.
        running = f"{self._folder}/[b]enchmark_model"
        with suppress(DeviceError):
            self.phone.shell(
                f"pkill -9 -f '{running}'; rm -rf {self._folder}",
                "deleting what was copied",
                timeout_s=_LEAVE_S,
            )

    def _run(self, turns: Sequence[tuple[str, Invocation]]) -> list[Timings]:
        """Several runs of `benchmark_model` in one command: a command costs a round trip."""
        names = [name for name, _ in turns]
        what = f"running {names[0] if len(set(names)) == 1 else ', '.join(dict.fromkeys(names))}"
        said = self.phone.shell(
            "; ".join(f"{each.command(self._program)} 2>&1; echo {_END} $?" for _, each in turns),
            what,
            timeout_s=self._timeout_s,
        ).text
        *parts, rest = _ENDED.split(said)
        if len(parts) != 2 * len(turns):
            raise DeviceError(
                f"phone {self.phone.serial}: {what} broke off; {benchmark.last_words(rest)}"
            )
        return [
            self._timings(name, text, int(status))
            for name, text, status in zip(names, parts[::2], parts[1::2], strict=True)
        ]

    def _timings(self, name: str, text: str, status: int) -> Timings:
        if status:
            end = f"was killed by signal {status - 128}" if status > 128 else f"exited {status}"
            raise DeviceError(
                f"phone {self.phone.serial}: running {name} failed: benchmark_model {end}; "
                f"{benchmark.last_words(text)}"
            )
        try:
            return benchmark.timings(text)
        except DeviceError as error:
            raise DeviceError(
                f"phone {self.phone.serial}: running {name} failed: {error}"
            ) from None


def digest(content: bytes) -> str:
    """Names a file on the phone."""
    return hashlib.sha256(content).hexdigest()[:16]
