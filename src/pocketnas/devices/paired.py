"""From interleaved timings to a ratio: the arithmetic of a paired measurement, no input or output.

A shared machine's speed changes by half within seconds, and two networks feel it nearly alike. So
the reference and the candidates take turns in short windows, R A R B R A ... R, and each candidate
window is compared with the two reference windows around it. Why so, with figures: docs/latency.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, isfinite, log, sqrt
from statistics import fmean, median, variance

from pocketnas.errors import DeviceError

Window = Sequence[float]  # the run times of one network's turn, any one unit

FEWEST = 4  # pairs; below that there is no interval worth the name

# A 20 % trimmed mean stands between the mean, which one interrupt ruins, and the median, which
# needs half as many pairs again where the noise is tame.
_TRIM = 0.2
# The machine's noise only ever adds time, so its calm speed is the floor of the windows; the 5th
# percentile of 1.5 s of them mostly repeats within 1 %, and one lucky window cannot move it.
_CALM = 0.05
_NORMAL_95 = 1.959964  # two-sided 95 % point of the normal distribution


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate time over reference time with its 95 % confidence interval; `pairs` of windows."""

    value: float
    low: float
    high: float
    pairs: int

    @property
    def tolerance(self) -> float:
        """Half the width of the interval, relative to the ratio."""
        return (self.high - self.low) / (2 * self.value)


def settled(window: Window) -> Window:
    """The later half of a window: what comes before finds the caches full of the other network.

    A mobile network needs some 5 ms to be at home again: the first run of a 0.8 ms one takes a
    third longer, the fifth 5 %. One so slow that a run fills its window keeps it: there the
    refilling of the caches is lost in the run.
    """
    return window[len(window) // 2 :]


def middle(window: Window, whose: str = "reference") -> float:
    """What a window counts by: its median.

    Raises:
        DeviceError: an empty window, or a time that is not positive.
    """
    if not window:
        raise DeviceError(f"{whose} window: need at least one run, got none")
    if not all(isfinite(run) and run > 0 for run in window):
        bad = next(run for run in window if not (isfinite(run) and run > 0))
        raise DeviceError(f"{whose} window: run times must be positive, got {bad}")
    return median(window)


def log_ratio(before: Window, candidate: Window, after: Window) -> float:
    """The logarithm of the candidate's time over the reference's, from windows measured R C R.

    The candidate's median counts against the geometric mean of its two neighbours', which cancels a
    drift that is steady over three windows.

    Raises:
        DeviceError: as `middle`.
    """
    around = log(middle(before)) + log(middle(after))
    return log(middle(candidate, "candidate")) - around / 2


def paired_ratio(logs: Sequence[float]) -> Ratio:
    """The candidate's time as a multiple of the reference's, from the `log_ratio` of each pair.

    They are averaged with a trimmed mean, and the interval is Tukey and McLaughlin's (1963). Where
    the earlier half says clearly something else than the later, it is widened to hold what both
    say: then the machine has changed, and which half is right nobody knows.

    Raises:
        DeviceError: fewer than `FEWEST` pairs.
    """
    if len(logs) < FEWEST:
        raise DeviceError(f"paired windows: need at least {FEWEST} pairs, got {len(logs)}")
    centre, error = _trimmed_mean(logs)
    ends = [centre - error, centre + error]
    if shift(logs):
        ends += [_trimmed_mean(half)[0] for half in _halves(logs)]
    return Ratio(exp(centre), exp(min(ends)), exp(max(ends)), len(logs))


def shift(values: Sequence[float]) -> float:
    """How far the later half's mean lies above the earlier's; 0 where that may be chance.

    It may be where the 95 % intervals of the two touch. Those of steady halves do in 99 of 100
    cases. Too few values to tell are taken as steady.
    """
    if len(values) < 2 * FEWEST:
        return 0.0
    (earlier, one), (later, other) = (_trimmed_mean(half) for half in _halves(values))
    return later - earlier if abs(later - earlier) > one + other else 0.0


def calm(medians: Sequence[float]) -> float:
    """A network's time when nothing disturbs it: a low quantile of its windows' medians.

    Raises:
        DeviceError: there are none.
    """
    return percentile(medians, _CALM)


def percentile(samples: Sequence[float], fraction: float) -> float:
    """The value below which `fraction` of the samples lie, interpolated between neighbours.

    Raises:
        DeviceError: no samples, or a fraction outside 0..1.
    """
    if not samples:
        raise DeviceError("percentile: need at least one sample, got none")
    if not 0 <= fraction <= 1:
        raise DeviceError(f"percentile: fraction must be within 0..1, got {fraction}")
    ordered = sorted(samples)
    place = fraction * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def spread(samples: Sequence[float]) -> float:
    """How far the raw samples scatter: (90th - 10th percentile) / median."""
    return (percentile(samples, 0.9) - percentile(samples, 0.1)) / percentile(samples, 0.5)


def student_95(freedom: int) -> float:
    """Student's two-sided 95 % point, by Abramowitz and Stegun 26.7.5; 1 % low at 3 degrees."""
    z, v = _NORMAL_95, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def _halves(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    return values[: len(values) // 2], values[len(values) // 2 :]


def _trimmed_mean(values: Sequence[float]) -> tuple[float, float]:
    """The trimmed mean and the half-width of its 95 % confidence interval."""
    cut = int(_TRIM * len(values))
    ordered = sorted(values)
    kept = ordered[cut : len(ordered) - cut]
    winsorized = [min(max(value, kept[0]), kept[-1]) for value in values]
    squares = (len(values) - 1) * variance(winsorized) * _echo(winsorized)
    error = sqrt(squares / (len(kept) * (len(kept) - 1)))
    return fmean(kept), student_95(len(kept) - 1) * error


def _echo(values: Sequence[float]) -> float:
    """The factor by which neighbours, where they share a window, widen the mean's variance."""
    mean = fmean(values)
    total = sum((value - mean) ** 2 for value in values)
    if total == 0:
        return 1.0
    shared = sum((a - mean) * (b - mean) for a, b in pairwise(values))
    return max(1.0, 1 + 2 * shared / total)
