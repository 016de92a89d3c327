"""The stand-in for `benchmark_model` on a simulated phone: the same flags, the same words.

It runs the network for real, in a process of this computer, and turns its times into the phone's.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import fmean, pstdev
from typing import IO, Any, cast

_DEFAULTS = {  # of benchmark_model.cc
    "num_threads": "1",  # there -1, which LiteRT takes for one
    "warmup_runs": "1",
    "warmup_min_secs": "0.5",
    "num_runs": "50",
    "min_secs": "1",
}
_IGNORED = ("use_xnnpack", "max_secs", "verbose")  # known, and no difference here


class Bench:
    """The process that runs the networks; one run at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the process answers; an `error` if it died."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "pocketnas.devices.simulated.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            try:
                requests = cast(IO[str], self._process.stdin)
                print(json.dumps(request), file=requests, flush=True)
                line = cast(IO[str], self._process.stdout).readline()
                answer: dict[str, Any] = json.loads(line)
            except (OSError, ValueError):  # it died on the way
                return {"error": "Segmentation fault"}
            return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                cast(IO[str], pipe).close()


def benchmark_model(
    flags: Sequence[str],
    local: Callable[[str], Path],
    bench: Bench,
    slowed: Callable[[Sequence[int]], list[float]],
) -> tuple[int, str]:
    """Exit status and output of one run.

    Args:
        flags: as given on the command line.
        local: where a path of the phone lies on this computer.
        bench: runs the network.
        slowed: the phone's microseconds for nanoseconds of this computer.
    """
    given = dict(flag.removeprefix("--").split("=", 1) for flag in flags if "=" in flag)
    values = _DEFAULTS | given
    lines = ["INFO: STARTING!"]
    strange = [flag for flag in given if flag not in (*_DEFAULTS, *_IGNORED, "graph")]
    if strange:
        unconsumed = " ".join(f"--{name}={given[name]}" for name in strange)
        lines.append(f"WARN: Unconsumed cmdline flags: {unconsumed}")
    if not values.get("graph"):
        lines.append("ERROR: Please specify the name of your TF Lite input file with --graph")
        return _failed(lines)
    graph = values["graph"]
    lines += [f"INFO: Num threads: [{values['num_threads']}]", f"INFO: Graph: [{graph}]"]
    try:
        request: dict[str, Any] = {
            "graph": str(local(graph)),
            "threads": max(1, int(values["num_threads"])),
            "warmup_runs": int(values["warmup_runs"]),
            "warmup_s": float(values["warmup_min_secs"]),
            "runs": int(values["num_runs"]),
            "min_s": float(values["min_secs"]),
        }
        megabytes = local(graph).stat().st_size / 1e6
    except (OSError, ValueError):
        return _failed([*lines, f"ERROR: Failed to mmap model {graph}"])
    answer = bench.ask(request)
    if "error" in answer:
        return _failed([*lines, f"ERROR: {answer['error']}"])
    lines += [
        f"INFO: Loaded model {graph}",
        "INFO: XNNPACK delegate created.",
        _applied(answer["partitions"]),
        f"INFO: The input model file size (MB): {megabytes:g}",
    ]
    [init] = slowed([answer["init_ns"]])
    warmup, timed = (_by_its_clock(slowed(answer[kind])) for kind in ("warmup", "timed"))
    lines += [
        f"INFO: Initialized session in {init / 1e3:g}ms.",
        _announced(request["warmup_runs"], request["warmup_s"]),
        f"INFO: {_statistics(warmup)}\n",
        _announced(request["runs"], request["min_s"]),
        f"INFO: {_statistics(timed)}\n",
        f"INFO: Inference timings in us: Init: {init:.0f}, First inference: "
        f"{_first(warmup)}, Warmup (avg): {_mean(warmup)}, Inference (avg): {_mean(timed)}",
    ]
    return 0, "\n".join(lines) + "\n"


def _failed(lines: list[str]) -> tuple[int, str]:
    return 1, "\n".join([*lines, "ERROR: Benchmarking failed."]) + "\n"


def _applied(partitions: int) -> str:
    if not partitions:
        return (
            "INFO: Though XNNPACK delegate is explicitly applied, the model graph will not be "
            "executed by the delegate."
        )
    return (
        "INFO: Explicitly applied XNNPACK delegate, and the model graph will be partially executed "
        f"by the delegate w/ {partitions} delegate kernels."
    )


def _announced(runs: int, seconds: float) -> str:
    return (
        f"INFO: Running benchmark for at least {runs} iterations and at least {seconds:g} seconds "
        "but terminate if exceeding 150 seconds."
    )


def _by_its_clock(times: Sequence[float]) -> list[int]:
    """Times as a clock of whole microseconds measures them: right on average."""
    ticks = [int(instant) for instant in accumulate(times, initial=0.0)]
    return [after - before for before, after in pairwise(ticks)]


def _statistics(times: Sequence[int]) -> str:
    """As stats_calculator.h prints them."""
    if not times:
        return "count=0"
    ordered, count = sorted(times), len(times)
    words = f"count={count}"
    if ordered[0] == ordered[-1]:
        words += f" curr={times[-1]}" + ("(all same)" if count > 1 else "")
    else:
        words += (
            f" first={times[0]} curr={times[-1]} min={ordered[0]} max={ordered[-1]} "
            f"avg={fmean(times):g} std={pstdev(times):.0f}"
        )
    p5, median, p95 = (ordered[count * percent // 100] for percent in (5, 50, 95))
    return f"{words} p5={p5} median={median} p95={p95}"


def _first(times: Sequence[int]) -> int:
    return times[0] if times else 0


def _mean(times: Sequence[int]) -> str:
    return f"{fmean(times):g}" if times else "nan"
