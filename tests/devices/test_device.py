import subprocess
import sys
from dataclasses import replace

import pytest

from pocketnas.devices import Latency, repeated
from pocketnas.errors import DeviceError

LATENCY = Latency(
    milliseconds=1.5,
    low=1.48,
    high=1.52,
    ratio=0.75,
    pairs=60,
    runs=180,
    threads=1,
    raw_median=1.9,
    raw_p90=2.4,
    raw_spread=0.3,
    reference_ms=2.0,
    reference_raw_median=2.6,
    device="host (Some CPU)",
)


def test_a_latency_is_said_with_device_threads_runs_and_statistic() -> None:
    assert str(LATENCY) == (
        "1.500 ±0.020 ms on host (Some CPU), 1 thread, 180 runs, "
        "trimmed mean of 60 ratios to a 2.000 ms reference"
    )


def test_a_latency_survives_its_dict() -> None:
    assert Latency.from_dict(LATENCY.to_dict()) == LATENCY
    assert Latency.from_dict(LATENCY.to_dict() | {"reference_ms": 2}) == LATENCY


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"extra": 1}, "extra"),
        ({"pairs": "60"}, "pairs"),
        ({"milliseconds": None}, "milliseconds"),
        ({"device": 3}, "device"),
    ],
)
def test_a_wrong_dict_is_refused_by_name(change: dict[str, object], says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        Latency.from_dict({**LATENCY.to_dict(), **change})


def test_a_missing_value_is_refused_by_name() -> None:
    values = LATENCY.to_dict()
    del values["ratio"]
    with pytest.raises(DeviceError, match="ratio"):
        Latency.from_dict(values)


def test_importing_devices_brings_in_neither_numpy_nor_litert() -> None:
    check = "import sys, pocketnas.devices; print('numpy' in sys.modules, *sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", check], text=True)
    assert modules.startswith("False")
    assert "ai_edge_litert" not in modules


def test_several_measurements_are_the_middle_one_with_the_widest_interval() -> None:
    slow = replace(LATENCY, milliseconds=1.6, low=1.59, high=1.61, ratio=0.8)
    fast = replace(LATENCY, milliseconds=1.4, low=1.37, high=1.43, ratio=0.7)
    assert repeated([slow, LATENCY, fast]) == replace(LATENCY, low=1.37, high=1.61)
    assert repeated([slow, fast]) == replace(fast, high=1.61)
    assert repeated([slow]) == slow
    with pytest.raises(DeviceError, match="at least one"):
        repeated([])
