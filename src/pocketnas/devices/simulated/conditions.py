"""How a simulated phone behaves: its settings, its heat, its noise and its loose cable."""

from dataclasses import dataclass, field
from math import exp, sqrt
from random import Random
from typing import Literal

from pocketnas.errors import DeviceError

_DRIFT_S = 2.0  # how long the noise that neighbours share holds


@dataclass(frozen=True, slots=True)
class Phone:
    """How a simulated phone behaves.

    Attributes:
        name: its model's name, behind which it says that it is simulated.
        slowness: its big cores' time for a network, as a multiple of this computer's.
        noise: standard deviation of the logarithm of its run times; half of the variance is a
            drift that lasts for seconds, half another draw for each run.
        ambient_c: the temperature it cools down to, degrees Celsius.
        heating_c: degrees it gains in a second of work.
        cooling_s: seconds in which it loses 63 % of what it is too warm.
        throttle_c: above that temperature it slows itself.
        throttle: how much for each degree, a fraction.
        dropouts: when it is unplugged: (seconds after its start, seconds away).
        dropout_every_s: mean seconds between further such at random instants; None for none.
        dropout_s: how long those last.
        free_bytes: room on its storage; None for as much as this computer has.
        state: `offline`, it does not answer; `unauthorized`, nobody has allowed USB debugging.
        hung: its programs never end.
        seed: of its noise and its random instants.

    Raises:
        DeviceError: a value out of range.
    """

    name: str = "Phone"
    slowness: float = 1.0
    noise: float = 0.0
    ambient_c: float = 25.0
    heating_c: float = 0.0
    cooling_s: float = 60.0
    throttle_c: float = 40.0
    throttle: float = 0.03
    dropouts: tuple[tuple[float, float], ...] = ()
    dropout_every_s: float | None = None
    dropout_s: float = 2.0
    free_bytes: int | None = None
    state: Literal["device", "offline", "unauthorized"] = "device"
    hung: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("slowness", "cooling_s", "dropout_every_s", "dropout_s"):
            if (value := getattr(self, name)) is not None and not 0 < value < float("inf"):
                raise DeviceError(f"simulated phone: {name} must be positive, got {value}")
        if self.state not in ("device", "offline", "unauthorized"):
            raise DeviceError(
                "simulated phone: state must be one of device, offline, unauthorized, "
                f"got {self.state!r}"
            )
        if any(not 0 <= seconds < float("inf") for each in self.dropouts for seconds in each):
            raise DeviceError(
                f"simulated phone: dropouts must not be negative, got {self.dropouts}"
            )
        for name in ("noise", "heating_c", "throttle", "free_bytes"):
            if (value := getattr(self, name)) is not None and not 0 <= value < float("inf"):
                raise DeviceError(f"simulated phone: {name} must not be negative, got {value}")


@dataclass
class Heat:
    """The phone's temperature: work heats it, and it cools towards the room (Newton's law).

    Attributes:
        celsius: the temperature at the instant `at_s`.
        at_s: on the clock of the caller.
    """

    celsius: float
    at_s: float

    def pass_time(self, now_s: float, phone: Phone, busy_s: float) -> None:
        """Up to `now_s` some seconds of work and then rest."""
        rest_s = max(0.0, now_s - self.at_s - busy_s)
        hottest = phone.ambient_c + phone.heating_c * phone.cooling_s
        self._approach(hottest, busy_s, phone)
        self._approach(phone.ambient_c, rest_s, phone)
        self.at_s = max(self.at_s, now_s)

    def _approach(self, end: float, seconds: float, phone: Phone) -> None:
        self.celsius = end + (self.celsius - end) * exp(-seconds / phone.cooling_s)

    def slowdown(self, phone: Phone) -> float:
        """By how much the phone slows itself: 1 while it is cool."""
        return 1 + phone.throttle * max(0.0, self.celsius - phone.throttle_c)

    def status(self, phone: Phone) -> int:
        """Android's thermal status, a step for each three degrees."""
        above = self.celsius - phone.throttle_c
        return 0 if above < 0 else min(1 + int(above / 3), 6)


@dataclass
class Noise:
    """What disturbs its runs."""

    draw: Random
    drift: float = 0.0
    at_s: float = 0.0

    def factors(self, runs: int, now_s: float, deviation: float) -> list[float]:
        """One for each run; those of a few seconds share a part."""
        kept, each = exp(-(now_s - self.at_s) / _DRIFT_S), deviation / sqrt(2)
        self.drift = self.drift * kept + each * sqrt(1 - kept**2) * self.draw.gauss()
        self.at_s = now_s
        return [exp(self.drift + each * self.draw.gauss()) for _ in range(runs)]


@dataclass
class Cable:
    """When the phone is away."""

    phone: Phone
    draw: Random
    start_s: float
    until_s: float = 0.0
    planned: list[tuple[float, float]] = field(init=False)

    def __post_init__(self) -> None:
        self.planned = sorted((self.start_s + at, away) for at, away in self.phone.dropouts)
        self._plan_next(self.start_s)

    def is_out(self, now_s: float) -> bool:
        while self.planned and self.planned[0][0] <= now_s:
            at_s, away_s = self.planned.pop(0)
            self.until_s = max(self.until_s, at_s + away_s)
            self._plan_next(self.until_s)
        return now_s < self.until_s

    def _plan_next(self, after_s: float) -> None:
        every_s = self.phone.dropout_every_s
        if every_s and not self.planned:
            self.planned.append(
                (after_s + self.draw.expovariate(1 / every_s), self.phone.dropout_s)
            )
