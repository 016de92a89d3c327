"""Numbers as people read them: three figures, a unit, no line break in between."""

import re
from collections.abc import Mapping
from math import floor, isfinite, log10, sqrt
from typing import Any

_SPACE = "\u00a0"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NORMAL_95 = 1.959964  # two-sided 95 % point of the normal distribution


def percent(share: float, digits: int = 1) -> str:
    """0.9731 → 97.3 %."""
    return f"{100 * share:.{digits}f}{_SPACE}%"


def milliseconds(value: float) -> str:
    """0.31247 → 0.312 ms."""
    return f"{_three(value)}{_SPACE}ms"


def interval(latency: Mapping[str, Any]) -> tuple[float, float, float]:
    """Milliseconds, low and high of a `Latency.to_dict()`; without an interval all are equal."""
    value = float(latency["milliseconds"])
    return value, float(latency.get("low", value)), float(latency.get("high", value))


def plus_minus(latency: Mapping[str, Any]) -> str:
    """0.312 ±0.002 ms: the time and half of its 95 % interval, to the same digit."""
    value, low, high = interval(latency)
    if not high > low:
        return milliseconds(value)
    half = (high - low) / 2
    digits = max(_decimals(value, 3), _decimals(half, 1)) if half < value else _decimals(value, 3)
    return f"{value:.{digits}f}{_SPACE}±{half:.{digits}f}{_SPACE}ms"


def from_to(low: float, high: float, scale: float = 1.0) -> str:
    """0.310-0.314 with an en dash, both to the digit that tells them apart."""
    low, high = low * scale, high * scale
    digits = max(_decimals(high, 3), _decimals(high - low, 1) if high > low else 0)
    return f"{low:.{digits}f}–{high:.{digits}f}"


def count(number: float) -> str:
    """312345678 → 312 M."""
    return _scaled(number, ((1e9, "G"), (1e6, "M"), (1e3, "k")))


def size(number: float) -> str:
    """Bytes: 1240000 → 1.24 MB (of 10^6 bytes)."""
    unit = "" if number >= 1e3 else f"{_SPACE}B"
    return _scaled(number, ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))) + unit


def quantity(value: float, unit: str = "") -> str:
    """412.31, "KiB" → 412 KiB; above a thousand nothing is rounded away."""
    return f"{value:,.{_decimals(value, 3)}f}{_SPACE if unit else ''}{unit}"


def device_text(name: str) -> str:
    """Host (Intel(R) Xeon(R) CPU) → Intel Xeon CPU: /proc/cpuinfo is no prose."""
    bare = re.sub(r"^host \((.*)\)$", r"\1", name)
    return " ".join(re.sub(r"\((?:R|TM)\)", "", bare, flags=re.IGNORECASE).split())


def tiny(value: float) -> str:
    """0.0000031 → 3.1·10⁻⁶."""
    if not 0 < value < 1e-3:
        return f"{value:.2g}"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits}·10{str(int(power)).translate(_RAISED)}"


def duration(seconds: float) -> str:
    """11520 → 3 h 12 min."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = (
        ((hours, "h"), (minutes, "min"))
        if hours
        else ((minutes, "min"), (rest, "s"))
        if minutes
        else ((rest, "s"),)
    )
    return " ".join(f"{number}{_SPACE}{unit}" for number, unit in parts)


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share observed on `n` images (Wilson 1927), good near 0 and 1."""
    squared = _NORMAL_95**2
    centre = (share + squared / (2 * n)) / (1 + squared / n)
    half = _NORMAL_95 * sqrt(share * (1 - share) / n + squared / (4 * n**2)) / (1 + squared / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def chance(first: float, second: float, n: int) -> float:
    """How far two shares of `n` images each differ by chance alone, at the 95 % level.

    Both networks saw the same images, so the truth is narrower; this errs on the modest side.
    """
    return _NORMAL_95 * sqrt((first * (1 - first) + second * (1 - second)) / n)


def _scaled(number: float, units: tuple[tuple[float, str], ...]) -> str:
    for factor, unit in units:
        if number >= factor:
            return f"{_three(number / factor)}{_SPACE}{unit}"
    return f"{number:.0f}"


def _three(value: float) -> str:
    return f"{value:.{_decimals(value, 3)}f}"


def _decimals(value: float, figures: int) -> int:
    """Decimal places that show `figures` significant figures, of small and large numbers alike."""
    if not isfinite(value) or value == 0:
        return 0
    return min(9, max(0, figures - 1 - floor(log10(abs(value)))))
