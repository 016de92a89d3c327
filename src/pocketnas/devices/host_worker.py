"""The process that runs the networks: requests in on stdin, run times out on stdout.

It imports nothing from pocketnas and runs on Python 3.9 and later: this very text is sent to other
computers and started there over ssh. LiteRT and NumPy, which LiteRT needs itself, are imported only
once it runs as a program: the asking side takes the frame codec from here without them.

A frame is two big-endian 32-bit lengths, a JSON header and a binary payload. Requests, by `op`:
    start    threads, core; answered by the machine's facts
    load     net (a number; 0 is the reference), warm_s (0 if nobody will time it), copies (how
             often to load it); the payload is the `.tflite`; answered by `xnnpack_partitions`,
             `left` and `run_s`, about how long a run takes
    windows  order (the net of each window), window_s; answered by `counts`, how many runs each
             window has, and a payload of all run times in order, as big-endian 64-bit nanoseconds
    free     forgets all networks but the reference
    state    answered by `heat` and `load`, how hot and how busy the machine is
A run's time is wall-clock time; with one thread, less the time when another process had the core.
An answer with an `error` says in a line why the request failed.
"""

from __future__ import annotations  # Python 3.9 knows no `int | None`

import gc
import itertools
import json
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import get_clock_info, perf_counter_ns, thread_time_ns
from typing import IO, Any

_PROC, _SYS = Path("/proc"), Path("/sys")
_LENGTHS = struct.Struct(">II")
_WARM_RUNS = 2  # after the first; the next still meets cold caches


