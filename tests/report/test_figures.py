"""Numbers read as people write them."""

import pytest

from pocketnas.report import figures


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("number", "text"),
    [(640, "640"), (48_200, "48.2 k"), (3_887_038, "3.89 M"), (312e6, "312 M"), (1.5e9, "1.50 G")],
)
def test_count(number: float, text: str) -> None:
    assert plain(figures.count(number)) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0.31247, "0.312 ms"), (5.2, "5.20 ms"), (123.4, "123 ms")]
)
def test_milliseconds(milliseconds: float, text: str) -> None:
    assert plain(figures.milliseconds(milliseconds)) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (412.31, "KiB", "412 KiB"),
        (5880.2, "KiB", "5,880 KiB"),
        (0.2212, "ms", "0.221 ms"),
        (7, "", "7.00"),
    ],
)
def test_quantity(value: float, unit: str, text: str) -> None:
    assert plain(figures.quantity(value, unit)) == text


def test_plus_minus_shows_value_and_half_interval_to_the_same_digit() -> None:
    latency = {"milliseconds": 0.312, "low": 0.3101, "high": 0.3139}
    assert plain(figures.plus_minus(latency)) == "0.312 ±0.002 ms"
    assert plain(figures.plus_minus({"milliseconds": 0.312})) == "0.312 ms"
    narrow = {"milliseconds": 5.2, "low": 5.1996, "high": 5.2004}
    assert plain(figures.plus_minus(narrow)) == "5.2000 ±0.0004 ms"


def test_from_to() -> None:
    assert figures.from_to(0.3101, 0.3139) == "0.310–0.314"
    assert figures.from_to(0.961, 0.981, 100) == "96.1–98.1"
    assert figures.from_to(0.3, 0.3) == "0.300–0.300"


def test_sizes_and_durations() -> None:
    assert plain(figures.size(1_240_000)) == "1.24 MB"
    assert plain(figures.size(900)) == "900 B"
    assert plain(figures.duration(11520)) == "3 h 12 min"
    assert plain(figures.duration(250)) == "4 min 10 s"
    assert plain(figures.duration(7.4)) == "7 s"


def test_small_values() -> None:
    assert figures.tiny(3.1e-6) == "3.1·10⁻⁶"
    assert figures.tiny(0.0) == "0"
    assert figures.tiny(0.25) == "0.25"


def test_wilson_stays_within_0_and_1_and_narrows() -> None:
    low, high = figures.wilson(1.0, 100)
    assert 0.95 < low < 1.0 == high
    assert figures.wilson(0.9, 10_000)[0] > figures.wilson(0.9, 100)[0]


def test_device_text() -> None:
    assert figures.device_text("host (Intel(R) Xeon(R) CPU @ 2.20GHz)") == (
        "Intel Xeon CPU @ 2.20GHz"
    )
    assert figures.device_text("Pixel (1st)") == "Pixel (1st)"
