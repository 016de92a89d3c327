from collections.abc import Sequence

import pytest

from pocketnas.devices import scale
from pocketnas.devices.scale import Scale, calibration
from pocketnas.devices.turns import Candidate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(scale, "monotonic", lambda: now[0])
    return now


class Reference:
    """A block of windows takes a second; each block has a speed."""

    def __init__(self, clock: list[float], speeds: Sequence[float]) -> None:
        self.blocks = 0
        self._clock, self._speeds = clock, speeds

    def __call__(self) -> list[list[float]]:
        speed = self._speeds[min(self.blocks, len(self._speeds) - 1)]
        self.blocks += 1
        self._clock[0] += 1
        return [[speed], [speed * 1.001]] * 10


def test_a_calm_device_is_calibrated_in_the_least_time(clock: list[float]) -> None:
    reference = Reference(clock, [1.0])
    assert Scale(None, reference, least_s=4, most_s=12).reference_ms == pytest.approx(1)
    assert reference.blocks == 4


def test_a_busy_spell_at_the_start_is_waited_for(clock: list[float]) -> None:
    """By the first four seconds the scale would be a third too high."""
    reference = Reference(clock, [1.4, 1.5, 1.35, 1.6, 1.3, 1.0])
    assert Scale(None, reference, least_s=4, most_s=12).reference_ms == pytest.approx(1, rel=0.01)
    assert reference.blocks == 8  # the calm is seen three times


def test_a_device_that_never_agrees_with_itself_is_given_up(clock: list[float]) -> None:
    reference = Reference(clock, [1.1**i for i in range(20, 0, -1)])
    assert len(calibration(reference, 4, 12)) == 12 * 20


def measured(reference: float, windows: int) -> Candidate:
    candidate = Candidate("A", 1, 0.005)
    for _ in range(windows):
        candidate.add([reference], [2 * reference], [reference])
    return candidate


def test_later_windows_tell_of_a_wrong_scale_and_leave_it(clock: list[float]) -> None:
    found = Scale(0.059, Reference(clock, []), least_s=1, most_s=1)
    assert found.calm_ms == 0.059
    assert found.notes() == []
    latency = found.latency(measured(0.043, 100), threads=1, device="host")
    assert latency.ratio == pytest.approx(2)
    assert latency.milliseconds == pytest.approx(2 * 0.059)
    assert found.calm_ms == pytest.approx(0.043)
    (note,) = found.notes()
    assert "0.043 ms when it is calm, not 0.059 ms" in note
    assert "37% too high" in note
    right = latency.at(found.calm_ms)
    assert right.milliseconds == pytest.approx(2 * 0.043)
    assert (right.ratio, right.raw_median) == (latency.ratio, latency.raw_median)
    assert right.low <= right.milliseconds <= right.high


def test_a_device_that_has_become_slower_is_noted(clock: list[float]) -> None:
    found = Scale(1.0, Reference(clock, []), least_s=1, most_s=1)
    found.latency(measured(1.2, 100), threads=1, device="host")
    (note,) = found.notes()
    assert "slower or busier" in note


def test_a_few_windows_tell_nothing(clock: list[float]) -> None:
    found = Scale(1.0, Reference(clock, []), least_s=1, most_s=1)
    found.latency(measured(0.5, 10), threads=1, device="host")
    assert found.calm_ms == 1.0
    assert found.notes() == []
