"""Waiting until a hot device is not hot any more."""

from collections.abc import Callable
from math import inf
from time import monotonic, sleep
from typing import Generic, Protocol, TypeVar

from pocketnas.devices.device import Watch

_LOOK_S = 5.0  # between two looks at the temperature
_COOLER_C = 2.0  # what was too hot must fall so far below the limit
_COOLING_LOOKS = 60


class Hot(Protocol):
    """How hot a device is; `str` says it in words."""

    def is_above(self, celsius: float) -> bool:
        """Whether it slows itself or has reached that temperature."""
        ...


H = TypeVar("H", bound=Hot)


class Cooler(Generic[H]):
    """Lets a device cool down before it is measured on.

    Args:
        what: to call it, as in "waiting for the phone to cool down".
        hot_c: the temperature from which to wait, degrees Celsius; so does any throttling that the
            device reports.
        longest_s: how long at most; after that not again before it has been cool.

    Attributes:
        latest: what the latest look has found; None before the first.
    """

    def __init__(self, what: str, hot_c: float, longest_s: float) -> None:
        self.latest: H | None = None
        self._what = what
        self._hot_c = hot_c
        self._longest_s = longest_s
        self._looked_at = -inf
        self._given_up = False  # of a device that does not get any cooler

    def wait(self, look: Callable[[], H], watch: Watch) -> float:
        """Look at it now and then, and wait while it is hot; the seconds that took.

        Raises:
            DeviceError: the device is gone.
        """
        begin = monotonic()
        if begin - self._looked_at < min(_LOOK_S, self._longest_s):
            return 0.0
        self.latest = heat = look()
        hot = heat.is_above(self._hot_c)
        self._given_up = hot and self._given_up
        limit_c = self._hot_c - _COOLER_C if hot else self._hot_c
        while heat.is_above(limit_c) and not self._given_up:
            watch(f"waiting for {self._what} to cool down: {heat}")
            sleep(min(_LOOK_S, self._longest_s / _COOLING_LOOKS))
            self.latest = heat = look()
            self._given_up = monotonic() - begin > self._longest_s
        self._looked_at = monotonic()
        return self._looked_at - begin
