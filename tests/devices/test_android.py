import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from contracts.device import BIG, REFERENCE, SMALL, DeviceContract
from devices.phones import NEEDED, adb_server, free_port
from devices.tiny_models import conv_stack
from pocketnas.devices import Device, HostDevice, android
from pocketnas.devices.android import AndroidDevice
from pocketnas.devices.simulated import Phone, SimulatedPhone
from pocketnas.errors import DeviceError

pytest.importorskip("adbutils", reason=NEEDED)
# adbutils leaves a connection that adb refuses to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

QUICK: dict[str, Any] = {"reference_ms": 1.0, "budget_s": 0.3, "window_s": 0.004}
LONG: dict[str, Any] = {"tolerance": 1e-9, "budget_s": 60.0}

Open = Callable[..., AndroidDevice]


@pytest.fixture(scope="module")
def adb_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with adb_server(tmp_path_factory.mktemp("adb")) as port:
        yield port


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "benchmark_model"
    path.write_bytes(b"a simulated phone runs its stand-in instead")
    return path


@pytest.fixture(scope="module")
def opened(adb_port: int, program: Path) -> Open:
    def open_it(phone: SimulatedPhone, reference: bytes = REFERENCE, **more: Any) -> AndroidDevice:
        settings = QUICK | {"adb_port": adb_port} | more
        return AndroidDevice(phone.address, program, reference, **settings)

    return open_it


@pytest.fixture(scope="module")
def shared() -> Iterator[SimulatedPhone]:
    with SimulatedPhone() as phone:
        yield phone


@pytest.fixture
def phone(shared: SimulatedPhone) -> Iterator[SimulatedPhone]:
    """In good order, whatever a test before did to it."""
    yield shared
    shared.unplug(0.0)
    shared.change(**asdict(Phone(cooling_s=0.001)))
    assert shared.celsius == pytest.approx(25, abs=1)
    shared.change(**asdict(Phone()))


@pytest.fixture
def device(opened: Open, phone: SimulatedPhone) -> Iterator[AndroidDevice]:
    with opened(phone, reconnect_s=20.0) as device:
        yield device


class TestAndroidDevice(DeviceContract):
    @pytest.fixture
    def open_device(self, opened: Open, phone: SimulatedPhone) -> Callable[[bytes], Device]:
        return lambda reference: opened(phone, reference)


