"""The interactive charts of the page, as plotly figures in plain JSON values.

Colours of text, grid and background come from the page's style sheet, so that the charts follow
dark mode and print; a figure sets only those of its data, which can be read on either ground.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle
from math import ceil, floor, log10
from typing import Any

import plotly.io

from pocketnas.report import progress
from pocketnas.report.figures import interval, milliseconds, percent, quantity
from pocketnas.report.markup import Html
from pocketnas.report.scene import Point, Scene, latency_of, lines_of
from pocketnas.report.searchers import CONTROL, arm_label
from pocketnas.search.limits import UNITS
from pocketnas.study.study import Study
from pocketnas.study.trial import Trial

SEARCHERS = ("#3f83dd", "#1d9c8b", "#9a6bd0")
_CONTROL, FRONT, NEUTRAL = "#d08326", "#d23f5f", "#8a929c"
_FONT = {"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"}
_SYMBOLS = ("circle", "triangle-up", "diamond")

_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    # plotly.js 4 shows a button that uploads the chart; a private study stays on the machine.
    "showSendToCloud": False,
}
_LOW = 0.1  # share of the lowest rewards, and of the early means, that may fall off the frame

Chart = dict[str, Any]


def to_html(charts: Mapping[str, Chart]) -> dict[str, Html]:
    """The charts as markup by the ids given; the first brings plotly.js along, 4.8 MB of it."""
    found: dict[str, Html] = {}
    for name, chart in charts.items():
        text = plotly.io.to_html(
            chart,
            full_html=False,
            include_plotlyjs=not found,
            div_id=name,
            default_height=f"{chart['layout']['height']}px",
            config=dict(_CONFIG),  # which plotly writes into
        )
        found[name] = Html(text)
    return found


def pareto_chart(drawn: Scene) -> Chart:
    """Accuracy against latency of all trials; pointing at one tells all about it."""
    colours = _colours(drawn.arms)
    traces: list[dict[str, Any]] = []
    symbols = cycle(_SYMBOLS)
    for arm, points in drawn.arms.items():
        control = {"symbol": "square-open", "size": 8}
        marker = control if arm == CONTROL else {"symbol": next(symbols), "size": 9}
        marker |= {"color": colours[arm]}
        traces.append(
            _trace(points, "markers", f"{drawn.labels[arm]} ({len(points)})", marker=marker)
            | {
                "text": [_hover(point.trial, drawn.labels[arm]) for point in points],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    front = {"color": FRONT, "width": 2.2, "shape": "hv"}
    traces.append(_trace(drawn.front, "lines", "Pareto front", line=front) | {"hoverinfo": "skip"})
    if drawn.found:
        ring = {"size": 19, "symbol": "circle-open", "color": FRONT, "line": {"width": 2}}
        name = f"{drawn.chosen}: trial {drawn.found.trial.number}"
        traces.append(_trace([drawn.found], "markers", name, marker=ring) | {"hoverinfo": "skip"})
    x_axis: dict[str, Any] = {"title": {"text": "latency (ms)"}}
    if drawn.log:
        ticks = _ticks([point.latency for points in drawn.arms.values() for point in points])
        x_axis |= {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    y_axis: dict[str, Any] = {
        "title": {"text": "accuracy after proxy training"},
        "ticksuffix": " %",
    }
    if drawn.below:
        highest = max(point.accuracy for points in drawn.arms.values() for point in points)
        y_axis["range"] = [100 * drawn.floor, 105 * highest - 5 * drawn.floor]
    frame = layout(x_axis, y_axis, height=520)
    if drawn.target:
        edge = {"xref": "x", "yref": "paper", "x0": drawn.target, "x1": drawn.target}
        line = {"color": NEUTRAL, "width": 1.5, "dash": "dash"}
        frame["shapes"] = [{"type": "line", "y0": 0, "y1": 1, "line": line} | edge]
        traces.append(
            _trace([], "lines", f"target {milliseconds(drawn.target)}", line=line)
            | {"x": [None], "y": [None]}
        )
    return {"data": traces, "layout": frame}


def reward_chart(study: Study, arms: Sequence[str]) -> Chart:
    """The best reward so far and the moving average of each arm, training by training."""
    colours = _colours(arms)
    traces: list[dict[str, Any]] = []
    span = progress.window(max(len(study.arm(arm)) for arm in arms))
    for arm in arms:
        curve = progress.rewards(study.arm(arm))
        dash = "dot" if arm == CONTROL else "solid"
        colour, label = colours[arm], escape(arm_label(study, arm))
        lines = (
            (progress.best_so_far(curve), f"{label}: best so far", "hv", 2.6, 1.0),
            (progress.moving_average(curve, span), f"{label}: mean of {span}", "linear", 1.6, 0.75),
        )
        numbers = list(range(1, len(curve) + 1))
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": numbers, "y": curve, "opacity": 0.3,
                "marker": {"color": colour, "size": 5,
                           "symbol": "square-open" if arm == CONTROL else "circle"},
                "showlegend": False, "hoverinfo": "skip",
            }
        )  # fmt: skip
        traces += [
            {
                "type": "scatter", "mode": "lines", "x": numbers, "y": values, "name": name,
                "line": {"color": colour, "width": width, "dash": dash, "shape": shape},
                "opacity": opacity, "hovertemplate": "%{y:.4f}",
            }
            for values, name, shape, width, opacity in lines
        ]  # fmt: skip
    y_axis: dict[str, Any] = {"title": {"text": "reward"}}
    lows, highs = [], []
    for trace in traces:
        values = sorted(value for value in trace["y"] if value is not None)
        shape = trace.get("line", {}).get("shape")
        if values and shape != "hv":
            late = [value for value in trace["y"][len(trace["y"]) // 2 :] if value is not None]
            few = values[int(_LOW * len(values))]
            lows.append(min([few, *late]) if shape == "linear" else few)
            highs.append(values[-1])
    if lows:
        room = 0.06 * (max(highs) - min(lows)) or 0.01
        y_axis["range"] = [min(lows) - room, max(highs) + room]
    frame = layout({"title": {"text": "trainings"}}, y_axis, height=400)
    return {"data": traces, "layout": frame | {"hovermode": "x unified"}}


def hypervolume_chart(study: Study, drawn: Scene) -> Chart:
    """How much of the Pareto picture each arm's front dominates, training by training."""
    colours, limits = _colours(drawn.arms), progress.limits_of(study)
    traces = []
    for arm in drawn.arms:
        shares = progress.hypervolumes(study.arm(arm), drawn.frame, limits)
        dash = "dot" if arm == CONTROL else "solid"
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": list(range(1, len(shares) + 1)),
                "y": [100 * share for share in shares], "name": escape(drawn.labels[arm]),
                "line": {"color": colours[arm], "width": 2.6, "dash": dash, "shape": "hv"},
                "hovertemplate": "%{y:.2f} %",
            }
        )  # fmt: skip
    y_axis = {"title": {"text": "hypervolume"}, "ticksuffix": " %"}
    frame = layout({"title": {"text": "trainings"}}, y_axis, height=320)
    return {"data": traces, "layout": frame | {"hovermode": "x unified"}}


