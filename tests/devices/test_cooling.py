from math import inf

import pytest

from pocketnas.devices import computer_heat, cooling
from pocketnas.devices.cooling import Cooler
from pocketnas.devices.phone_heat import Heat


class Clock:
    """A phone whose temperature follows a list, on a clock that only sleeping moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, battery_c: list[float]) -> None:
        self.now = 100.0
        self.battery_c = battery_c
        monkeypatch.setattr(cooling, "monotonic", lambda: self.now)
        monkeypatch.setattr(cooling, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def look(self) -> Heat:
        celsius = self.battery_c.pop(0) if len(self.battery_c) > 1 else self.battery_c[0]
        return Heat(celsius, None, 0)


def test_it_waits_until_the_phone_is_two_degrees_below_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, heard = Clock(monkeypatch, [41.0, 39.5, 38.5, 37.9]), []
    cooler = Cooler("the phone", 40.0, 300.0)
    assert cooler.wait(clock.look, heard.append) == 15.0
    assert [words[-7:] for words in heard] == ["41.0 °C", "39.5 °C", "38.5 °C"]
    assert cooler.latest == Heat(37.9, None, 0)
    assert clock.now == 115.0


def test_a_phone_below_the_limit_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, [39.5])
    assert Cooler("the phone", 40.0, 300.0).wait(clock.look, pytest.fail) == 0.0


def test_it_looks_only_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, [20.0, 50.0])
    cooler = Cooler("the phone", 40.0, 300.0)
    cooler.wait(clock.look, pytest.fail)
    clock.now += 4.9
    assert cooler.wait(clock.look, pytest.fail) == 0.0
    assert cooler.latest == Heat(20.0, None, 0)


def test_it_gives_up_and_waits_again_only_after_it_was_cool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, [50.0])
    cooler = Cooler("the phone", 40.0, 60.0)
    assert 60 < cooler.wait(clock.look, lambda words: None) <= 65
    clock.now += 10
    assert cooler.wait(clock.look, pytest.fail) == 0.0
    clock.battery_c = [30.0]
    clock.now += 10
    cooler.wait(clock.look, pytest.fail)
    clock.battery_c = [50.0, 30.0]
    clock.now += 10
    assert cooler.wait(clock.look, lambda words: None) > 0


def test_a_throttled_computer_is_waited_for_in_the_same_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, heard = Clock(monkeypatch, [20.0]), []
    states = [computer_heat.Heat(85.5, True), computer_heat.Heat(79.0, False)]
    cooler: Cooler[computer_heat.Heat] = Cooler("host", inf, 60.0)
    assert cooler.wait(lambda: states.pop(0), heard.append) == 1.0
    assert heard == ["waiting for host to cool down: 85.5 °C, throttled"]
    assert clock.now == 101.0


@pytest.mark.parametrize("throttled", [None, False])
def test_a_computer_that_is_hot_or_does_not_tell_is_not_waited_for(
    throttled: bool | None,
) -> None:
    heat = computer_heat.Heat.of({"heat": {"celsius": 99.0, "throttled": throttled}})
    assert Cooler("host", inf, 60.0).wait(lambda: heat, pytest.fail) < 1
    assert str(computer_heat.Heat(None, None)) == "of unknown temperature"
