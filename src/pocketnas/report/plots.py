"""Pictures for people who do not open a page: PNG files by matplotlib.

Figures are built as objects, never through `pyplot`, whose current figure is global state that a
second thread or a notebook would share.
"""

import warnings
from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pocketnas.report.figures import milliseconds, percent
from pocketnas.report.files import replace_file
from pocketnas.report.scene import Scene, scene
from pocketnas.report.searchers import CONTROL
from pocketnas.report.summary import Summary
from pocketnas.study.study import Study

_INK, _QUIET, _GRID = "#1b1f24", "#5f6873", "#e3e6ea"
_FRONT, _TARGET = "#b3203c", "#5f6873"
# Filled circles against hollow squares: told apart without colour too. (face, edge, marker, size)
_CONTROL_STYLE = ("none", "#b3691e", "s", 34.0)
_STYLES = (
    ("#2a6fc9", "white", "o", 50.0),
    ("#128373", "white", "^", 54.0),
    ("#7d4bb5", "white", "D", 42.0),
)


def pareto_png(study: Study, summary: Summary | None, path: Path) -> None:
    """Accuracy against latency of all trials, with the Pareto front and the target.

    1600x1000 pixels. A reader of `path` never sees half a picture.

    Args:
        study: finished or under way.
        summary: of a finished run; None while it is under way.
        path: of the PNG file.
    """
    drawn = scene(study, summary)
    figure = Figure(figsize=(10, 6.25), dpi=160, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    _points(axes, drawn)
    _lines(axes, drawn)
    _axes(axes, drawn)
    data = f" on {summary.data['name']}" if summary and summary.data.get("name") else ""
    shown = sum(map(len, drawn.arms.values()))
    state = "" if summary else ", run under way"
    figure.suptitle(
        f"Accuracy against measured latency: {shown} networks{data}{state}",
        x=0.012, ha="left", fontsize=15, fontweight="bold", color=_INK, parse_math=False,
    )  # fmt: skip
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, fontsize=10.5,
                    frameon=False, handletextpad=0.5, columnspacing=2.2)  # fmt: skip
    if not shown:
        axes.text(0.5, 0.5, "no trial has succeeded yet", transform=axes.transAxes,
                  ha="center", va="center", fontsize=14, color=_QUIET)  # fmt: skip
    buffer = BytesIO()
    with warnings.catch_warnings():  # a name in a script that the font lacks is no fault of ours
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    replace_file(path, buffer.getvalue())


def _points(axes: Axes, drawn: Scene) -> None:
    styles = iter(_STYLES * len(drawn.arms))
    for arm, points in drawn.arms.items():
        face, edge, marker, size = _CONTROL_STYLE if arm == CONTROL else next(styles)
        axes.scatter(
            [point.latency for point in points],
            [max(point.accuracy, drawn.floor) for point in points],
            s=size, marker=marker, facecolors=face, edgecolors=edge, zorder=3,
            linewidths=1.2 if face == "none" else 0.6, alpha=0.9, clip_on=False,
            label=f"{drawn.labels[arm]} ({len(points)})",
        )  # fmt: skip


def _lines(axes: Axes, drawn: Scene) -> None:
    if drawn.front:
        axes.step(
            [point.latency for point in drawn.front],
            [point.accuracy for point in drawn.front],
            where="post", color=_FRONT, linewidth=2, zorder=4, label="Pareto front",
        )  # fmt: skip
    if drawn.target:
        axes.axvline(drawn.target, color=_TARGET, linestyle=(0, (5, 3)), linewidth=1.4, zorder=2,
                     label=f"target {milliseconds(drawn.target)}")  # fmt: skip
    if found := drawn.found:
        axes.scatter(
            [found.latency], [found.accuracy], s=240, facecolors="none", edgecolors=_INK,
            linewidths=1.8, zorder=5, clip_on=False,
            label=f"{drawn.chosen}: trial {found.trial.number}, {percent(found.accuracy)},"
            f" {milliseconds(found.latency)}",
        )  # fmt: skip
    if drawn.below:
        axes.scatter([], [], s=0, label=f"{drawn.below} far less accurate, on the lower edge")


def _axes(axes: Axes, drawn: Scene) -> None:
    axes.set_xlabel(f"latency{drawn.where} (ms)", fontsize=12, color=_INK, parse_math=False)
    axes.set_ylabel("accuracy after proxy training, validation images", fontsize=12, color=_INK)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    if drawn.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if drawn.arms:
        axes.set_ylim(bottom=drawn.floor)
    axes.grid(True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=11, length=0, which="both")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_QUIET)
