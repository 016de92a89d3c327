"""An adaptation as a picture: its path, and the widths before and after."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pocketnas.arch.architecture import Architecture
from pocketnas.errors import SettingError
from pocketnas.netadapt.widths import widths
from pocketnas.report.figures import milliseconds, percent
from pocketnas.report.files import replace_file

_INK, _GRID, _BLUE, _RED, _PALE = "#1b1f24", "#e3e6ea", "#2a6fc9", "#b3203c", "#c9d8ee"


def shrinking_png(trail: Mapping[str, Any], path: Path) -> None:
    """Draws what `adapt.json` holds, 1920x1600 pixels.

    Raises:
        SettingError: the file cannot be written.
    """
    figure = Figure(figsize=(12, 10), dpi=160, facecolor="white", layout="constrained")
    above, below = figure.subplots(2, 1)
    _path(above, trail)
    now = trail["steps"][-1] if trail["steps"] else trail["start"]
    _widths(below, trail["start"]["architecture"], now["architecture"])
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=_INK)
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    try:
        replace_file(path, buffer.getvalue())
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None


def _path(axes: Axes, trail: Mapping[str, Any]) -> None:
    """Latency against accuracy: the steps, what they chose from, the end."""
    for step in trail["steps"]:
        others = step["others"]
        axes.scatter(
            [other["predicted"] for other in others],
            [other["accuracy"] for other in others],
            s=8,
            color=_PALE,
        )
    points = [trail["start"], *trail["steps"]]
    axes.plot(
        [point["milliseconds"] for point in points],
        [point["accuracy"] for point in points],
        color=_BLUE,
        marker="o",
        markersize=4,
        label="after each step's short training, on the images that choose",
    )
    if trail["result"]:
        for name in ("start", "adapted"):
            row = trail["result"][name]
            axes.scatter(
                row["latency"]["milliseconds"],
                row["accuracy"],
                color=_RED,
                marker="D",
                zorder=3,
                label="start and end, on images that nobody looked at" if name == "start" else None,
            )
    axes.axvline(trail["target_ms"], color=_INK, linewidth=0.8, linestyle=":")
    last = points[-1]
    axes.set_title(
        f"{milliseconds(trail['reference_ms'])} → {milliseconds(last['milliseconds'])}"
        f" ({percent(last['milliseconds'] / trail['reference_ms'])}) in {len(points) - 1} steps",
        loc="left",
        color=_INK,
    )
    axes.set_xlabel("measured latency, ms (the others of a step: predicted)")
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(color=_GRID)
    axes.legend(frameon=False, loc="lower right")


def _widths(axes: Axes, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Channels of each width; of a layer that is gone none."""
    first = {width.name: width.value for width in widths(Architecture.from_dict(dict(before)))}
    last = {width.name: width.value for width in widths(Architecture.from_dict(dict(after)))}
    places = range(len(first))
    axes.bar(places, list(first.values()), color=_PALE, label="before")
    values = [last.get(name, min(value, 8)) for name, value in first.items()]
    axes.bar(places, values, color=_BLUE, label="after")
    axes.set_xticks(places, [name.removeprefix("stages.") for name in first], rotation=90)
    axes.set_ylabel("channels")
    axes.set_title("widths", loc="left", color=_INK)
    axes.legend(frameon=False)
