"""What a device is, and what a latency says: `bytes` of a `.tflite` in, milliseconds out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from math import inf
from typing import Protocol, Self

from pocketnas.errors import DeviceError

Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Latency:
    """One network's time on one device, batch 1; times are milliseconds.

    Attributes:
        milliseconds: `ratio` x `reference_ms`: the time at calm speed, the number to compare.
        low: lower end of its 95 % confidence interval.
        high: upper end of its 95 % confidence interval.
        ratio: candidate over reference, averaged over `pairs` interleaved windows.
        pairs: window pairs behind the ratio.
        runs: candidate inferences behind it.
        threads: threads the runtime was given.
        raw_median: median of those runs, at whatever speed the device had then.
        raw_p90: their 90th percentile.
        raw_spread: (90th - 10th percentile) / median of those runs, a fraction.
        reference_ms: the reference's calm latency, fixed once per study: the scale.
        reference_raw_median: the reference's median during this very measurement.
        device: the device's name.
        doubted: whether the machine changed while it was measured, so that it was measured longer.
    """

    milliseconds: float
    low: float
    high: float
    ratio: float
    pairs: int
    runs: int
    threads: int
    raw_median: float
    raw_p90: float
    raw_spread: float
    reference_ms: float
    reference_raw_median: float
    device: str
    doubted: bool = False

    def at(self, reference_ms: float) -> Self:
        """The same ratio in milliseconds of a reference that takes so long when it is calm."""
        scale = reference_ms / self.reference_ms
        return replace(
            self,
            milliseconds=self.milliseconds * scale,
            low=self.low * scale,
            high=self.high * scale,
            reference_ms=reference_ms,
        )

    def to_dict(self) -> dict[str, float | int | str]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """The latency that `to_dict` wrote; an older one may lack what has a default.

        Raises:
            DeviceError: a value is missing, unknown or of another type.
        """
        kinds = {field.name: field.type for field in fields(cls)}
        values = {f.name: f.default for f in fields(cls) if f.default is not MISSING} | dict(values)
        if missing := sorted(kinds.keys() ^ values.keys()):
            raise DeviceError(f"latency: missing or unknown values {', '.join(missing)}")
        for name, kind in kinds.items():
            allowed = (int, float) if kind is float else kind
            if not isinstance(values[name], allowed):  # type: ignore[arg-type]
                raise DeviceError(f"latency: {name} must be {kind}, got {values[name]!r}")
        return cls(**values)

    def __str__(self) -> str:
        plural = "" if self.threads == 1 else "s"
        return (
            f"{self.milliseconds:.3f} ±{(self.high - self.low) / 2:.3f} ms on {self.device}, "
            f"{self.threads} thread{plural}, {self.runs} runs, trimmed mean of {self.pairs} ratios "
            f"to a {self.reference_ms:.3f} ms reference"
        )


def repeated(latencies: Sequence[Latency]) -> Latency:
    """Several measurements of one network as one: the middle one, its interval holding them all.

    One measurement's interval knows how its own windows scatter, not how a machine that is slowed
    by its neighbours slows unlike networks differently from one minute to the next.

    Raises:
        DeviceError: there are none.
    """
    if not latencies:
        raise DeviceError("latency: at least one measurement is needed, got none")
    middle = sorted(latencies, key=lambda latency: latency.ratio)[(len(latencies) - 1) // 2]
    return replace(
        middle,
        low=min(latency.low for latency in latencies),
        high=max(latency.high for latency in latencies),
    )


@dataclass(frozen=True, slots=True)
class Delegation:
    """How much of a network runs in XNNPACK, LiteRT's fast kernels.

    Attributes:
        partitions: pieces of the graph that XNNPACK has taken: one for a network that it knows in
            full, more where operators it lacks cut it, none without XNNPACK.
        left: the operators left to LiteRT's own, mostly slower kernels, in order.
    """

    partitions: int
    left: tuple[str, ...]


class Device(Protocol):
    """Something that times networks. Each device passes tests/contracts/device.py."""

    name: str
    reference_ms: float

    @property
    def calm_ms(self) -> float:
        """The reference's calm latency by its windows up to now; `reference_ms` is of the start."""
        ...

    def facts(self) -> dict[str, object]:
        """What a reader needs to judge or repeat its numbers, ready for JSON."""
        ...

    def measure(self, model: bytes) -> Latency:
        """Time one `.tflite` against the reference.

        Raises:
            DeviceError: the device is absent, closed, hung, crashed or refuses the model. The next
                measurement starts afresh.
        """
        ...

    def compare(
        self,
        models: Mapping[str, bytes],
        *,
        tolerance: float | None = None,
        budget_s: float | None = None,
        watch: Watch | None = None,
    ) -> dict[str, Latency]:
        """Time several in turn with the reference, so that their ratios to each other hold, too.

        Args:
            models: by name.
            tolerance: stop one when its 95 % interval is within +- this fraction; None leaves it to
                the device.
            budget_s: stop after about so many seconds for each; None leaves it to the device.
            watch: told in a few words what is going on.

        Raises:
            DeviceError: as `measure`; it names the model.
        """
        ...

    def close(self) -> None:
        """Free the device; closing twice is no error."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


def check_positive(where: str, **settings: float | None) -> None:
    """Refuses a setting that is not a positive number; None stands for the device's own.

    Raises:
        DeviceError: it names the setting.
    """
    for name, value in settings.items():
        if value is not None and not 0 < value < inf:
            raise DeviceError(f"{where}: {name} must be positive, got {value}")
