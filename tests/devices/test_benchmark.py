import shlex

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pocketnas.devices import benchmark
from pocketnas.devices.benchmark import (
    Battery,
    Invocation,
    Thermals,
    Timings,
    battery,
    fastest_cores,
    mask,
    screen_is_on,
    thermals,
    timings,
)
from pocketnas.devices.simulated.benchmark import _statistics
from pocketnas.errors import DeviceError

# As printed on a TI AM62x board, by its processor SDK's documents.
NEW = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Graph: [ssd_mobilenet_v2_coco.tflite]
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
INFO: XNNPACK delegate created.
INFO: Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the \
delegate w/ 3 delegate kernels.
INFO: The input model file size (MB): 67.3128
INFO: Initialized session in 614.333ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if \
exceeding 150 seconds.
INFO: count=1 curr=905463 p5=905463 median=905463 p95=905463
INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if \
exceeding 150 seconds.
INFO: count=50 first=900416 curr=898333 min=898007 max=906121 avg=899641 std=1549 p5=898333 \
median=899281 p95=904305
INFO: Inference timings in us: Init: 614333, First inference: 905463, Warmup (avg): 905463, \
Inference (avg): 899641
INFO: Memory footprint delta from the start of the tool (MB): init=143.75 overall=157.656
"""
# As TensorFlow 2.4's printed: no prefix, no median, an exponent.
OLD = """\
STARTING!
Loaded model ./mobilenet_v1_1.0_224.tflite
Initialized session in 17.187ms.
count=1 curr=3512391

count=50 first=2990275 curr=2913402 min=2727568 max=3189954 avg=2.95034e+06 std=109798

Inference timings in us: Init: 17187, First inference: 3512391, Warmup (avg): 3.51239e+06, \
Inference (avg): 2.95034e+06
Operator-wise Profiling Info for Regular Benchmark Runs:
Timings (microseconds): count=4 first=1 curr=2 min=1 max=2 avg=1.5 std=0
"""


def test_the_output_of_today_and_of_the_past() -> None:
    assert timings(NEW) == Timings(614333, 905463, 905463, 50, 899641, 899281, 898007, 906121, 3)
    assert timings(OLD) == Timings(
        17187, 3512391, 3512390, 50, 2950340, 2950340, 2727568, 3189954, None
    )


def test_a_network_that_xnnpack_takes_whole_is_one_piece() -> None:
    whole = NEW.replace("partially executed by the delegate w/ 3 delegate kernels", "completely")
    assert timings(whole).partitions == 1


def test_runs_that_all_took_equally_long() -> None:
    same = NEW.replace(
        "count=50 first=900416 curr=898333 min=898007 max=906121 avg=899641 std=1549",
        "count=50 curr=7(all same)",
    ).replace("median=899281", "median=7")
    found = timings(same)
    assert (found.runs, found.middle, found.low, found.high) == (50, 7, 7, 7)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("", "it printed nothing"),
        ("STARTING!\nLoaded model x\n\n", "its last line: Loaded model x"),
        (
            "INFO: STARTING!\nERROR: Failed to mmap model x\nERROR: Benchmarking failed.\n",
            "it says: Failed to mmap model x",
        ),
        (OLD.replace("count=50", "count=0"), "timed nothing"),
        (OLD.replace("2.95034e+06", "nan"), "timed nothing"),
        (OLD.replace("Init: 17187", "Init: soon"), "are no numbers"),
    ],
)
def test_output_without_timings_is_a_sentence(output: str, says: str) -> None:
    with pytest.raises(DeviceError, match=says) as refusal:
        timings(output)
    assert "\n" not in str(refusal.value)


@given(st.integers(0, len(NEW) - 1), st.integers(0, 60))
def test_output_cut_anywhere_is_understood_or_refused_in_a_sentence(start: int, size: int) -> None:
    damaged = NEW[:start] + NEW[start + size :]
    try:
        middle, refusal = timings(damaged).middle, ""
    except DeviceError as error:
        middle, refusal = 1.0, str(error)
    assert 0 < middle < float("inf")
    assert "\n" not in refusal


@given(st.lists(st.integers(1, 10**9), min_size=1))
def test_statistics_say_what_the_runs_were(microseconds: list[int]) -> None:
    """What the stand-in prints is read back: the same words, so the same numbers."""
    output = (
        f"INFO: {_statistics(microseconds)}\nINFO: Inference timings in us: Init: 1, First "
        f"inference: 2, Warmup (avg): 3, Inference (avg): {sum(microseconds) / len(microseconds)}"
    )
    found = timings(output)
    ordered = sorted(microseconds)
    assert found.runs == len(microseconds)
    assert (found.low, found.high) == (ordered[0], ordered[-1])
    assert found.middle == ordered[len(ordered) // 2]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_command_survives_the_shell_whatever_the_path(path: str) -> None:
    command = Invocation(path, 2, 3, 40, "f0").command("/data/local/tmp/benchmark_model")
    assert shlex.split(command) == [
        "taskset",
        "f0",
        "/data/local/tmp/benchmark_model",
        f"--graph={path}",
        "--num_threads=2",
        "--warmup_runs=3",
        "--warmup_min_secs=0",
        "--num_runs=40",
        "--min_secs=0",
        "--use_xnnpack=true",
    ]
    assert not Invocation(path, 2, 3, 40).command("x").startswith("taskset")


# Xiaomi, Android 14: lines of time in between.
BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
 Time when the latest updated value of the Max charging current was sent: +4d14h33m12s309ms
  status: 5
  level: 97
  scale: 100
  temperature: 301
  technology: Li-poly
"""
THERMALS = """\
IsStatusOverride: false
Thermal Status: 2
Cached temperatures:
\tTemperature{mValue=80.0, mType=3, mName=stale, mStatus=3}
HAL connection:
Current temperatures from HAL:
\tTemperature{mValue=62.500004, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=26.274, mType=3, mName=skin, mStatus=0}
\tTemperature{mValue=31.5, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=90, mType=3, mName=fan}
"""


