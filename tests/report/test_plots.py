"""The PNG: its size, at every state of a study."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pocketnas.report.plots import pareto_png
from pocketnas.report.scene import scene
from pocketnas.report.summary import Summary
from pocketnas.study.study import Study


def drawn(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_a_finished_study(study: Study, summary: Summary, tmp_path: Path) -> None:
    path = tmp_path / "pareto.png"
    pareto_png(study, summary, path)
    image = drawn(path)
    assert (image.format, image.size) == ("PNG", (1600, 1000))
    assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 50
    assert list(tmp_path.iterdir()) == [path]
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("which", ["study", "failed", "empty"])
def test_a_study_under_way(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    study = Study(":memory:") if which == "empty" else request.getfixturevalue(which)
    pareto_png(study, None, tmp_path / "pareto.png")
    assert drawn(tmp_path / "pareto.png").size == (1600, 1000)


def test_names_are_no_mathematics_and_need_no_glyphs(
    study: Study, summary: Summary, changed: Callable[..., Summary], tmp_path: Path
) -> None:
    odd = changed(data=summary.data | {"name": "$x_{$ 猫"}, device={"cpu": r"$\frac CPU 犬"})
    pareto_png(study, odd, tmp_path / "pareto.png")


def test_the_scene(study: Study, summary: Summary, changed: Callable[..., Summary]) -> None:
    shown = scene(study, summary)
    assert {arm: len(points) for arm, points in shown.arms.items()} == {"random": 18, "search": 36}
    assert list(shown.arms) == ["random", "search"]  # the search is drawn last, on top
    assert [point.trial for point in shown.front] == study.pareto()
    assert shown.found is not None
    assert shown.found.trial == study.best
    assert shown.below == 2  # those of 11 %
    assert 0.8 < shown.floor < min(point.accuracy for point in shown.front)
    assert shown.where == " on Intel Xeon CPU @ 2.20GHz, 1 thread, batch 1"
    assert scene(study, None).target is None
    assert scene(study, changed(rows=())).chosen == "best so far"


def test_the_target_of_a_run_under_way() -> None:
    study = Study(":memory:")
    study.storage.set("reference_ms", 0.5)
    study.storage.set("config", {"target_ms": None})
    assert scene(study, None).target == 0.5  # the reference's own latency is the default
    study.storage.set("config", {"target_ms": 0.4})
    assert scene(study, None).target == 0.4
