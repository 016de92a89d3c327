"""A network as a picture for people: one box a block, and below it what the block costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from pocketnas.report.figures import count, percent
from pocketnas.report.layers import KINDS, SKIPS, Layer, shape_text

_INK, _QUIET, _RULE, _GATE = "#1b1f24", "#5f6873", "#d9dde2", "#d79a12"
_TINT = "48"  # of a kind's colour, where words stand on it

# All lengths are inches.
_WIDTH, _EDGE, _GUTTER = 14.0, 0.4, 1.15  # the gutter holds the names of the rows
_HEAD, _MAPS, _NAMES, _ROW, _FOOT = 1.05, 2.9, 0.68, 0.92, 0.3
_TALLEST, _NARROWEST = 2.5, 0.06  # boxes
_LEGIBLE, _WIDEST = 0.24, 2.0  # how much wider the box of most channels is, at least and at most
_BAR, _BAR_WIDTH = 0.55, 0.34  # at most
_BETWEEN_BLOCKS, _BETWEEN_STAGES = 0.04, 0.2
_LETTER = 0.078  # of a stage's name, at most


@dataclass(frozen=True, slots=True)
class _Box:
    """A block and its place from left to right."""

    layer: Layer
    left: float
    width: float

    @property
    def middle(self) -> float:
        return self.left + self.width / 2

    @property
    def right(self) -> float:
        return self.left + self.width


def portrait(rows: Mapping[str, Sequence[Layer]], shares: Mapping[str, float] | None) -> Figure:
    """The figure of `drawing_png`, for the blocks by stage."""
    stages, width = _placed(list(rows.values()))
    costs: dict[str, Callable[[Layer], float]] = {
        "multiply-adds": lambda layer: layer.madds,
        "parameters": lambda layer: layer.parameters,
    }
    if shares is not None:
        costs = {"latency": lambda layer: shares.get(layer.path, 0.0)} | costs
    height = _HEAD + _MAPS + _NAMES + _ROW * len(costs) + _FOOT
    figure = Figure(figsize=(width, height), dpi=150, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    _title(axes, [box.layer for stage in stages for box in stage], width, height)
    y = height - _HEAD - _MAPS
    _words(axes, _EDGE, y + _MAPS / 2 + 0.1, "maps", color=_QUIET)
    for i, words in enumerate(("height: side", "width: channels")):
        _words(axes, _EDGE, y + _MAPS / 2 - 0.1 - 0.16 * i, words, color=_QUIET, size=8)
    side = max(box.layer.after[0] for stage in stages for box in stage)
    for name, stage in zip(rows, stages, strict=True):
        for box in stage:
            _map(axes, box, y + _MAPS / 2, side)
        _name(axes, name, stage, y)
    y -= _NAMES
    for words, cost in costs.items():
        y -= _ROW
        _cost(axes, words, stages, cost, y)
    return figure


def _placed(rows: Sequence[Sequence[Layer]]) -> tuple[list[list[_Box]], float]:
    """Boxes as wide as the root of their channels, and the width of the picture.

    Each stage has room for its name; a network of very many blocks gets a wider picture.
    """
    most = max(layer.after[2] for row in rows for layer in row)

    def widths(row: Sequence[Layer], scale: float) -> list[float]:
        return [_NARROWEST + scale * float((layer.after[2] / most) ** 0.5) for layer in row]

    def room(row: Sequence[Layer], scale: float) -> float:
        boxes = sum(widths(row, scale)) + _BETWEEN_BLOCKS * (len(row) - 1)
        return max(boxes, _LETTER * len(shape_text(row[-1].after)))

    around = 2 * _EDGE + _GUTTER + _BETWEEN_STAGES * (len(rows) - 1)
    width = max(_WIDTH, around + sum(room(row, _LEGIBLE) for row in rows))
    scales = np.linspace(_LEGIBLE, _WIDEST, 500).tolist()
    scale = max(s for s in scales if around + sum(room(row, s) for row in rows) <= width + 1e-9)
    spare = width - around - sum(room(row, scale) for row in rows)
    between = _BETWEEN_STAGES + spare / max(1, len(rows) - 1)
    stages, x = [], _EDGE + _GUTTER
    for row in rows:
        boxes = widths(row, scale)
        left = x + (room(row, scale) - sum(boxes) - _BETWEEN_BLOCKS * (len(row) - 1)) / 2
        stage = []
        for layer, box in zip(row, boxes, strict=True):
            stage.append(_Box(layer, left, box))
            left = stage[-1].right + _BETWEEN_BLOCKS
        stages.append(stage)
        x += room(row, scale) + between
    return stages, width


def _title(axes: Axes, layers: Sequence[Layer], width: float, height: float) -> None:
    """What the whole is, and what the marks mean."""
    madds, parameters = sum(x.madds for x in layers), sum(x.parameters for x in layers)
    _words(axes, _EDGE, height - 0.42,
           f"{shape_text(layers[0].before)} → {layers[-1].after[2]} classes, {len(layers)} blocks",
           size=15, weight="bold")  # fmt: skip
    _words(axes, _EDGE, height - 0.72,
           f"{count(madds)} multiply-adds · {count(parameters)} parameters", size=11.5,
           color=_QUIET)  # fmt: skip
    marks: list[Patch | Line2D] = [
        Patch(facecolor=colour + _TINT, edgecolor=colour, label=words)
        for kind, (colour, words) in KINDS.items()
        if any(layer.kind == kind for layer in layers)
    ]
    marks += [
        Line2D([], [], color=_QUIET, linestyle=_STYLES[skip], label=words)
        for skip, words in SKIPS.items()
        if any(layer.skip == skip for layer in layers)
    ]
    if any(layer.gated for layer in layers):
        marks.append(Line2D([], [], color=_GATE, marker="o", linestyle="", markersize=5,
                            label="squeeze-and-excite"))  # fmt: skip
    axes.legend(handles=marks, loc="upper right", ncols=-(-len(marks) // 2), frameon=False,
                bbox_to_anchor=(1 - _EDGE / width, 1 - 0.24 / height), borderaxespad=0,
                fontsize=10, labelcolor=_INK, handlelength=1.5, columnspacing=1.6)  # fmt: skip


_STYLES: dict[str, Any] = {"identity": "-", "pool": (0, (3, 2)), "projection": (0, (1, 1))}


def _map(axes: Axes, box: _Box, middle: float, side: int) -> None:
    """One block: as tall as the root of its map's side; what is in it, as far as there is room."""
    layer, colour = box.layer, KINDS[box.layer.kind][0]
    tall = _TALLEST * float((layer.after[0] / side) ** 0.5)
    top = middle + tall / 2
    axes.add_patch(Rectangle((box.left, middle - tall / 2), box.width, tall, linewidth=0.9,
                             facecolor=colour + _TINT, edgecolor=colour))  # fmt: skip
    if layer.joined:
        _branches(axes, box, middle, tall, colour)
    elif (kernel := max((step.kernel for step in layer.steps), default=1)) > 1:
        words = f"{kernel}×{kernel}" if box.width > 0.36 else f"{kernel}"
        if box.width > 0.1:
            size = 8.5 if box.width > 0.16 else 7
            _words(axes, box.middle, middle, words, size=size, ha="center", va="center")
    if layer.skip != "none":
        turn, rise = np.linspace(np.pi, 0, 24), min(0.11, 0.5 * box.width)
        axes.plot(box.middle + 0.36 * box.width * np.cos(turn), top + rise * np.sin(turn),
                  color=_QUIET, linewidth=1, linestyle=_STYLES[layer.skip])  # fmt: skip
    if layer.gated:
        size = min(3.8, 72 * 0.4 * box.width)  # points
        axes.plot([box.middle], [top - 0.09], "o", color=_GATE, markersize=size)


