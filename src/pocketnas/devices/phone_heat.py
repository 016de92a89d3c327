"""How hot a phone is, and waiting until it is not."""

from dataclasses import dataclass
from math import inf
from time import monotonic, sleep

from pocketnas.devices import benchmark
from pocketnas.devices.adb import AdbPhone
from pocketnas.devices.device import Watch

_LOOK_S = 5.0  # between two looks at the temperature
_COOLER_C = 2.0  # a phone that was too hot must fall so far below the limit
_COOLING_LOOKS = 60


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


class Cooler:
    """Lets a phone cool down before it is measured on.

    Args:
        hot_c: the battery's temperature from which to wait, degrees Celsius; so does any throttling
            that the phone reports.
        longest_s: how long at most; after that not again before it has been cool.

    Attributes:
        latest: what the latest look has found; None before the first.
    """

    def __init__(self, hot_c: float, longest_s: float) -> None:
        self.latest: Heat | None = None
        self._hot_c = hot_c
        self._longest_s = longest_s
        self._looked_at = -inf
        self._given_up = False  # of a phone that does not get any cooler

    def wait(self, phone: AdbPhone, watch: Watch) -> float:
        """Look at it now and then, and wait while it is hot; the seconds that took.

        Raises:
            DeviceError: the phone is gone.
        """
        begin = monotonic()
        if begin - self._looked_at < min(_LOOK_S, self._longest_s):
            return 0.0
        self.latest = heat = heat_of(phone)
        hot = heat.is_above(self._hot_c)
        self._given_up = hot and self._given_up
        limit_c = self._hot_c - _COOLER_C if hot else self._hot_c
        while heat.is_above(limit_c) and not self._given_up:
            watch(f"waiting for the phone to cool down: {heat}")
            sleep(min(_LOOK_S, self._longest_s / _COOLING_LOOKS))
            self.latest = heat = heat_of(phone)
            self._given_up = monotonic() - begin > self._longest_s
        self._looked_at = monotonic()
        return self._looked_at - begin
