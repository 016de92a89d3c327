"""What an A/A run says, of measurements whose truth is known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from pocketnas.devices.device import Latency
from pocketnas.errors import SettingError
from pocketnas.report.steadiness import steadiness_png
from pocketnas.run.steadiness import LEAST, Scatter, notes, steadiness

LATENCY = Latency(
    **{"milliseconds": 2.0, "low": 1.98, "high": 2.02, "ratio": 1.0, "pairs": 10, "runs": 100},
    **{"threads": 1, "raw_median": 2.5, "raw_p90": 3.0, "raw_spread": 0.1, "reference_ms": 2.0},
    **{"reference_raw_median": 2.5, "device": "made up"},
)
STEADY = Scatter(5, 1.0, 0.005, 0.01, 0.05, 0.02, 0.04)


def measured(ratio: float, raw: float = 2.5) -> Latency:
    return replace(
        LATENCY,
        milliseconds=2.0 * ratio,
        low=1.98 * ratio,
        high=2.02 * ratio,
        ratio=ratio,
        raw_median=raw,
        reference_raw_median=raw,
    )


def test_repeats_say_what_can_be_resolved() -> None:
    draw = Random(0)
    found = Scatter.of([measured(0.5 * (1 + draw.gauss(0, 0.01))) for _ in range(400)])
    assert found.ratio == pytest.approx(0.5, rel=0.01)
    assert found.between == pytest.approx(0.01, rel=0.15)
    assert found.within == pytest.approx(0.01)
    assert found.raw == 0
    assert found.resolves == pytest.approx(1.96 * 2**0.5 * 0.01, rel=0.2)
    assert found.resolves_ms == pytest.approx(found.resolves * found.ratio * 2.0)


def test_few_repeats_promise_less() -> None:
    few, many = ([measured(1 + 0.01 * (i % 2)) for i in range(n)] for n in (4, 40))
    assert Scatter.of(few).resolves > 1.2 * Scatter.of(many).resolves


@dataclass
class Slowing:
    """Becomes ten percent slower from one measurement to the next, ratios hold."""

    asked: int = 0

    def facts(self) -> dict[str, object]:
        return {"device": "made up", "notes": ["a note of its own"], "load": {"opened": 2.0}}

    def compare(self, models: Mapping[str, bytes], **settings: object) -> dict[str, Latency]:
        self.asked += 1
        return {
            name: measured(1.0 if model == b"reference" else 0.3, raw=2.5 * 1.1**self.asked)
            for name, model in models.items()
        }


def test_it_alternates_and_tells_of_drift(tmp_path: Path) -> None:
    device = Slowing()
    found = steadiness(device, b"reference", b"other", seconds=1.0, watch=lambda words: None)
    assert device.asked == 2 * LEAST
    assert found.itself.ratio == pytest.approx(1.0)
    assert found.unlike.ratio == pytest.approx(0.3)
    assert found.itself.raw > 0.1 > found.itself.between
    assert found.drift > 0.3
    said = " ".join(found.notes)
    assert "a note of its own" in said
    assert "slower meanwhile" in said
    assert "other programs wanted 2.0 cores" in said
    assert json.loads(json.dumps(found.to_dict()))["itself"]["repeats"] == LEAST
    steadiness_png(found.series, tmp_path / "aa.png")
    assert (tmp_path / "aa.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SettingError, match="cannot be written"):
        steadiness_png(found.series, tmp_path / "none" / "aa.png")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"governor": "powersave"}, "governor is powersave"),
        ({"cores": 1}, "one core"),
        ({"heat": {"measured": {"throttled": True}}}, "slows itself"),
        ({"virtual": True}, "virtual machine"),
    ],
)
def test_what_is_amiss_is_named(facts: dict[str, object], words: str) -> None:
    [note] = notes(STEADY, STEADY, 0.0, {}, facts)
    assert words in note


def test_where_nothing_is_amiss_nothing_is_said() -> None:
    good = {"governor": "performance", "cores": 4, "virtual": False, "notes": [], "heat": {}}
    assert notes(STEADY, STEADY, 0.01, {"load": {"opened": 0.1}}, good) == []


def test_unlike_networks_that_wander_are_told_of() -> None:
    [note] = notes(STEADY, replace(STEADY, between=0.05), 0.0, {}, {})
    assert "unlike networks differently (5.0% between repeats" in note


def test_no_time_is_one_sentence() -> None:
    with pytest.raises(SettingError, match="--seconds must be above 0, got 0"):
        steadiness(Slowing(), b"", b"", seconds=0, watch=lambda words: None)
