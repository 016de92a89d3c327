"""The report of an adaptation: its path, its widths, the network it has come to."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.netadapt.widths import widths
from pocketnas.report import figures
from pocketnas.report.charts import FRONT, NEUTRAL, SEARCHERS, Chart, layout, to_html
from pocketnas.report.markup import Html, facts, fold, join, table, tag
from pocketnas.report.page import Section, write_page
from pocketnas.report.sections import network

_BLUE = SEARCHERS[0]


def write_adaptation(trail: Mapping[str, Any], path: Path) -> None:
    """Writes the page of what `adapt.json` holds, finished or under way.

    Args:
        trail: `pocketnas.run.adapt.trail.Trail.to_dict()`.
        path: of the HTML file.
    """
    now = _points(trail)[-1]
    share = figures.percent(now["milliseconds"] / trail["reference_ms"])
    result, name = trail["result"], Path(str(trail["config"]["network"])).name
    if result:
        start, end = (figures.percent(result[row]["accuracy"]) for row in ("start", "adapted"))
        headline = f"{end} of the test images at {share} of the latency; {start} before"
        lead = (
            f"Both were tested on {result['tested_on']:,} images that neither trained nor chose."
            + (f" The target was not met: {result['short']}." if result["short"] else "")
        )
    else:
        headline = f"{share} of the latency after {len(trail['steps'])} steps"
        lead = "This adaptation is not finished: the figures below will change."
    write_page(
        path,
        title=f"PocketNAS: {name}",
        brow=f" · {name} on {trail['config']['device']} · {len(trail['steps'])} steps of NetAdapt",
        headline=headline,
        lead=lead,
        sections=list(_sections(trail)),
    )


def _points(trail: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [trail["start"], *trail["steps"]]


def _sections(trail: Mapping[str, Any]) -> Iterator[Section]:
    first, last = (_network(point) for point in (trail["start"], _points(trail)[-1]))
    if trail["result"]:
        yield "result", "Result", _result(trail["result"])
    charts = to_html({"path-chart": path_chart(trail), "widths-chart": widths_chart(first, last)})
    note = (
        "Each step shrinks one width. The line is the network after each, measured; the pale points"
        " are the proposals that were not taken, at the latency that the table predicted for them."
        " Accuracy is on the images that choose, after a short training only."
    )
    yield "path", "Path", join([tag("p", note, class_="note"), charts["path-chart"], _steps(trail)])
    yield "widths", "Widths", charts["widths-chart"]
    yield "network", "Network", network(to_lines(last))
    yield "settings", "Settings", fold("All settings", facts(trail["config"]))


def _result(result: Mapping[str, Any]) -> Html:
    rows = []
    for name in ("adapted", "start"):
        row, tested = result[name], result["tested_on"]
        value, low, high = figures.interval(row["latency"])
        cells = (
            (name, ""),
            (
                figures.percent(row["accuracy"]),
                figures.from_to(*figures.wilson(row["accuracy"], tested), 100),
            ),
            (figures.milliseconds(value), figures.from_to(low, high)),
            (figures.count(row["madds"]), ""),
            (figures.count(row["parameters"]), ""),
            (figures.size(row["size_bytes"]), ""),
        )
        rows.append([join([text, tag("small", small) if small else ""]) for text, small in cells])
    head = ("network", "test accuracy", "latency", "multiply-adds", "parameters", ".tflite")
    note = "Measured in turns, one image at a time. Small print: 95 % intervals."
    return join([table(head, rows, "figures winner"), tag("p", note, class_="note")])


def path_chart(trail: Mapping[str, Any]) -> Chart:
    """Latency against accuracy: the steps, what they chose from, the start and the end."""
    steps, points = trail["steps"], _points(trail)
    others = [(number, each) for number, step in enumerate(steps, 1) for each in step["others"]]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "markers", "name": "not taken", "opacity": 0.35,
            "x": [each["predicted"] for _, each in others],
            "y": [100 * each["accuracy"] for _, each in others],
            "text": [f"step {number}: {_changed(each)}" for number, each in others],
            "hovertemplate": "%{text}<br>%{y:.1f} %, predicted %{x:.3f} ms<extra></extra>",
            "marker": {"color": NEUTRAL, "size": 5},
        },
        {
            "type": "scatter", "mode": "lines+markers", "name": "taken",
            "x": [point["milliseconds"] for point in points],
            "y": [100 * point["accuracy"] for point in points],
            "text": ["start", *(f"step {i}: {_changed(step)}" for i, step in enumerate(steps, 1))],
            "hovertemplate": "<b>%{text}</b><br>%{y:.1f} %, measured %{x:.3f} ms<extra></extra>",
            "marker": {"color": _BLUE, "size": 8}, "line": {"color": _BLUE, "width": 2},
        },
    ]  # fmt: skip
    if trail["result"]:
        rows = [trail["result"][name] for name in ("start", "adapted")]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": "start and end, on test images",
                "x": [row["latency"]["milliseconds"] for row in rows],
                "y": [100 * row["accuracy"] for row in rows],
                "hovertemplate": "%{y:.1f} % at %{x:.3f} ms<extra></extra>",
                "marker": {"color": FRONT, "size": 11, "symbol": "diamond"},
            }
        )  # fmt: skip
    frame = layout(
        {"title": {"text": "latency (ms)"}},
        {"title": {"text": "accuracy"}, "ticksuffix": " %"},
        height=480,
    )
    line = {"color": NEUTRAL, "width": 1.5, "dash": "dash"}
    edge = {"xref": "x", "yref": "paper", "x0": trail["target_ms"], "x1": trail["target_ms"]}
    return {
        "data": traces,
        "layout": frame | {"shapes": [{"type": "line", "y0": 0, "y1": 1, "line": line} | edge]},
    }


def widths_chart(before: Architecture, after: Architecture) -> Chart:
    """Channels of each width before and after; of a layer that is gone none."""
    left = {width.name: width.value for width in widths(after)}
    first = {width.name: width.value for width in widths(before)}
    names = list(first)
    traces = [
        {
            "type": "bar", "name": said, "x": names, "y": values,
            "marker": {"color": colour}, "hovertemplate": "%{x}: %{y}",
        }
        for said, values, colour in (
            ("before", list(first.values()), NEUTRAL),
            # A width at its least cannot shrink, and is not in the list any more.
            ("after", [left.get(name, min(first[name], 8)) for name in names], _BLUE),
        )
    ]  # fmt: skip
    frame = layout({"tickangle": -90}, {"title": {"text": "channels"}}, height=460)
    return {"data": traces, "layout": frame | {"barmode": "group", "hovermode": "x unified"}}


def _steps(trail: Mapping[str, Any]) -> Html:
    rows = [
        [
            str(number),
            _changed(step, was=True),
            figures.milliseconds(step["predicted"]),
            figures.milliseconds(step["milliseconds"]),
            figures.percent(step["predicted"] / step["milliseconds"] - 1),
            figures.percent(step["accuracy"]),
            str(len(step["others"]) + 1),
            figures.duration(step["seconds"]),
        ]
        for number, step in enumerate(trail["steps"], 1)
    ]
    head = ("step", "change", "predicted", "measured", "off by", "accuracy", "proposals", "time")
    return fold("Step by step", table(head, rows, "figures")) if rows else Html()


def _changed(step: Mapping[str, Any], *, was: bool = False) -> str:
    before = f"{step['was']} " if was else ""
    return escape(f"{step['changed']} {before}→ {step['becomes']}", quote=False)


def _network(point: Mapping[str, Any]) -> Architecture:
    return Architecture.from_dict(dict(point["architecture"]))
