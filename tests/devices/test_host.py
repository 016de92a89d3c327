import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contracts.device import BIG, REFERENCE, SMALL, DeviceContract
from devices.tiny_models import conv_stack, with_operator_left
from pocketnas.devices import Delegation, Device, HostDevice, cooling, paired
from pocketnas.devices.child import Child
from pocketnas.devices.litert_bench import LiteRtBench
from pocketnas.errors import DeviceError

QUICK: dict[str, Any] = {"reference_ms": 1.0, "budget_s": 0.15}


class TestHostDevice(DeviceContract):
    @pytest.fixture
    def open_device(self) -> Callable[[bytes], Device]:
        return lambda reference: HostDevice(reference, **QUICK)


@pytest.fixture
def host() -> Iterator[HostDevice]:
    with HostDevice(REFERENCE, **QUICK) as device:
        yield device


def child(device: HostDevice) -> int:
    assert device._bench is not None
    return device._bench.child._process.pid


def gone(pid: int) -> bool:
    """Whether the process ended; a zombie that nobody has buried yet has ended too."""
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def wait_until_gone(pid: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not gone(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return gone(pid)


def test_it_calibrates_the_reference_itself() -> None:
    with HostDevice(REFERENCE, budget_s=0.15) as device:
        latency = device.measure(REFERENCE)
        assert 0.0005 < device.reference_ms < 50
        assert latency.milliseconds == pytest.approx(latency.ratio * device.reference_ms)


def test_it_stops_early_when_sure_enough() -> None:
    with HostDevice(REFERENCE, reference_ms=1.0, tolerance=10.0, budget_s=60.0) as device:
        begin = time.monotonic()
        latency = device.measure(SMALL)
        assert time.monotonic() - begin < 30
        assert latency.pairs >= 10


def test_it_says_how_it_gets_on() -> None:
    with HostDevice(REFERENCE, reference_ms=1.0, tolerance=10.0) as device:
        heard: list[str] = []
        device.compare({"one": SMALL, "other": BIG}, watch=heard.append)
    assert heard[:2] == ["loading one", "loading other"]
    assert heard[2] == "0 of 2 done"
    assert set(heard[3:]) <= {"0 of 2 done", "1 of 2 done"}


def test_a_network_of_long_runs_has_one_in_a_window(host: HostDevice) -> None:
    latency = host.measure(conv_stack(4, channels=32, side=128))
    assert latency.runs == latency.pairs >= paired.FEWEST


def test_a_long_round_is_asked_window_by_window(
    host: HostDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked all at once it would take longer than the device waits for an answer."""
    orders: list[list[int]] = []
    ask = Child.ask

    def listened(self: Child, header: dict[str, Any], payload: bytes, what: str) -> Any:
        orders.append(header.get("order", []))
        return ask(self, header, payload, what)

    monkeypatch.setattr(Child, "ask", listened)
    host.compare({"one": SMALL, "other": BIG})
    assert max(map(len, orders)) > 1
    orders.clear()
    assert host._bench is not None
    host._bench._timeout_s = 0.001
    host.compare({"one": SMALL, "other": BIG})
    assert max(map(len, orders)) == 1
    assert sum(map(len, orders)) >= 4 * paired.FEWEST


def test_the_networks_of_a_comparison_are_freed_after_it(host: HostDevice) -> None:
    def kilobytes() -> int:
        status = Path(f"/proc/{child(host)}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    models = {str(i): conv_stack(4, channels=256, side=4) for i in range(3)}  # 9 MB each
    resident = []
    for _ in range(4):
        host.compare(models, budget_s=0.01)
        resident.append(kilobytes())
    assert resident[3] < resident[1] + 27_000  # the allocator keeps something the first time


def test_it_names_the_operators_that_xnnpack_leaves(host: HostDevice) -> None:
    assert host.inspect(SMALL) == Delegation(1, ())
    split = with_operator_left(conv_stack(3))
    assert host.inspect(split) == Delegation(2, ("LOG_SOFTMAX",))
    assert host.measure(split).milliseconds > 0


def test_a_bad_model_is_not_inspected(host: HostDevice) -> None:
    with pytest.raises(DeviceError, match="loading the model"):
        host.inspect(b"not a flatbuffer")
    assert host.inspect(SMALL).partitions == 1


def test_its_facts_name_the_machine_and_the_settings(host: HostDevice) -> None:
    facts = host.facts()
    assert facts["threads"] == 1
    assert facts["xnnpack_partitions"] == 1
    assert facts["litert"]
    assert facts["budget_s"] == QUICK["budget_s"]
    if hasattr(os, "sched_getaffinity"):
        assert facts["affinity"] == [max(os.sched_getaffinity(0))]
        assert os.sched_getaffinity(child(host)) == {max(os.sched_getaffinity(0))}


def test_a_throttled_machine_is_waited_for_and_not_charged(
    host: HostDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [{"heat": {"celsius": 90.0, "throttled": hot}, "load": 1.0} for hot in (True, False)]
    state = LiteRtBench.state
    monkeypatch.setattr(LiteRtBench, "state", lambda self: states.pop(0) if states else state(self))
    monkeypatch.setattr(cooling, "sleep", lambda seconds: time.sleep(0.5))
    heard: list[str] = []
    latency = host.compare({"small": SMALL}, tolerance=1e-9, budget_s=0.6, watch=heard.append)
    assert "waiting for host to cool down: 90.0 °C, throttled" in heard
    assert latency["small"].pairs >= 10


def test_a_child_killed_between_measurements_is_replaced(host: HostDevice) -> None:
    first = child(host)
    os.kill(first, signal.SIGKILL)
    assert wait_until_gone(first)
    assert host.measure(SMALL).milliseconds > 0
    assert child(host) != first


def test_a_child_killed_while_it_measures_is_an_error_and_then_replaced() -> None:
    def assassin() -> None:
        while not caught.wait(0.2):
            if device._bench is not None:
                os.kill(child(device), signal.SIGKILL)

    with HostDevice(REFERENCE, reference_ms=1.0, tolerance=1e-9, budget_s=30.0) as device:
        caught = threading.Event()
        thread = threading.Thread(target=assassin)
        thread.start()
        try:
            with pytest.raises(DeviceError, match=r"measuring process died \(SIGKILL\) while"):
                device.measure(SMALL)
        finally:
            caught.set()
            thread.join()
        device._budget_s = 0.15
        assert device.measure(SMALL).milliseconds > 0
        assert device.reference_ms == 1.0


def test_a_child_that_hangs_is_an_error_and_then_replaced() -> None:
    with HostDevice(REFERENCE, **QUICK, timeout_s=3) as device:
        stopped = child(device)
        os.kill(stopped, signal.SIGSTOP)
        big = conv_stack(8, channels=64)  # more than the pipe holds: the request itself gets stuck
        with pytest.raises(DeviceError, match="no answer within 3 s while loading the model"):
            device.measure(big)
        assert gone(stopped)
        device._timeout_s = 60
        assert device.measure(SMALL).milliseconds > 0


def test_when_the_parent_is_killed_the_child_ends(tmp_path: Path) -> None:
    model = tmp_path / "reference.tflite"
    model.write_bytes(REFERENCE)
    program = f"""
from pathlib import Path
from pocketnas.devices import HostDevice
model = Path({str(model)!r}).read_bytes()
device = HostDevice(model, reference_ms=1.0, tolerance=1e-9, budget_s=60.0)
print(device._bench.child._process.pid, flush=True)
device.measure(model)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
    assert wait_until_gone(pid)


def test_closing_ends_the_child_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with HostDevice(REFERENCE, **QUICK) as device:
        pid = child(device)
        device.measure(SMALL)
        assert not list(tmp_path.iterdir())  # not even while it is open
    assert gone(pid)
    assert device._bench is None
    assert capfd.readouterr() == ("", "")  # LiteRT's chatter stays in the child


def test_a_failed_start_leaves_no_process_and_no_open_file() -> None:
    with pytest.raises(DeviceError):
        HostDevice(b"not a flatbuffer")
    with pytest.raises(DeviceError, match="core 4096"):
        HostDevice(REFERENCE, core=4096)


def test_ctrl_c_leaves_the_child_to_its_parent(host: HostDevice) -> None:
    before = child(host)
    os.kill(before, signal.SIGINT)
    assert host.measure(SMALL).milliseconds > 0
    assert child(host) == before


def test_two_devices_measure_at_once(host: HostDevice) -> None:
    with HostDevice(REFERENCE, **QUICK) as other, ThreadPoolExecutor(2) as pool:
        latencies = list(pool.map(lambda device: device.measure(SMALL), (host, other)))
    assert all(0.1 < latency.ratio < 1.5 for latency in latencies)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs pinned processes")
def test_a_busy_process_on_the_same_core_leaves_the_ratio_alone() -> None:
    """Its time slices are as long as this network's run: by the wall clock it takes one or two."""
    model = conv_stack(8, channels=32, side=32)
    core = max(os.sched_getaffinity(0))
    busy = f"import os; os.sched_setaffinity(0, [{core}]); print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE) as neighbour:
        try:
            assert neighbour.stdout is not None
            neighbour.stdout.readline()
            with HostDevice(model, reference_ms=1.0, budget_s=0.5) as device:
                assert 0.7 < device.measure(model).ratio < 1.4
        finally:
            neighbour.kill()


def test_callers_in_several_threads_wait_for_each_other(host: HostDevice) -> None:
    with ThreadPoolExecutor(3) as pool:
        latencies = list(pool.map(host.measure, [SMALL] * 3))
    assert all(0.1 < latency.ratio < 1.5 for latency in latencies)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_it_measures_with_two_threads() -> None:
    with HostDevice(REFERENCE, threads=2, **QUICK) as device:
        latency = device.measure(SMALL)
        assert latency.threads == 2
        assert "2 threads" in str(latency)


@pytest.mark.parametrize(
    "setting",
    [
        {"threads": 0},
        {"reference_ms": -1.0},
        {"tolerance": 0.0},
        {"budget_s": float("nan")},
        {"window_s": -0.01},
        {"timeout_s": float("inf")},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_a_senseless_setting_is_refused_by_name(setting: dict[str, Any]) -> None:
    with pytest.raises(DeviceError, match=next(iter(setting))):
        HostDevice(REFERENCE, **setting)


@pytest.mark.parametrize("setting", ["tolerance", "budget_s"])
def test_a_senseless_setting_of_a_comparison_is_refused_by_name(
    host: HostDevice, setting: Any
) -> None:
    with pytest.raises(DeviceError, match=f"{setting} must be positive, got 0"):
        host.compare({"small": SMALL}, **{setting: 0})