def files(phone: SimulatedPhone) -> list[str]:
    folder = phone.storage.local("/data/local/tmp")
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_it_calibrates_the_reference_itself(
    opened: Open, phone: SimulatedPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(android, "_CALIBRATION_S", 0.3)
    heard: list[str] = []
    with opened(phone, reference_ms=None, watch=heard.append) as device:
        latency = device.measure(REFERENCE)
        assert 0.0005 < device.reference_ms < 50
        assert latency.milliseconds == pytest.approx(latency.ratio * device.reference_ms)
    assert heard == [f"copying benchmark_model to {phone.address}", "calibrating the reference"]


def test_its_facts_say_what_phone_it_is_and_that_it_is_simulated(device: AndroidDevice) -> None:
    facts = device.facts()
    assert device.name == facts["device"] == "android (Phone (simulated))"
    assert facts["android"] == "14"
    assert facts["abi"] == "arm64-v8a"
    assert facts["core_khz"] == [1803000] * 4 + [2348000] * 2 + [2850000] * 2
    assert facts["cores"] == "c0"
    assert facts["governor"] == "schedutil"
    assert facts["screen_on"] is False
    assert facts["battery_percent"] == 80
    assert facts["notes"] == []
    cold = {"celsius": 25.0, "battery_c": 25.0, "skin_c": 25.0, "throttled": False}
    assert facts["heat"] == {"opened": cold, "measured": cold}


def test_a_latency_counts_all_runs_and_keeps_raw_figures(device: AndroidDevice) -> None:
    latency = device.measure(SMALL)
    assert latency.runs > 10 * latency.pairs  # a window has many
    assert 0.2 < latency.raw_median / latency.reference_raw_median / latency.ratio < 5


def test_nothing_is_left_on_the_phone(opened: Open, phone: SimulatedPhone) -> None:
    with opened(phone) as device:
        device.compare({"one": SMALL, "again": SMALL, "big": BIG, "reference": REFERENCE})
        assert len(files(phone)) == 2  # the program and the reference
        with pytest.raises(DeviceError):
            device.measure(b"not a flatbuffer")
    assert files(phone) == []


def test_what_a_killed_search_left_is_swept_away(opened: Open, phone: SimulatedPhone) -> None:
    opened(phone)  # and never closed
    stale = files(phone)
    assert len(stale) == 2
    with opened(phone):
        assert files(phone) == stale
    assert files(phone) == []


def test_an_unplugged_phone_costs_one_measurement(
    device: AndroidDevice, phone: SimulatedPhone
) -> None:
    scale = device.reference_ms
    threading.Timer(0.5, phone.unplug, [0.5]).start()
    with pytest.raises(DeviceError, match="it was unplugged while running") as refusal:
        device.compare({"the model": SMALL}, **LONG)
    assert "\n" not in str(refusal.value)
    assert device.measure(SMALL).milliseconds > 0  # it has waited for it
    assert device.reference_ms == scale


def test_a_phone_that_stays_away_is_awaited_for_a_while(
    device: AndroidDevice, phone: SimulatedPhone
) -> None:
    device._reconnect_s = 0.5
    phone.unplug(60.0)
    for _ in range(2):
        with pytest.raises(DeviceError, match=phone.address):
            device.measure(SMALL)
    device.close()  # at once, without a word


def test_a_hung_program_costs_one_measurement(opened: Open, phone: SimulatedPhone) -> None:
    with opened(phone, timeout_s=1.0) as device:
        phone.change(hung=True)
        with pytest.raises(DeviceError, match=r"no answer within 1 s while running the model"):
            device.measure(SMALL)
        phone.change(hung=False)
        assert device.measure(SMALL).milliseconds > 0


def test_a_full_phone_is_a_sentence(device: AndroidDevice, phone: SimulatedPhone) -> None:
    phone.change(free_bytes=10_000)
    with pytest.raises(DeviceError, match=r"No space left on device; delete .*the model"):
        device.measure(SMALL)
    phone.change(free_bytes=None)
    assert device.measure(SMALL).milliseconds > 0


def test_a_phone_without_room_for_the_program(opened: Open) -> None:
    """A new phone: on a used one, deleting what a lost session has left would make room."""
    with (
        SimulatedPhone(Phone(free_bytes=10)) as phone,
        pytest.raises(DeviceError, match="No space left on device"),
    ):
        opened(phone)


def test_a_phone_that_locks_itself_is_a_sentence(
    device: AndroidDevice, phone: SimulatedPhone
) -> None:
    device._reconnect_s = 0.2
    phone.change(state="unauthorized")
    for _ in range(2):
        with pytest.raises(DeviceError, match="phone"):
            device.measure(SMALL)
    with pytest.raises(DeviceError, match="look at the phone's screen and allow USB debugging"):
        device.measure(SMALL)
    phone.change(state="device")
    device._reconnect_s = 20.0
    assert device.measure(SMALL).milliseconds > 0


def test_a_hot_phone_cools_down_first(opened: Open, phone: SimulatedPhone) -> None:
    phone.change(ambient_c=30.0, heating_c=300.0, cooling_s=0.5)
    heard: list[str] = []
    with opened(phone, cool_s=20.0, hot_c=38.0, budget_s=1.0, tolerance=1e-9) as device:
        device._cooler._looked_at = float("inf")  # no looking while it is heated
        while phone.celsius < 45:
            device.measure(SMALL)
        device._cooler._looked_at = float("-inf")
        latency = device.compare({"net": SMALL}, watch=heard.append, budget_s=0.2)["net"]
        waits = [words for words in heard if words.startswith("waiting for the phone to cool")]
        assert "battery" in waits[0]
        assert "throttling" in waits[0]
        assert device.facts()["heat"]["measured"]["battery_c"] <= 36
        assert latency.pairs >= 4


def test_a_phone_that_stays_hot_is_measured_and_noted(opened: Open, phone: SimulatedPhone) -> None:
    phone.change(ambient_c=47.0, cooling_s=0.001)
    heard: list[str] = []
    with opened(phone, cool_s=0.2) as device:
        assert device.compare({"net": SMALL}, watch=heard.append)["net"].milliseconds > 0
        assert any("throttling severe" in words for words in heard)
        assert "hot (battery 47.0 °C, throttling severe)" in str(device.facts()["notes"])
        assert device.facts()["heat"]["measured"]["throttled"] is True
        heard.clear()
        device._cooler._looked_at = float("-inf")
        device.compare({"net": SMALL}, watch=heard.append)
        assert not any("waiting" in words for words in heard)  # for what will not come


def test_cooling_down_is_not_charged_to_the_candidates(opened: Open, phone: SimulatedPhone) -> None:
    phone.change(ambient_c=47.0, cooling_s=0.001)
    with opened(phone, cool_s=1.0, budget_s=0.8, tolerance=1e-9) as device:
        assert device.measure(SMALL).pairs > 4  # the fewest, had the second been charged


def test_ratios_are_those_of_the_host(opened: Open, phone: SimulatedPhone) -> None:
    """Three times in turn: what else runs on this computer disturbs the two at different times."""
    reference, other = conv_stack(2, channels=32, side=32), conv_stack(12, channels=32, side=32)
    here, there = [], []
    with (
        HostDevice(reference, reference_ms=1.0, budget_s=0.3) as host,
        opened(phone, reference, window_s=0.02, budget_s=0.5) as device,
    ):
        for _ in range(3):
            here.append(host.measure(other).ratio)
            there.append(device.measure(other).ratio)
    assert median(there) == pytest.approx(median(here), rel=0.3)


def test_noise_slowness_and_heat_cancel_in_the_ratio(opened: Open, phone: SimulatedPhone) -> None:
    """A phone ten times as slow, its speed wandering by ten percent, heating up as it works."""
    reference, other = conv_stack(2, channels=32, side=32), conv_stack(12, channels=32, side=32)
    with opened(phone, reference, window_s=0.02, budget_s=1.0, cool_s=0.1) as device:
        good = device.measure(other)
        phone.change(slowness=10.0, noise=0.1, ambient_c=39.0, heating_c=3.0, cooling_s=1.0)
        bad = device.measure(other)
    assert bad.ratio == pytest.approx(good.ratio, rel=0.3)
    assert bad.raw_median > 3 * good.raw_median


def test_two_phones_at_once(opened: Open) -> None:
    with SimulatedPhone() as first, SimulatedPhone(Phone(slowness=2)) as second:
        with opened(first) as one, opened(second) as other, ThreadPoolExecutor(2) as pool:
            models = [SMALL, BIG]
            found = [
                pool.submit(device.measure, model) for model in models for device in (one, other)
            ]
            latencies = [each.result() for each in found]
        assert all(each.milliseconds > 0 for each in latencies)
        assert latencies[3].raw_median > latencies[1].raw_median  # twice as slow


def test_a_search_goes_on_through_unplugs(device: AndroidDevice, phone: SimulatedPhone) -> None:
    """Each candidate is measured in the end, by asking again as a study does."""
    refusals, measured = [], 0

    def unplug_now_and_then() -> None:
        for _ in range(3):
            time.sleep(0.5)
            phone.unplug(0.1)

    thread = threading.Thread(target=unplug_now_and_then)
    thread.start()
    while measured < 4 or thread.is_alive():
        try:
            assert device.measure(SMALL).milliseconds > 0
            measured += 1
        except DeviceError as error:
            refusals.append(str(error))
    thread.join()
    assert 1 <= len(refusals) <= 6
    assert all("\n" not in words and phone.address in words for words in refusals)


def test_callers_in_several_threads_take_turns(device: AndroidDevice) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(device.measure, [SMALL, BIG, SMALL]))
    assert found[1].milliseconds > max(found[0].milliseconds, found[2].milliseconds)


