"""Networks side by side on one device, as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pocketnas.devices.device import Latency
from pocketnas.errors import SettingError
from pocketnas.report.figures import device_text
from pocketnas.report.files import replace_file

_INK, _QUIET, _GRID, _DOT, _FRONT = "#1b1f24", "#5f6873", "#e3e6ea", "#2a6fc9", "#b3203c"


@dataclass(frozen=True, slots=True)
class Point:
    """A network in the picture; `top1` is in percent."""

    name: str
    latency: Latency
    top1: float


def comparison_png(points: Sequence[Point], path: Path) -> None:
    """Published top-1 against the latency measured here, as a picture of 1600x1000 pixels.

    Raises:
        SettingError: the file cannot be written.
    """
    points = sorted(points, key=lambda point: (point.latency.milliseconds, -point.top1))
    figure = Figure(figsize=(10, 6.25), dpi=160, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    front: list[tuple[float, float]] = []
    for point in points:
        if not front or point.top1 > front[-1][1]:
            front.append((point.latency.milliseconds, point.top1))
    if len(front) > 1:
        axes.step(
            *zip(*front, strict=True),
            where="post",
            color=_FRONT,
            linewidth=1.6,
            zorder=2,
            label="Pareto front: nothing is faster and more accurate",
        )
        axes.legend(loc="lower right", frameon=False, fontsize=11)
    for point in points:
        latency = point.latency
        x = latency.milliseconds
        spread = [[x - latency.low], [latency.high - x]]
        axes.errorbar(x, point.top1, xerr=spread, fmt="o", color=_DOT, markersize=8,
                      ecolor=_QUIET, elinewidth=1.2, zorder=3)  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.06 * (high - low), high + 0.08 * (high - low))
    if points[-1].latency.milliseconds > 8 * points[0].latency.milliseconds:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.14)
    _labels(axes, [(point.latency.milliseconds, point.top1, point.name) for point in points])
    latency = points[0].latency
    threads = "1 thread" if latency.threads == 1 else f"{latency.threads} threads"
    axes.set_xlabel(f"latency on {device_text(latency.device)}, {threads}, batch 1 (ms)",
                    fontsize=12, color=_INK, parse_math=False)  # fmt: skip
    axes.set_ylabel("top-1 on ImageNet, as published", fontsize=12, color=_INK)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.grid(True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=11, length=0, which="both")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_QUIET)
    figure.suptitle("Published accuracy against latency measured here", x=0.012, ha="left",
                    fontsize=15, fontweight="bold", color=_INK)  # fmt: skip
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    try:
        replace_file(path, buffer.getvalue())
    except OSError as error:
        raise SettingError(f"{path}: the picture cannot be written: {error.strerror}") from None


def _labels(axes: Any, points: Sequence[tuple[float, float, str]]) -> None:
    """Writes each name beside its dot, in the first of several places that is free."""
    figure = axes.figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    halo = withStroke(linewidth=3, foreground="white")
    dots = [axes.transData.transform(point[:2]) for point in points]
    taken = [_box(x - 9, y - 9, x + 9, y + 9) for x, y in dots]
    places = ((11, 0, "left", "center"), (-11, 0, "right", "center"), (0, 10, "center", "bottom"),
              (0, -10, "center", "top"), (9, 10, "left", "bottom"), (9, -10, "left", "top"),
              (-9, 10, "right", "bottom"), (-9, -10, "right", "top"))  # fmt: skip
    frame = axes.get_window_extent(renderer)
    for (x, y, name), dot in zip(points, dots, strict=True):
        best = None
        for dx, dy, ha, va in places:
            text = axes.annotate(name, (x, y), (dx, dy), textcoords="offset points", ha=ha, va=va,
                                 fontsize=11, color=_INK, zorder=4, parse_math=False,
                                 path_effects=[halo])  # fmt: skip
            box = text.get_window_extent(renderer)
            own = _box(dot[0] - 9, dot[1] - 9, dot[0] + 9, dot[1] + 9)
            overlaps = sum(other != own and _overlap(box, other) for other in taken)
            outside = box.x0 < frame.x0 or box.x1 > frame.x1
            score = overlaps + 2 * outside
            if best is None or score < best[0]:
                if best:
                    best[1].remove()
                best = (score, text, box)
            else:
                text.remove()
            if score == 0:
                break
        if best:
            taken.append(_box(best[2].x0, best[2].y0, best[2].x1, best[2].y1))


def _box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
    return float(x0), float(y0), float(x1), float(y1)


def _overlap(box: Any, other: tuple[float, float, float, float]) -> bool:
    return bool(box.x0 < other[2] and box.x1 > other[0] and box.y0 < other[3] and box.y1 > other[1])