def _branches(axes: Axes, box: _Box, middle: float, tall: float, colour: str) -> None:
    """The branches that a cell joins, from its input to their shares of the output."""
    bend = np.linspace(0, 1, 24)
    for i in range(box.layer.joined):
        end = middle + tall * ((i + 0.5) / box.layer.joined - 0.5)
        x = np.append(box.left + 0.55 * box.width * bend, box.right)
        y = np.append(middle + (end - middle) * (3 - 2 * bend) * bend**2, end)
        axes.plot(x, y, color=colour, linewidth=0.8, alpha=0.7, solid_capstyle="butt")


def _name(axes: Axes, name: str, stage: Sequence[_Box], y: float) -> None:
    """A bracket under the stage, its name and the shape that leaves it."""
    kind, _, index = name.partition(".")
    left, right = stage[0].left, stage[-1].right
    axes.plot([left, left, right, right], [y, y - 0.06, y - 0.06, y], color=_QUIET, linewidth=0.8)
    middle = (left + right) / 2
    _words(axes, middle, y - 0.26, f"stage {int(index) + 1}" if index else kind, ha="center",
           weight="bold", size=9.5)  # fmt: skip
    _words(axes, middle, y - 0.44, shape_text(stage[-1].layer.after), ha="center", color=_QUIET,
           size=9)  # fmt: skip


def _cost(
    axes: Axes,
    words: str,
    stages: Sequence[Sequence[_Box]],
    cost: Callable[[Layer], float],
    y: float,
) -> None:
    """A bar a block, and each stage's share of the whole."""
    costs = {box.layer.path: cost(box.layer) for stage in stages for box in stage}
    total, longest = sum(costs.values()) or 1.0, max(costs.values()) or 1.0
    axes.plot([_EDGE, axes.get_xlim()[1] - _EDGE], [y, y], color=_RULE, linewidth=0.9, zorder=0)
    _words(axes, _EDGE, y + 0.1, words, color=_QUIET)
    for stage in stages:
        for box in stage:
            tall, width = _BAR * costs[box.layer.path] / longest, min(box.width, _BAR_WIDTH)
            axes.add_patch(Rectangle((box.middle - width / 2, y), width, tall, linewidth=0,
                                     facecolor=KINDS[box.layer.kind][0]))  # fmt: skip
        share = sum(costs[box.layer.path] for box in stage) / total
        text = percent(share, 0) if share >= 0.005 or not share else f"<{percent(0.01, 0)}"
        top = y + _BAR * max(costs[box.layer.path] for box in stage) / longest
        _words(axes, (stage[0].left + stage[-1].right) / 2, top + 0.06, text, ha="center", size=9)


def _words(axes: Axes, x: float, y: float, text: str, **style: object) -> None:
    axes.text(x, y, text, parse_math=False, **({"color": _INK, "size": 10.5} | style))  # type: ignore[arg-type]


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()
