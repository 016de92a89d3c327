"""What every device must do. A new device says in one fixture how to open it."""

import json
from collections.abc import Callable, Iterator

import pytest

from devices.tiny_models import conv_stack, with_custom_operator
from pocketnas.devices import Device, Latency
from pocketnas.errors import DeviceError

REFERENCE = conv_stack(4, channels=16)
SMALL = conv_stack(2, channels=16)
BIG = conv_stack(8, channels=16)


class DeviceContract:
    @pytest.fixture
    def open_device(self) -> Callable[[bytes], Device]:
        """How to open a fresh device with the given reference network."""
        raise NotImplementedError

    @pytest.fixture
    def device(self, open_device: Callable[[bytes], Device]) -> Iterator[Device]:
        with open_device(REFERENCE) as device:
            yield device

    def test_says_what_it_is_in_json(self, device: Device) -> None:
        assert device.name
        assert device.reference_ms > 0
        facts = device.facts()
        assert json.loads(json.dumps(facts)) == facts

    def test_a_measurement_agrees_with_itself(self, device: Device) -> None:
        latency = device.measure(SMALL)
        assert latency.milliseconds == pytest.approx(latency.ratio * device.reference_ms)
        assert 0 < latency.low <= latency.milliseconds <= latency.high
        assert latency.reference_ms == device.reference_ms
        assert latency.device == device.name
        assert 0 < latency.raw_median <= latency.raw_p90
        assert latency.raw_spread >= 0
        assert latency.runs >= latency.pairs >= 1
        assert Latency.from_dict(json.loads(json.dumps(latency.to_dict()))) == latency

    def test_four_times_the_layers_take_longer(self, device: Device) -> None:
        assert device.measure(BIG).milliseconds > device.measure(SMALL).milliseconds

    def test_the_reference_is_as_fast_as_itself(self, device: Device) -> None:
        assert 0.7 < device.measure(REFERENCE).ratio < 1.4

    def test_a_network_beside_itself_is_as_fast_as_itself(self, device: Device) -> None:
        found = device.compare({"one": SMALL, "big": BIG, "other": SMALL})
        assert list(found) == ["one", "big", "other"]
        one, other = found["one"], found["other"]
        assert max(one.low, other.low) < 1.1 * min(one.high, other.high)
        assert one.milliseconds < found["big"].milliseconds
        for each in found.values():
            assert each.milliseconds == pytest.approx(each.ratio * device.reference_ms)

    def test_a_wide_tolerance_or_a_small_budget_ends_a_comparison_early(
        self, device: Device
    ) -> None:
        by_tolerance = device.compare({"big": BIG}, tolerance=100.0, budget_s=60.0)["big"]
        by_budget = device.compare({"big": BIG}, tolerance=1e-9, budget_s=0.05)["big"]
        assert by_tolerance.pairs < 100
        assert by_budget.pairs < 100

    def test_a_comparison_names_the_bad_model(self, device: Device) -> None:
        with pytest.raises(DeviceError, match="worst"):
            device.compare({"fair": SMALL, "worst": b"not a flatbuffer"})
        assert device.compare({"fair": SMALL})["fair"].milliseconds > 0

    def test_comparing_nothing_finds_nothing(self, device: Device) -> None:
        assert device.compare({}) == {}

    @pytest.mark.parametrize(
        "bad",
        [b"", b"not a flatbuffer", SMALL[: len(SMALL) // 2], with_custom_operator(SMALL)],
        ids=["empty", "garbage", "truncated", "unknown operator"],
    )
    def test_a_bad_model_is_refused_and_the_next_one_measured(
        self, device: Device, bad: bytes
    ) -> None:
        scale = device.reference_ms
        with pytest.raises(DeviceError, match="model") as refusal:
            device.measure(bad)
        assert "\n" not in str(refusal.value)
        assert device.measure(SMALL).milliseconds > 0
        assert device.reference_ms == scale

    def test_a_bad_reference_is_refused(self, open_device: Callable[[bytes], Device]) -> None:
        with pytest.raises(DeviceError, match="reference"):
            open_device(b"not a flatbuffer")

    def test_closed_it_refuses_politely(self, open_device: Callable[[bytes], Device]) -> None:
        device = open_device(REFERENCE)
        device.close()
        device.close()
        with pytest.raises(DeviceError, match="closed"):
            device.measure(SMALL)
