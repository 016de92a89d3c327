"""How hot a phone is."""

from dataclasses import dataclass

from pocketnas.devices import benchmark
from pocketnas.devices.adb import AdbPhone


@dataclass(frozen=True, slots=True)
class Heat:
    """How hot a phone is; None where it does not say.

    Attributes:
        battery_c: its battery's temperature, degrees Celsius.
        skin_c: its hottest skin sensor's.
        status: how much it slows itself, an index into `benchmark.THROTTLING`.
    """

    battery_c: float | None
    skin_c: float | None
    status: int | None

    def is_above(self, battery_c: float) -> bool:
        """Whether it slows itself or its battery has reached that temperature."""
        return bool(self.status) or (self.battery_c or 0) >= battery_c

    def to_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        known = [each for each in (self.battery_c, self.skin_c) if each is not None]
        return {
            "celsius": max(known, default=None),
            "battery_c": self.battery_c,
            "skin_c": self.skin_c,
            "throttled": None if self.status is None else self.status > 0,
        }

    def __str__(self) -> str:
        words = []
        if self.battery_c is not None:
            words.append(f"battery {self.battery_c:.1f} °C")
        if self.status:
            words.append(f"throttling {benchmark.THROTTLING[min(self.status, 6)]}")
        return ", ".join(words) or "of unknown temperature"


def heat_of(phone: AdbPhone) -> Heat:
    """How hot it is now.

    Raises:
        DeviceError: it is gone.
    """
    said = phone.shell("dumpsys battery; dumpsys thermalservice", "reading its temperature").text
    thermals = benchmark.thermals(said)
    return Heat(benchmark.battery(said).temperature_c, thermals.skin_c, thermals.status)
