"""Google's `benchmark_model` and a phone's own words about itself: text out, text in, no phone.

Flags and output are those of LiteRT's tflite/tools/benchmark (benchmark_model.cc and its README)
and of the statistics it prints (stats_calculator.h); older ones have no median.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from pocketnas.errors import DeviceError

# Has the program ready-made for Android.
DOWNLOAD = "https://developers.google.com/edge/litert/next/benchmark"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of `benchmark_model`.

    Attributes:
        graph: the model's path on the phone.
        threads: of the interpreter.
        warmup_runs: runs before those that count.
        runs: runs that count.
        cores: the mask of the cores it is kept on, hexadecimal; None leaves it to the phone.
    """

    graph: str
    threads: int
    warmup_runs: int
    runs: int
    cores: str | None = None

    def command(self, program: str) -> str:
        """The command line for the phone's shell; `program` is the path of `benchmark_model`.

        The seconds are zero because otherwise both kinds of runs go on until as many are over, and
        a window is a number of runs (docs/latency.md).
        """
        keep = ["taskset", self.cores] if self.cores else []
        flags = {
            "graph": self.graph,
            "num_threads": self.threads,
            "warmup_runs": self.warmup_runs,
            "warmup_min_secs": 0,
            "num_runs": self.runs,
            "min_secs": 0,
            "use_xnnpack": "true",
        }
        return shlex.join([*keep, program, *(f"--{name}={value}" for name, value in flags.items())])


@dataclass(frozen=True, slots=True)
class Timings:
    """What one run of `benchmark_model` says; times are microseconds.

    Attributes:
        init: loading the model and giving it to XNNPACK.
        first: the first inference of all.
        warmup: the mean of those that do not count.
        runs: how many count.
        mean: their mean.
        middle: their median, in whole microseconds; the mean where the program is too old to say.
        low: the fastest.
        high: the slowest.
        partitions: pieces of the graph that XNNPACK has taken; None if the program does not say.
    """

    init: float
    first: float
    warmup: float
    runs: int
    mean: float
    middle: float
    low: float
    high: float
    partitions: int | None = None


_SUMMARY = re.compile(
    r"Inference timings in us: Init: (\S+), First inference: (\S+), "
    r"Warmup \(avg\): (\S+), Inference \(avg\): (\S+)"
)
_STATISTICS = re.compile(r"\bcount=(\d+)\b(.*)")
_VALUE = re.compile(r"(\w+)=([-+.\w]+)")
_PARTITIONS = re.compile(r"XNNPACK delegate.*?(?:w/ (\d+) delegate kernels|(completely))")
_ERROR = re.compile(r"\bERROR: (.+)")


def timings(output: str) -> Timings:
    """What `benchmark_model` printed.

    Raises:
        DeviceError: it did not print its last figures, or they make no sense; with its errors, or
            else its last line.
    """
    summary = _SUMMARY.search(output)
    statistics = _STATISTICS.findall(output[: summary.start()]) if summary else []
    if summary is None or not statistics:
        raise DeviceError(f"benchmark_model printed no timings; {last_words(output)}")
    count, rest = statistics[-1]
    try:
        init, first, warmup, mean = (float(number) for number in summary.groups())
        values = {name: float(number) for name, number in _VALUE.findall(rest)}
    except ValueError:
        raise DeviceError(f"benchmark_model's timings are no numbers: {summary[0]}") from None
    middle = values.get("median", mean)
    if not (int(count) > 0 and 0 < middle < float("inf") and 0 < mean < float("inf")):
        raise DeviceError(f"benchmark_model timed nothing; {last_words(output)}")
    curr = values.get("curr", middle)  # all there is where all runs took equally long
    return Timings(
        init=init,
        first=first,
        warmup=warmup,
        runs=int(count),
        mean=mean,
        middle=middle,
        low=values.get("min", curr),
        high=values.get("max", curr),
        partitions=_partitions(output),
    )


def last_words(output: str) -> str:
    """Why a program failed, in one line: its errors, or else the last line it printed."""
    errors = [error for error in _ERROR.findall(output) if error != "Benchmarking failed."]
    if errors:
        return "it says: " + " ".join(error.strip() for error in errors)[-400:]
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"its last line: {lines[-1][-400:]}" if lines else "it printed nothing"


def _partitions(output: str) -> int | None:
    if not (found := _PARTITIONS.search(output)):
        return None
    return int(found[1]) if found[1] else 1


@dataclass(frozen=True, slots=True)
class Battery:
    """From `dumpsys battery`: level in percent, temperature in degrees Celsius."""

    level: int | None
    temperature_c: float | None
    plugged: bool


def battery(text: str) -> Battery:
    """What `dumpsys battery` printed; None for what it leaves out."""
    values = dict(re.findall(r"^\s*([\w ]+?): (\S+)", text, re.MULTILINE))
    level, tenths = values.get("level"), values.get("temperature")
    sources = ("AC powered", "USB powered", "Wireless powered", "Dock powered")
    return Battery(
        level=int(level) if level and level.isdecimal() else None,
        temperature_c=int(tenths) / 10 if tenths and re.fullmatch(r"-?\d+", tenths) else None,
        plugged=any(values.get(source) == "true" for source in sources),
    )


# android.os.PowerManager: THERMAL_STATUS_*
THROTTLING = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_SKIN = 3  # android.os.Temperature: TYPE_SKIN


@dataclass(frozen=True, slots=True)
class Thermals:
    """From `dumpsys thermalservice` (Android 10 on): how much the phone slows itself, and its skin.

    Attributes:
        status: an index into `THROTTLING`; None where the phone does not say.
        skin_c: the hottest skin sensor, degrees Celsius; None without one.
    """

    status: int | None
    skin_c: float | None


def thermals(text: str) -> Thermals:
    """What `dumpsys thermalservice` printed; of the temperatures those of now, not the cached."""
    status = re.search(r"Thermal Status: (\d+)", text)
    _, _, now = text.rpartition("Current temperatures from HAL:")
    now, _, _ = now.partition("Current cooling devices")
    sensors = re.findall(r"mValue=(-?[\d.]+), mType=(-?\d+)", now)
    skin = [float(value) for value, kind in sensors if int(kind) == _SKIN]
    return Thermals(int(status[1]) if status else None, max(skin, default=None))


def screen_is_on(text: str) -> bool | None:
    """From `dumpsys power`; None where it does not say."""
    found = re.search(r"mWakefulness=(\w+)", text)
    return found[1] == "Awake" if found else None


_CORE = re.compile(r"/cpu(\d+)/cpufreq/\w+:(\S+)")


def by_core(text: str) -> dict[int, str]:
    """From `grep -H . /sys/devices/system/cpu/cpu*/cpufreq/FILE`: what the file says, by core."""
    return dict(sorted((int(core), value) for core, value in _CORE.findall(text)))


def fastest_cores(kilohertz: Mapping[int, int], threads: int) -> list[int]:
    """The cores of the fastest kind, and of the next where those are fewer than the threads."""
    chosen: list[int] = []
    for speed in sorted(set(kilohertz.values()), reverse=True):
        if len(chosen) < threads:
            chosen += [core for core in sorted(kilohertz) if kilohertz[core] == speed]
    return chosen


def mask(cores: list[int]) -> str:
    """The cores as Android's `taskset` wants them: a hexadecimal number without a prefix."""
    return format(sum(1 << core for core in cores), "x")