def test_a_missing_program_names_the_page_to_download_it_from(tmp_path: Path) -> None:
    with pytest.raises(
        DeviceError, match=r"no benchmark_model at .*https://developers\.google\.com"
    ):
        AndroidDevice("any", tmp_path / "none", REFERENCE)


def test_a_program_for_another_processor_is_a_sentence(
    phone: SimulatedPhone, adb_port: int, tmp_path: Path
) -> None:
    program = tmp_path / "benchmark_model"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + b"\x3e\0" + bytes(44))  # x86-64
    with pytest.raises(DeviceError, match=r"benchmark_model exited 126; .*not executable: 64-bit"):
        AndroidDevice(phone.address, program, REFERENCE, adb_port=adb_port)


@pytest.mark.parametrize("setting", ["threads", "budget_s", "window_s", "hot_c", "cool_s"])
def test_a_setting_out_of_range_is_a_sentence(program: Path, setting: str) -> None:
    with pytest.raises(DeviceError, match=f"android: {setting} must be positive, got 0"):
        AndroidDevice("any", program, REFERENCE, **{setting: 0}, adb_port=free_port())


def test_the_phone_is_free_when_opening_fails(opened: Open, phone: SimulatedPhone) -> None:
    with pytest.raises(DeviceError, match="the reference network"):
        opened(phone, b"not a flatbuffer")
    assert files(phone) == []
