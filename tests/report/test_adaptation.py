"""The page of an adaptation: finished, under way, and with hostile names."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pocketnas.arch.architecture import Architecture
from pocketnas.netadapt.widths import shrunk, widths
from pocketnas.report.adaptation import path_chart, widths_chart, write_adaptation
from pocketnas.run.adapt.config import AdaptConfig
from pocketnas.zoo import architecture
from report.reading import HOSTILE, Page


def narrower(network: Architecture) -> Architecture:
    width = next(each for each in widths(network) if each.name == "stages.3.1.expanded")
    return shrunk(network, width, 16)


@pytest.fixture
def trail() -> dict[str, Any]:
    begin = architecture("mobilenet_v2", resolution=32, classes=10)
    point = {"milliseconds": 0.9, "accuracy": 0.76, "architecture": begin.to_dict()}
    after = {"milliseconds": 0.7, "accuracy": 0.74, "architecture": narrower(begin).to_dict()}
    row = {"madds": 10**7, "parameters": 2 * 10**6, "size_bytes": 10**7}
    times = [{"milliseconds": ms, "low": ms - 0.01, "high": ms + 0.01} for ms in (0.9, 0.7)]
    return {
        "config": AdaptConfig(network=f"runs/{HOSTILE}", share=0.8).to_dict(),
        "start": point,
        "reference_ms": 0.9,
        "target_ms": 0.72,
        "steps": [
            {
                "changed": "stages.3.1.expanded",
                "was": 384,
                "becomes": 16,
                "predicted": 0.707,
                **after,
                "others": [{"changed": "head", "becomes": 8, "predicted": 0.71, "accuracy": 0.4}],
                "seconds": 61.0,
            }
        ],
        "result": {
            "start": {"accuracy": 0.75, "latency": times[0], **row},
            "adapted": {"accuracy": 0.755, "latency": times[1], **row},
            "tested_on": 900,
            "steps": 1,
            "short": None,
        },
    }


def test_a_finished_one_says_what_came_of_it(trail: dict[str, Any], tmp_path: Path) -> None:
    write_adaptation(trail, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "75.5 % of the test images at 77.8 % of the latency; 75.0 % before" in page.text
    assert "stages.3.1.expanded 384 → 16" in page.text
    assert "1.0 %" in page.text  # predicted against measured
    assert "1 min 1 s" in page.text
    assert len(set(page.ids)) == len(page.ids)
    assert not page.elements("img")
    assert "evil" not in "".join(str(values) for _, values in page.tags)


def test_one_under_way_says_so(trail: dict[str, Any], tmp_path: Path) -> None:
    trail["result"] = None
    write_adaptation(trail, tmp_path / "report.html")
    assert "not finished" in Page((tmp_path / "report.html").read_text()).text
    trail["steps"] = []
    write_adaptation(trail, tmp_path / "report.html")
    assert "after 0 steps" in Page((tmp_path / "report.html").read_text()).text


def test_one_that_fell_short_says_why(trail: dict[str, Any], tmp_path: Path) -> None:
    trail["result"]["short"] = "no proposal is fast enough"
    write_adaptation(trail, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "The target was not met: no proposal is fast enough." in page.text


def test_charts_hold_the_path_and_the_widths(trail: dict[str, Any]) -> None:
    others, taken, ends = path_chart(trail)["data"]
    assert others["x"] == [0.71]
    assert taken["x"] == [0.9, 0.7]
    assert taken["y"] == [76.0, 74.0]
    assert ends["y"] == [75.0, 75.5]
    before = Architecture.from_dict(deepcopy(trail["start"]["architecture"]))
    first, last = widths_chart(before, narrower(before))["data"]
    assert [
        (name, was, now)
        for name, was, now in zip(first["x"], first["y"], last["y"], strict=True)
        if was != now
    ] == [("stages.3.1.expanded", 384, 16)]
