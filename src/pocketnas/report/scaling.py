"""A grid of scaling coefficients as a picture."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pocketnas.errors import SettingError
from pocketnas.report.figures import percent
from pocketnas.report.files import replace_file

_INK, _GRID, _RED = "#1b1f24", "#e3e6ea", "#b3203c"
_MARKS = {"grid": "o", "alone": "s"}


def grid_png(tried: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Depth against width; colour is the accuracy, a number the image's side. 1600x1280 pixels.

    Args:
        tried: what `Tried.to_dict` gives, the best first.
        path: of the file.

    Raises:
        SettingError: the file cannot be written.
    """
    figure = Figure(figsize=(10, 8), dpi=160, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    shown = [each for each in tried if each["kind"] in _MARKS]
    low, high = (f(each["mean"] for each in shown) for f in (min, max))
    drawn = None
    for kind, mark in _MARKS.items():
        some = [each for each in shown if each["kind"] == kind]
        drawn = axes.scatter(
            [each["depth"] for each in some],
            [each["width"] for each in some],
            c=[each["mean"] for each in some],
            vmin=low,
            vmax=high,
            cmap="viridis",
            s=260,
            marker=mark,
            label="all three together" if kind == "grid" else "one dimension alone",
        )
        for each in some:
            axes.annotate(
                f"{each['resolution']} px\n{percent(each['mean'])}",
                (each["depth"], each["width"]),
                xytext=(0, -24),
                textcoords="offset points",
                ha="center",
                fontsize=7,
                color=_INK,
            )
    first = shown[0]
    axes.scatter(first["depth"], first["width"], s=520, facecolors="none", edgecolors=_RED)
    axes.set_xlabel("times as many layers (alpha)")
    axes.set_ylabel("times as many filters (beta)")
    axes.set_title(f"best: {first['name']}, {percent(first['mean'])}", loc="left", color=_INK)
    axes.grid(color=_GRID)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.12)
    axes.legend(frameon=False)
    if drawn is not None:
        figure.colorbar(drawn, ax=axes, format=PercentFormatter(1.0, decimals=1))
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    try:
        replace_file(path, buffer.getvalue())
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None