def test_a_battery() -> None:
    assert battery(BATTERY) == Battery(97, 30.1, True)
    assert battery(BATTERY.replace("USB powered: true", "USB powered: false")).plugged is False
    assert battery("Can't find service: battery") == Battery(None, None, False)
    assert battery("  temperature: -45\n") == Battery(None, -4.5, False)


def test_temperatures_are_those_of_now() -> None:
    assert thermals(THERMALS) == Thermals(2, 31.5)
    assert thermals("Can't find service: thermalservice") == Thermals(None, None)
    assert benchmark.THROTTLING[2] == "moderate"


def test_the_screen() -> None:
    assert screen_is_on("  mWakefulness=Awake\n") is True
    assert screen_is_on("  mWakefulness=Dozing\n") is False
    assert screen_is_on("") is None


def test_cores_by_the_files_of_the_kernel() -> None:
    text = "\n".join(
        f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq:{1000 + core}"
        for core in (0, 10, 2)
    )
    assert list(benchmark.by_core(text).items()) == [(0, "1000"), (2, "1002"), (10, "1010")]
    assert benchmark.by_core("grep: Permission denied") == {}


def test_big_cores() -> None:
    tensor = (
        dict.fromkeys(range(4), 1803) | dict.fromkeys((4, 5), 2253) | dict.fromkeys((6, 7), 2802)
    )
    assert fastest_cores(tensor, 1) == fastest_cores(tensor, 2) == [6, 7]
    assert mask([6, 7]) == "c0"
    assert fastest_cores(tensor, 4) == [6, 7, 4, 5]
    assert mask([6, 7, 4, 5]) == "f0"
    assert fastest_cores({}, 1) == []


@given(st.dictionaries(st.integers(0, 15), st.integers(1, 5)), st.integers(1, 8))
def test_chosen_cores_are_never_slower_than_others(speeds: dict[int, int], threads: int) -> None:
    assume(speeds)
    chosen = fastest_cores(speeds, threads)
    assert len(chosen) >= min(threads, len(speeds))
    others = speeds.keys() - set(chosen)
    assert all(speeds[a] > speeds[b] for a in chosen for b in others)
    assert int(mask(chosen), 16).bit_count() == len(chosen)
