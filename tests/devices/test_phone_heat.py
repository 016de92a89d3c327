from typing import Any

import pytest

from pocketnas.devices import phone_heat
from pocketnas.devices.phone_heat import Cooler, Heat


@pytest.mark.parametrize(
    ("heat", "above"),
    [
        (Heat(39.9, 60.0, 0), False),
        (Heat(40.0, None, 0), True),
        (Heat(20.0, None, 1), True),
        (Heat(None, None, None), False),
    ],
)
def test_a_phone_is_hot_by_its_battery_or_by_its_own_word(heat: Heat, above: bool) -> None:
    assert heat.is_above(40.0) is above


def test_heat_says_what_is_known() -> None:
    assert str(Heat(41.25, 39.0, 2)) == "battery 41.2 °C, throttling moderate"
    assert str(Heat(None, None, 99)) == "throttling shutdown"
    assert str(Heat(None, None, None)) == "of unknown temperature"
    assert Heat(31.0, 33.5, None).to_dict() == {
        "celsius": 33.5,
        "battery_c": 31.0,
        "skin_c": 33.5,
        "throttled": None,
    }


class Clock:
    """A phone whose temperature follows a list, on a clock that only sleeping moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, battery_c: list[float]) -> None:
        self.now = 100.0
        self.battery_c = battery_c
        monkeypatch.setattr(phone_heat, "monotonic", lambda: self.now)
        monkeypatch.setattr(phone_heat, "sleep", self.sleep)
        monkeypatch.setattr(phone_heat, "heat_of", self.heat_of)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def heat_of(self, phone: Any) -> Heat:
        celsius = self.battery_c.pop(0) if len(self.battery_c) > 1 else self.battery_c[0]
        return Heat(celsius, None, 0)


def test_it_waits_until_the_phone_is_two_degrees_below_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, heard = Clock(monkeypatch, [41.0, 39.5, 38.5, 37.9]), []
    cooler = Cooler(40.0, 300.0)
    assert cooler.wait(None, heard.append) == 15.0  # type: ignore[arg-type]
    assert [words[-7:] for words in heard] == ["41.0 °C", "39.5 °C", "38.5 °C"]
    assert cooler.latest == Heat(37.9, None, 0)
    assert clock.now == 115.0


def test_a_phone_below_the_limit_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, [39.5])
    assert Cooler(40.0, 300.0).wait(None, pytest.fail) == 0.0  # type: ignore[arg-type]


def test_it_looks_only_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, [20.0, 50.0])
    cooler = Cooler(40.0, 300.0)
    cooler.wait(None, pytest.fail)  # type: ignore[arg-type]
    clock.now += 4.9
    assert cooler.wait(None, pytest.fail) == 0.0  # type: ignore[arg-type]
    assert cooler.latest == Heat(20.0, None, 0)


def test_it_gives_up_and_waits_again_only_after_it_was_cool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, [50.0])
    cooler = Cooler(40.0, 60.0)
    assert 60 < cooler.wait(None, lambda words: None) <= 65  # type: ignore[arg-type]
    clock.now += 10
    assert cooler.wait(None, pytest.fail) == 0.0  # type: ignore[arg-type]
    clock.battery_c = [30.0]
    clock.now += 10
    cooler.wait(None, pytest.fail)  # type: ignore[arg-type]
    clock.battery_c = [50.0, 30.0]
    clock.now += 10
    assert cooler.wait(None, lambda words: None) > 0  # type: ignore[arg-type]