def write_frame(stream: IO[bytes], header: dict[str, Any], payload: bytes = b"") -> None:
    """Send one frame.

    Raises:
        OSError: the other side is gone.
    """
    text = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(text), len(payload)) + text)
    stream.write(payload)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Receive one frame.

    Raises:
        EOFError: the stream ended before the frame or within it.
    """
    header, payload = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    return json.loads(_exactly(stream, header)), _exactly(stream, payload)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError(f"the stream ended after {len(data)} of {size} bytes")
    return data


class Bench:
    """The cores this process keeps to and the networks that run in turn on them."""

    def __init__(self, threads: int, core: int | None) -> None:
        self._threads = threads
        self._cores = _pin(threads, core)  # before any library starts threads of its own
        self._nets: dict[int, Copies] = {}

    def facts(self) -> dict[str, Any]:
        return {
            "board": _board(),
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "affinity": self._cores,
            "governor": _governor(self._cores),
            "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
            "python": platform.python_version(),
            "litert": version("ai-edge-litert"),
            "threads": self._threads,
            "virtual": _is_virtual(),
            **state(),
        }

    def load(self, net: int, model: bytes, warm_s: float, copies: int) -> dict[str, Any]:
        self._nets[net] = loaded = Copies(model, self._threads, copies)
        return {
            "xnnpack_partitions": loaded.nets[0].partitions,
            "left": loaded.nets[0].left,
            "run_s": loaded.warm(warm_s) if warm_s else 0.0,
        }

    def windows(self, order: list[int], window_s: float) -> list[list[int]]:
        return [self._nets[net].window(window_s) for net in order]

    def free(self) -> None:
        self._nets = {0: self._nets[0]}


class Copies:
    """One network, loaded several times; its windows take turns among the copies.

    Where a copy happens to lie in memory makes it up to 5 % slower than another, for as long as it
    lies there. The mean over some places repeats better than any one of them.
    """

    def __init__(self, model: bytes, threads: int, copies: int) -> None:
        self.nets = [Net(model, threads) for _ in range(copies)]
        self._turns = itertools.cycle(self.nets)

    def warm(self, seconds: float) -> float:
        """Run all of them, for about so long together; the seconds that a run takes then."""
        return median([net.warm(seconds / len(self.nets)) for net in self.nets])

    def window(self, seconds: float) -> list[int]:
        """A window of the next copy, as `Net.window`."""
        return next(self._turns).window(seconds)


class Net:
    """One network in LiteRT with its inputs filled, batch 1.

    `partitions` counts the pieces of the graph that LiteRT's default delegate, XNNPACK, has taken:
    one for a network it knows in full, more where operators it lacks cut it, none without XNNPACK.
    `left` names those operators.
    """

    def __init__(self, model: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()
        for tensor in interpreter.get_input_details():
            interpreter.set_tensor(tensor["index"], _noise(tensor["shape"], tensor["dtype"]))
        self.partitions, self.left = _delegation(interpreter._get_ops_details())
        self._interpreter = interpreter
        # `interpreter.invoke()` counts references before each run, which costs 0.6 us: one percent
        # of a 60 us network. The call beneath it is the same inference without that.
        self._run: Callable[[], None] = interpreter._interpreter.Invoke
        # With one thread the network runs on this very thread, whose CPU clock stands still while
        # another process has the core. (Windows has only a coarse one, of 16 ms.)
        self._alone = threads == 1 and get_clock_info("thread_time").resolution < 1e-6
        self._typical = 0.0  # nanoseconds a run, as far as known

    def warm(self, seconds: float) -> float:
        """Run it for about so long, twice at least; the seconds that a run takes then."""
        [self._typical] = self.timed(1)  # it packs weights: several times too long
        if self._typical < seconds * 1e9:
            self._typical = median(self.timed(_WARM_RUNS))
        self._typical = median(self.timed(self._runs(seconds)))
        return self._typical / 1e9

    def window(self, seconds: float) -> list[int]:
        """The nanoseconds of each of as many runs as typically fill `seconds`, at least one.

        A number of runs and not a time: a window that ends when its time is up would end early
        after a disturbance, with too few runs for its median to outvote the disturbed one.
        """
        return self.timed(self._runs(seconds))

    def _runs(self, seconds: float) -> int:
        return max(1, round(seconds * 1e9 / self._typical))

    def timed(self, count: int) -> list[int]:
        """The nanoseconds of each of so many runs."""
        # Virtual machines charge the time their host stole to a later run, whose CPU clock then
        # says far too little, even nothing: such a run counts by the wall clock.
        run, least, runs = self._run, self._typical / 2, []
        for _ in range(count):
            cpu_start = thread_time_ns()
            start = perf_counter_ns()
            run()
            wall = perf_counter_ns() - start
            cpu = thread_time_ns() - cpu_start  # a microsecond more than wall if nobody cut in
            runs.append(cpu if self._alone and least < cpu < wall else wall)
        return runs


def _delegation(operators: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """How many pieces XNNPACK has taken, and the names of the operators that it has left.

    LiteRT still lists the operators it has given away; they are those on the way from a piece's
    outputs back to its inputs.
    """
    pieces = [operator for operator in operators if operator["op_name"] == "DELEGATE"]
    own = [operator for operator in operators if operator["op_name"] != "DELEGATE"]
    makers = {tensor: operator for operator in own for tensor in operator["outputs"].tolist()}
    taken = set()
    for piece in pieces:
        inputs, behind = set(piece["inputs"].tolist()), piece["outputs"].tolist()
        while behind:
            tensor = behind.pop()
            if tensor in makers and tensor not in inputs:
                maker = makers[tensor]
                if maker["index"] not in taken:
                    taken.add(maker["index"])
                    behind += maker["inputs"].tolist()
    return len(pieces), [each["op_name"] for each in own if each["index"] not in taken]


def _noise(shape: Any, dtype: Any) -> Any:
    """The same inputs each time; random, because zeros can be quicker than any image."""
    import numpy as np

    draw = np.random.default_rng(0)
    if np.issubdtype(dtype, np.floating):
        return draw.uniform(-1, 1, shape).astype(dtype)
    if dtype in (np.int8, np.uint8):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        return draw.integers(low, high, shape, dtype, endpoint=True)
    return np.zeros(shape, dtype)  # indices, lengths and flags: zero is always valid


def _pin(threads: int, core: int | None) -> list[int] | None:
    """Keep this process on `threads` cores from `core` on, by default the last ones.

    The last, because systems tend to serve interrupts on the first.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        raise ValueError(f"{threads} threads need as many cores, this process may use {allowed}")
    if core is not None and core not in allowed:
        raise ValueError(f"core {core} is not one of those this process may use, {allowed}")
    first = len(allowed) - threads if core is None else allowed.index(core)
    cores = sorted((allowed * 2)[first : first + threads])
    os.sched_setaffinity(0, cores)
    return cores


