"""How small a difference a device can resolve: one network against itself, again and again.

In an A/A run the reference is also a candidate, so its ratio ought to be 1 every time. How far the
repeats scatter is what one measurement's interval cannot know; so does a network unlike the
reference, which a busy or hot machine slows by another factor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, inf, log, sqrt
from statistics import fmean, stdev
from typing import Any

from pocketnas.devices.device import Device, Latency, Watch
from pocketnas.devices.paired import student_95
from pocketnas.errors import SettingError

LEAST = 5  # repeats; fewer say nothing of their scatter
_EACH_S = 1.0  # for each network of a repeat
_ITSELF, _UNLIKE = "the reference", "the other network"
_BUSY = 0.5  # programs that want a core besides ours
_UNSTEADY = 0.03  # of unlike networks, from which a user should be told
_DRIFT = 0.05


@dataclass(frozen=True, slots=True)
class Scatter:
    """Repeated measurements of one network against the reference.

    Attributes:
        repeats: how many.
        ratio: geometric mean.
        between: standard deviation of the logarithms of the ratios, so about a share of them.
        within: mean half-width of the 95 % interval of one measurement, a share of the ratio.
        raw: standard deviation of the logarithms of the raw medians.
        resolves: the least difference of two networks, each measured once, that is no chance with
            95 % confidence, a share of their time.
        resolves_ms: the same at the reference's calm speed, milliseconds.
    """

    repeats: int
    ratio: float
    between: float
    within: float
    raw: float
    resolves: float
    resolves_ms: float

    @classmethod
    def of(cls, latencies: Sequence[Latency]) -> "Scatter":
        """Of at least two measurements of one network."""
        logs = [log(latency.ratio) for latency in latencies]
        between = stdev(logs)
        resolves = exp(student_95(len(logs) - 1) * sqrt(2) * between) - 1
        return cls(
            repeats=len(logs),
            ratio=exp(fmean(logs)),
            between=between,
            within=fmean((each.high - each.low) / (2 * each.milliseconds) for each in latencies),
            raw=stdev(log(latency.raw_median) for latency in latencies),
            resolves=resolves,
            resolves_ms=resolves * exp(fmean(logs)) * latencies[0].reference_ms,
        )


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What an A/A run has found.

    Attributes:
        itself: the reference against itself; a perfect device has a ratio of 1.
        unlike: another network against it.
        drift: how much slower the reference was in the second half of the repeats, a share.
        facts: of the device after it.
        notes: what to mend.
        series: the measurements by network, in order.
    """

    itself: Scatter
    unlike: Scatter
    drift: float
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    series: Mapping[str, tuple[Latency, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "itself": asdict(self.itself),
            "unlike": asdict(self.unlike),
            "drift": self.drift,
            "facts": dict(self.facts),
            "notes": list(self.notes),
            "series": {
                name: [latency.to_dict() for latency in found]
                for name, found in self.series.items()
            },
        }


def steadiness(
    device: Device, reference: bytes, other: bytes, *, seconds: float, watch: Watch
) -> Steadiness:
    """Measures the reference against itself, and another network, in turn for some time.

    Args:
        device: opened with `reference`.
        reference: a `.tflite`.
        other: a `.tflite` of another kind.
        seconds: about how long; at least `LEAST` repeats are made.
        watch: told how far it is.

    Raises:
        SettingError: `seconds` is not above 0.
        DeviceError: the device cannot measure.
    """
    if not 0 < seconds < inf:
        raise SettingError(f"--seconds must be above 0, got {seconds}")
    repeats = max(LEAST, round(seconds / (2 * _EACH_S)))
    series: dict[str, list[Latency]] = {_ITSELF: [], _UNLIKE: []}
    before = device.facts()
    for repeat in range(repeats):
        watch(f"repeat {repeat + 1} of {repeats}")
        for name, model in ((_ITSELF, reference), (_UNLIKE, other)):
            found = device.compare(
                {name: model}, tolerance=1e-9, budget_s=seconds / (2 * repeats), watch=watch
            )
            series[name].append(found[name])
    speeds = [latency.reference_raw_median for latency in series[_ITSELF]]
    half = len(speeds) // 2
    drift = fmean(speeds[-half:]) / fmean(speeds[:half]) - 1
    itself, unlike = (Scatter.of(found) for found in series.values())
    facts = device.facts()
    return Steadiness(
        itself,
        unlike,
        drift,
        facts,
        tuple(notes(itself, unlike, drift, before, facts)),
        {name: tuple(found) for name, found in series.items()},
    )


def notes(
    itself: Scatter,
    unlike: Scatter,
    drift: float,
    before: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> list[str]:
    """What to mend, in sentences; nothing where nothing is amiss.

    Args:
        itself: the A/A run.
        unlike: the other network.
        drift: of the reference's raw speed.
        before: the device's facts before it.
        facts: and after it.
    """
    found = list(facts.get("notes", ()))
    governor = facts.get("governor")
    if governor is not None and governor not in ("performance", "schedutil"):
        found.append(
            f"the frequency governor is {governor}, which changes the clock as it likes: set it to"
            " performance while you measure"
        )
    # Our own networks are a load of one themselves once they have run for a while.
    load = _at(before, "load", "opened")
    if isinstance(load, int | float) and load > _BUSY:
        found.append(
            f"other programs wanted {load:.1f} cores when it began: end them while you measure"
        )
    if facts.get("cores") == 1:
        found.append("it has one core, which all its programs share with the networks")
    heat = _at(facts, "heat", "measured")
    if isinstance(heat, Mapping) and heat.get("throttled"):
        found.append("it slows itself, for heat or want of power: cool it, and look at its supply")
    if facts.get("virtual"):
        found.append(
            "it is a virtual machine, whose host lends its cores to others: trust ratios, not"
            " milliseconds, and measure what you compare in one run"
        )
    if abs(drift) > _DRIFT:
        change = "slower" if drift > 0 else "faster"
        found.append(
            f"the reference became {abs(drift):.0%} {change} meanwhile: let the device come to rest"
            " or to its working temperature first"
        )
    if unlike.between > max(_UNSTEADY, 2 * itself.between):
        found.append(
            f"disturbances slow unlike networks differently ({unlike.between:.1%} between repeats,"
            f" {itself.between:.1%} of like ones): take a reference of the candidates' own kind"
        )
    return found


def _at(facts: Mapping[str, Any], key: str, when: str) -> Any:
    value = facts.get(key)
    return value.get(when) if isinstance(value, Mapping) else None