def _ticks(values: Sequence[float]) -> list[float]:
    """1, 2 and 5 of each power of ten within the values, and one to either side."""
    powers = range(floor(log10(min(values))) - 1, ceil(log10(max(values))) + 1)
    ticks = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    return [tick for tick in ticks if min(values) / 2.5 <= tick <= max(values) * 2.5]


def _colours(arms: Sequence[str] | Mapping[str, Any]) -> dict[str, str]:
    searchers = [arm for arm in arms if arm != CONTROL]
    colours = {arm: SEARCHERS[i % len(SEARCHERS)] for i, arm in enumerate(searchers)}
    return colours | {CONTROL: _CONTROL}


def _trace(points: Sequence[Point], mode: str, name: str, **style: Any) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": mode,
        "name": escape(name),
        "x": [point.latency for point in points],
        "y": [100 * point.accuracy for point in points],
        **style,
    }


def _hover(trial: Trial, arm: str) -> str:
    """All about a trial, in the small part of HTML that plotly draws itself."""
    accuracy, latency = trial.outcome.accuracy or 0.0, trial.outcome.latency or 0.0
    measured = latency_of(trial)
    between = ""
    if "milliseconds" in measured:
        _, low, high = interval(measured)
        between = f" ({milliseconds(low)} to {milliseconds(high)})"
    reward = "" if trial.reward is None else f"<br>reward {trial.reward:.4f}"
    costs = ", ".join(
        f"{name} {quantity(value, UNITS.get(name, ''))}"
        for name, value in trial.outcome.costs.items()
    )
    limited = f"<br>{escape(costs, quote=False)}" if costs else ""
    lines = "".join(f"<br>{escape(line, quote=False)}" for line in lines_of(trial))
    return (
        f"<b>trial {trial.number}</b>, {escape(arm, quote=False)}"
        f"<br>{percent(accuracy, 2)} at {milliseconds(latency)}{between}{reward}{limited}{lines}"
    )


def layout(x_axis: dict[str, Any], y_axis: dict[str, Any], *, height: int) -> dict[str, Any]:
    """Of a chart on the page: its axes, and the same frame round all of them."""
    shared = {"zeroline": False, "automargin": True, "ticks": "", "gridcolor": NEUTRAL}
    return {
        "height": height,
        "margin": {"l": 64, "r": 16, "t": 12, "b": 56},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": _FONT | {"size": 13},
        "hoverlabel": {"align": "left", "namelength": -1, "font": _FONT},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": shared | x_axis,
        "yaxis": shared | y_axis,
    }