def _board() -> str | None:
    """What the maker calls the machine: "Raspberry Pi 5 Model B Rev 1.0"."""
    name = _text(_PROC / "device-tree/model") or _text(_SYS / "class/dmi/id/product_name")
    return name.strip("\0 \n") if name else None


def cpu_model() -> str:
    for line in (_text(_PROC / "cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return _board() or platform.processor() or platform.machine() or "unknown processor"


def state() -> dict[str, Any]:
    """How hot the machine is, and its load: programs that want a core, over the last minute."""
    return {"heat": heat(), "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def heat() -> dict[str, Any]:
    """How hot the machine is; None where its kernel does not tell.

    `celsius` is its hottest sensor's; `throttled` says whether its cores are slowed down for heat
    (or, on a Raspberry Pi, for want of power) at this moment.
    """
    thermal = _SYS / "class/thermal"
    zones = [_text(path) for path in thermal.glob("thermal_zone*/temp")]
    celsius = [int(zone) / 1000 for zone in zones if zone]
    brakes = [
        _text(path.with_name("cur_state")) or "0"
        for path in thermal.glob("cooling_device*/type")
        if any(word in (_text(path) or "") for word in ("cpufreq", "Processor"))
    ]
    firmware = _text(_SYS / "devices/platform/soc/soc:firmware/get_throttled")  # a Raspberry Pi's
    if firmware:
        brakes.append(str(int(firmware, 16) & 0b1111))  # the higher bits tell of the past
    return {
        "celsius": max(celsius) if celsius else None,
        "throttled": any(int(brake) for brake in brakes) if brakes else None,
    }


def _is_virtual() -> bool | None:
    """Whether the machine shares its cores with others; None where the kernel does not tell."""
    flags = [
        line for line in (_text(_PROC / "cpuinfo") or "").splitlines() if line.startswith("flags")
    ]
    return "hypervisor" in flags[0].split() if flags else None


def _governor(cores: list[int] | None) -> str | None:
    """The frequency governor of the first core used, where the kernel tells."""
    core = cores[0] if cores else 0
    text = _text(_SYS / f"devices/system/cpu/cpu{core}/cpufreq/scaling_governor")
    return text.strip() if text else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until the asker closes its end or dies."""
    bench: Bench | None = None
    while True:
        try:
            header, payload = read_frame(requests)
        except EOFError:
            return
        answer: dict[str, Any] = {}
        times = b""
        try:
            if header["op"] == "start":
                bench = Bench(header["threads"], header["core"])
                answer = bench.facts()
            elif bench is None:
                answer = {"error": "start comes first"}
            elif header["op"] == "load":
                answer = bench.load(header["net"], payload, header["warm_s"], header["copies"])
            elif header["op"] == "free":
                bench.free()
            elif header["op"] == "state":
                answer = state()
            else:
                windows = bench.windows(header["order"], header["window_s"])
                runs = [run for window in windows for run in window]
                answer = {"counts": [len(window) for window in windows]}
                times = struct.pack(f">{len(runs)}q", *runs)
        except Exception as error:  # whatever LiteRT raises is a sentence for the asker
            answer = {"error": " ".join(str(error).split()) or type(error).__name__}
        write_frame(answers, answer, times)


def main() -> None:
    """Serve stdin and stdout; what libraries print goes to stderr, not in between the frames."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asker's to handle
    gc.disable()  # a collection during a run would be timed with it, and nothing here makes cycles
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # the asker died while an answer was under way; there is nobody to flush it to


if __name__ == "__main__":
    main()
