"""The page: balanced, self-contained, escaped, with the numbers, at every state of a study."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pocketnas.report.charts import hypervolume_chart, pareto_chart, reward_chart
from pocketnas.report.luck import luck
from pocketnas.report.page import write_report
from pocketnas.report.progress import rewards
from pocketnas.report.scene import scene
from pocketnas.report.searchers import arm_label, searcher_words
from pocketnas.report.summary import Summary
from pocketnas.run.config import SEARCHERS
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial
from report.reading import HOSTILE, Page

Changed = Callable[..., Summary]


def written(study: Study, summary: Summary | None, folder: Path) -> Page:
    path = folder / "report.html"
    write_report(study, summary, path)
    assert list(folder.iterdir()) == [path]
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(study: Study, summary: Summary, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return written(study, summary, tmp_path_factory.mktemp("page"))


def test_has_the_numbers(page: Page) -> None:
    for text in (
        "Found: 97.3 % at 0.312 ±0.002 ms on Intel Xeon CPU @ 2.20GHz, 1.3× faster than",
        "0.310–0.314",  # its interval
        "0.403–0.407 · 1.30×",
        "MnasNet-A1",
        "Finalist 2",
        "184 pairs of windows (3,112 runs)",
        "pinned to core 1",
        "spread 31 %",
        "14 % slower than calm",
        "3.1·10⁻⁶",
        "same class for all of them",
        "3,500 to train on, 500 to steer the search, 1,000 for the final figures",
        "a/b.jpg: empty file",
        "6 of 60 trials failed",
        "DeviceError: hung <b>here</b> & there",
        "recipe.optimizer",
        "0.016, 0.001",
        "1 h 27 min",
        "from ai_edge_litert.interpreter import Interpreter",
        "after 20 trainings each",
    ):
        assert text in page.text, text


def test_has_the_block_strings_and_the_drawing(page: Page, summary: Summary) -> None:
    assert "\n".join(summary.rows[0].lines) in page.text
    assert "nas-drawing" in [svg.get("class") for svg in page.elements("svg")]


def test_links_lead_somewhere(page: Page) -> None:
    links = [link["href"] for link in page.elements("a")]
    assert links
    assert {f"#{name}" for name in page.ids} >= set(links)
    assert len(set(page.ids)) == len(page.ids)


def loads(page: Page) -> Iterator[str]:
    for _, attributes in page.tags:
        yield from (
            value or ""
            for name, value in attributes.items()
            if name in ("src", "href", "srcset", "action", "data", "xlink:href")
        )


def test_loads_nothing(page: Page) -> None:
    assert all(url.startswith("#") for url in loads(page))
    policy = next(meta for meta in page.elements("meta") if "http-equiv" in meta)
    assert "default-src 'none'" in (policy["content"] or "")


def test_brings_plotly_once_and_without_its_upload_button(
    study: Study, summary: Summary, tmp_path: Path
) -> None:
    write_report(study, summary, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("plotly.js v") == 1
    assert text.count('"showSendToCloud": false') == 3
    assert not re.search(r'"plotlyServerURL": "', text)
    assert not re.search(r'url\(["\']?http|@import', text.partition("</style>")[0])


def test_whatever_comes_from_outside_is_escaped(
    study: Study, summary: Summary, changed: Changed, tmp_path: Path
) -> None:
    best = replace(summary.rows[0], name=HOSTILE, lines=(HOSTILE,))
    hostile = changed(
        rows=(best, *summary.rows[1:]),
        data=summary.data | {"name": HOSTILE, "classes": [HOSTILE, "<b>"], "skipped": [HOSTILE]},
        config={HOSTILE: HOSTILE, "nested": {"key": [HOSTILE]}},
        device={"cpu": HOSTILE, "governor": HOSTILE},
        versions={"x": HOSTILE},
    )
    hurt = Study(":memory:")
    details = {"digest": best.digest, "lines": [HOSTILE], "latency": {"device": HOSTILE}}
    hurt.trials = [
        Trial(0, HOSTILE, (0,), Outcome(0.9, 1.0, None, details), 0.9),
        Trial(1, "search", (0,), Outcome(error=HOSTILE), None),
    ]
    found = written(hurt, hostile, tmp_path)
    assert found.text.count("alert('x')") >= 8
    assert not found.elements("img")
    calm = written(study, summary, tmp_path)
    assert len(found.elements("script")) == len(calm.elements("script"))


def test_an_unfinished_run_says_so(study: Study, tmp_path: Path) -> None:
    found = written(study, None, tmp_path)
    assert "Unfinished: after 60 trials" in found.text
    assert "This run is not finished" in found.text
    assert {"search", "luck", "network", "latency", "failures"} <= set(found.ids)
    assert not {"result", "file", "images"} & set(found.ids)


def test_stopped_trials_are_counted_and_not_drawn(study: Study, tmp_path: Path) -> None:
    stopped = Study(":memory:")
    stopped.trials = [
        replace(trial, outcome=replace(trial.outcome, estimated=True, accuracy=1.0))
        if trial.number == 7
        else trial
        for trial in study.trials
    ]
    found = written(stopped, None, tmp_path)
    assert "1 whose training was spared, or stopped on its way, are not drawn." in found.text
    assert scene(stopped, None).arms["search"][7].trial.number == 8
    assert all(point.trial.number != 7 for point in scene(stopped, None).front)
    assert rewards(stopped.trials)[7] is None
    assert rewards(study.trials)[7] is not None
    assert "not drawn" not in written(study, None, tmp_path).text


def test_says_whether_the_proxy_can_be_trusted(
    study: Study, changed: Changed, tmp_path: Path
) -> None:
    networks = [{"name": f"net <{i}>", "proxy": i / 10, "final": i / 9} for i in range(9)]
    trust = {"networks": networks, "correlation": 1.0, "low": 0.9, "high": 1.0}
    found = written(study, changed(trust=trust), tmp_path)
    assert "rank correlation 1.00 (95 %: 0.9 to 1.0) over 9 networks" in found.text
    assert "net <3>" in found.text
    assert "proxy" in found.ids


@pytest.mark.parametrize("searcher", SEARCHERS)
@pytest.mark.parametrize("reward", ["soft", "pareto"])
def test_the_searcher_is_named_wherever_its_arm_is_shown(
    study: Study, searcher: str, reward: str, tmp_path: Path
) -> None:
    named = Study(":memory:")
    named.trials = study.trials
    named.storage.set("config", {"searcher": searcher, "reward": reward})
    label = arm_label(named, "search")
    assert label not in ("search", "")
    charts = (
        pareto_chart(scene(named, None)),
        reward_chart(named, ["random", "search"]),
        hypervolume_chart(named, scene(named, None)),
    )
    for chart in charts:
        names = [trace["name"] for trace in chart["data"] if "name" in trace]
        assert any(name.startswith(label) for name in names)
        assert any(name.startswith("random control") for name in names)
        assert not any(name.startswith("search") for name in names)
    assert f"</b>, {label}<br>" in charts[0]["data"][1]["text"][0]
    for chart in charts[1:]:
        assert chart["layout"]["xaxis"]["title"]["text"] == "trainings"
    text = written(named, None, tmp_path).text
    assert f"40 trials by {label} · 20 trials by random control" in text
    assert f"trials, {label}40" in text
    assert searcher_words(named) in text
    assert f"{label[0].upper()}{label[1:]} " in luck(named)


def test_no_trials(tmp_path: Path) -> None:
    found = written(Study(":memory:"), None, tmp_path)
    assert "no trials yet" in found.text
    assert "No latency has been measured yet." in found.text


def test_all_failed(failed: Study, summary: Summary, changed: Changed, tmp_path: Path) -> None:
    found = written(failed, None, tmp_path)
    assert "5 of 5 trials failed" in found.text
    assert "DeviceError: <i>no device</i>" in found.text
    assert "nothing to plot" in found.text
    without = written(failed, changed(rows=(), finalists=()), tmp_path)
    assert "Finished without a network" in without.text


def test_the_limits_and_what_the_found_network_costs(
    study: Study, summary: Summary, changed: Changed, tmp_path: Path
) -> None:
    best = replace(summary.rows[0], costs={"size": 412.3, "int8": 0.2212, "memory": 96.0})
    limits = ["size<=400", "int8<=0.25", "memory~64"]
    limited = changed(rows=(best, *summary.rows[1:]), config={"limits": limits})
    assert (
        "Limits: size 412 KiB (at most 400 KiB, which it breaks); int8 0.221 ms (at most 0.250 ms);"
        " memory 96.0 KiB (aimed at 64.0 KiB)."
    ) in written(study, limited, tmp_path).text
    assert "Limits:" not in written(study, summary, tmp_path).text


def test_pointing_at_a_trial_tells_its_costs() -> None:
    study = Study(":memory:")
    outcome = Outcome(0.5, 1.0, costs={"size": 412.3, "own": 7.0})
    study.trials = [Trial(0, "search", (0,), outcome, 0.5)]
    chart = pareto_chart(scene(study, None))
    assert "size 412\u00a0KiB, own 7.00" in chart["data"][0]["text"][0]


def test_hypervolume_of_each_arm(study: Study) -> None:
    chart = hypervolume_chart(study, scene(study, None))
    assert [trace["name"] for trace in chart["data"]] == ["random control", "search"]
    for trace, trials in zip(chart["data"], (20, 40), strict=True):
        assert len(trace["x"]) == len(trace["y"]) == trials
        assert trace["y"] == sorted(trace["y"])
        assert 0 < trace["y"][-1] <= 100
    assert chart["data"][1]["y"][-1] > chart["data"][0]["y"][-1]


def test_negative_rewards_fill_the_frame() -> None:
    study = Study(":memory:")
    study.trials = [Trial(i, "search", (0,), Outcome(0.5, 1.0), -0.4 + 0.01 * i) for i in range(20)]
    low, high = reward_chart(study, ["search"])["layout"]["yaxis"]["range"]
    assert -0.45 < low < -0.35
    assert -0.21 < high < -0.17


def test_a_trial_without_details(tmp_path: Path) -> None:
    study = Study(":memory:")
    study.trials = [Trial(0, "search", (0,), Outcome(0.5, 1.0), 0.5)]
    found = written(study, None, tmp_path)
    assert "50.0 % in proxy training at 1.00 ms." in found.text


def test_a_summary_with_little_in_it(
    study: Study, summary: Summary, changed: Changed, tmp_path: Path
) -> None:
    bare = replace(summary.rows[0], latency={"milliseconds": 0.3})
    found = written(study, changed(rows=(bare,), check={}, data={}, device={}, config={}), tmp_path)
    assert "Found: 97.3 % at 0.300 ms" in found.text
    assert "was not checked" in found.text
