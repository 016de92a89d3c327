"""A network as one picture: an inline SVG, a row for the stem, each stage and the head."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.errors import ArchitectureError, SettingError
from pocketnas.graph.graph import Graph
from pocketnas.report.figures import count, percent
from pocketnas.report.files import replace_file
from pocketnas.report.glyphs import STYLE, glyph, points, text
from pocketnas.report.layers import KINDS, SKIPS, Layer, shape_text, stages

_WIDTH = 960
_SPINE, _SPINE_HALF = 58, 50  # centre of the column of maps, and half the width of the image
_NAME = 124
_LAYERS, _LAYERS_END = 258, 706
_BARS, _BAR = 728, 104
_TOP, _ROW, _TEXT = 52, 98, 17  # rows are taller where block strings need a second line
_MONO = 7.3  # pixels a character of 12-pixel monospace takes, at most

_STYLE = """
.nas-drawing text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:currentColor}
.nas-drawing .code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
.nas-drawing .name{font-weight:650;font-size:13px}
.nas-drawing .quiet{opacity:.68}
.nas-drawing .small{font-size:11px}
.nas-drawing .rule{stroke:currentColor;stroke-opacity:.14}
.nas-drawing .map{fill:currentColor;stroke:none}
.nas-drawing .track{fill:currentColor;fill-opacity:.09}
.nas-drawing .madds{fill:currentColor;fill-opacity:.72}
.nas-drawing .parameters{fill:currentColor;fill-opacity:.36}
"""


def draw(architecture: Architecture) -> str:
    """The network stage by stage, as an SVG element to put into a page.

    Each row shows, from left to right: the map, as wide as the root of its side; the shapes in and
    out; each block as the outline of its channels, with kernel, stride, squeeze-and-excite and
    shortcut; the stage's block strings; its share of all MAdds and parameters. Everything is read
    off the graph, so a new block needs nothing here. Text takes the colour of the page.

    Raises:
        ArchitectureError: the architecture cannot be built.
    """
    graph = architecture.graph()
    rows = stages(graph)
    strings = _strings(architecture, rows)
    layers = [layer for row in rows.values() for layer in row]
    totals = sum(layer.madds for layer in layers), sum(layer.parameters for layer in layers)
    widest = max(
        channels
        for layer in layers
        for channels in (layer.before[2], layer.after[2], *(step.channels for step in layer.steps))
    )
    shares = [share for row in rows.values() for share in _shares(row, totals)]
    parts = [_header(graph, totals)]
    y = float(_TOP)
    side = graph.input.shape[0]
    for (name, row), lines in zip(rows.items(), strings, strict=True):
        height = _ROW + _TEXT * (len(lines) - 1)
        parts += [
            "<g>",
            f'<line class="rule" x1="0" x2="{_WIDTH}" y1="{y}" y2="{y}"/>',
            _spine(row, side, y, height),
            _label(name, row, y),
            _glyphs(row, widest, y),
            *(text(_LAYERS, y + 83 + _TEXT * i, line, "code") for i, line in enumerate(lines)),
            _bars(row, totals, max(shares), y),
            "</g>",
        ]
        y += height
    legend, end = _legend(layers, y)
    parts.append(legend)
    what = escape(
        f"A network of {len(layers)} blocks, {shape_text(graph.input.shape)} to"
        f" {layers[-1].after[2]} classes: {count(totals[0])} multiply-adds,"
        f" {count(totals[1])} parameters"
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="nas-drawing" role="img"'
        f' aria-label="{what}" viewBox="0 0 {_WIDTH} {end:.0f}" width="100%">'
        f"<style>{_STYLE}{STYLE}</style>" + "\n".join(parts) + "</svg>"
    )


def _strings(architecture: Architecture, rows: dict[str, list[Layer]]) -> list[list[str]]:
    """The block strings of each row, broken into lines; without a notation the blocks' names."""
    try:
        lines = to_lines(replace(architecture, auxiliary=None))[1:]
    except ArchitectureError:
        blocks = ((architecture.stem,), *architecture.stages, (architecture.head,))
        lines = [" ".join(type(block).__name__ for block in stage) for stage in blocks]
    found = [_broken(line, int((_LAYERS_END - _LAYERS) / _MONO)) for line in lines if line]
    return found if len(found) == len(rows) else [[""] for _ in rows]


def _broken(line: str, limit: int) -> list[str]:
    """A line in pieces of at most `limit` characters, parted at spaces and a cell's bars."""
    found = [""]
    for piece in re.findall(r"\s*[^\s|]+\|?", line):
        if found[-1] and len(found[-1]) + len(piece) > limit:
            found.append("")
        found[-1] += piece if found[-1] else piece.lstrip()
    return found


def _shares(row: Sequence[Layer], totals: tuple[int, int]) -> tuple[float, float]:
    madds, parameters = sum(x.madds for x in row), sum(x.parameters for x in row)
    return madds / (totals[0] or 1), parameters / (totals[1] or 1)


def _header(graph: Graph, totals: tuple[int, int]) -> str:
    return "\n".join(
        [
            text(_SPINE, 18, "map", "quiet", anchor="middle"),
            text(_SPINE, 36, shape_text(graph.input.shape), "small", anchor="middle"),
            text(_LAYERS, 18, "blocks, and the strings that say them", "quiet"),
            f'<rect class="madds" x="{_BARS}" y="9" width="9" height="9" rx="2"/>',
            text(_BARS + 15, 18, f"of {count(totals[0])} multiply-adds", "quiet"),
            f'<rect class="parameters" x="{_BARS}" y="27" width="9" height="9" rx="2"/>',
            text(_BARS + 15, 36, f"of {count(totals[1])} parameters", "quiet"),
        ]
    )


def _spine(row: Sequence[Layer], side: int, y: float, height: float) -> str:
    """The map from one stage to the next; it narrows where the stride is."""
    enter, leave = (
        _SPINE_HALF * (shape[0] / side) ** 0.5 for shape in (row[0].before, row[-1].after)
    )
    bend = y + (30 if enter != leave else 0)
    corners = [
        (_SPINE - enter, y), (_SPINE + enter, y), (_SPINE + leave, bend),
        (_SPINE + leave, y + height), (_SPINE - leave, y + height), (_SPINE - leave, bend),
    ]  # fmt: skip
    shade = 0.1 + 0.35 * (1 - (row[-1].after[0] / side) ** 0.5)
    return f'<polygon class="map" fill-opacity="{shade:.2f}" points="{points(corners)}"/>'


def _label(name: str, row: Sequence[Layer], y: float) -> str:
    kind, _, index = name.partition(".")
    return "\n".join(
        [
            text(_NAME, y + 30, f"stage {int(index) + 1}" if index else kind, "name"),
            text(_NAME, y + 50, shape_text(row[0].before), "small quiet"),
            text(_NAME, y + 67, f"→ {shape_text(row[-1].after)}", "small"),
        ]
    )


def _glyphs(row: Sequence[Layer], widest: int, y: float) -> str:
    """Each block as the outline of its channels, side by side."""
    room = _LAYERS_END - _LAYERS
    shown = row[:12]
    step = min(92.0, (room - (34 if len(row) > len(shown) else 0)) / len(shown))
    parts = [
        glyph(layer, _LAYERS + step * i, step - 10, widest, y + 33) for i, layer in enumerate(shown)
    ]
    if len(row) > len(shown):
        parts.append(text(_LAYERS_END, y + 36, f"+{len(row) - len(shown)}", "quiet", anchor="end"))
    return "\n".join(parts)


def _bars(row: Sequence[Layer], totals: tuple[int, int], longest: float, y: float) -> str:
    parts = []
    numbers = sum(layer.madds for layer in row), sum(layer.parameters for layer in row)
    shares = _shares(row, totals)
    for i, (name, number, share) in enumerate(
        zip(("madds", "parameters"), numbers, shares, strict=True)
    ):
        top = y + 24 + 27 * i
        length = _BAR * share / (longest or 1)
        parts += [
            f'<rect class="track" x="{_BARS}" y="{top}" width="{_BAR}" height="11" rx="2"/>',
            f'<rect class="{name}" x="{_BARS}" y="{top}" width="{length:.1f}" height="11" rx="2"/>',
            text(_BARS + _BAR + 10, top + 10, f"{_rounded(share)} · {count(number)}", ""),
        ]
    return "\n".join(parts)


def _rounded(share: float) -> str:
    return percent(share, 0) if share >= 0.005 or not share else f"<{percent(0.01, 0)}"


def _legend(layers: Sequence[Layer], y: float) -> tuple[str, float]:
    """What the shapes mean, and where it ends."""
    parts = [f'<line class="rule" x1="0" x2="{_WIDTH}" y1="{y}" y2="{y}"/>']
    x, base = 0.0, y + 30
    for symbol, words, style in _symbols(layers):
        room = (20 if symbol else 0) + 5.4 * len(words)
        if x + room > _WIDTH:
            x, base = 0.0, base + 24
        parts.append(f'<g transform="translate({x:.0f} {base:.0f})">{symbol}</g>')
        parts.append(text(x + (20 if symbol else 0), base, words, style))
        x += room + 16
    return "\n".join(parts), base + 16


def _symbols(layers: Sequence[Layer]) -> Iterator[tuple[str, str, str]]:
    """The marks that the picture has: as SVG around the origin, in words, and the words' style."""
    kinds = {layer.kind for layer in layers}
    for kind, (_, words) in KINDS.items():
        if kind in kinds:
            swatch = 'y="-10" width="14" height="11" rx="2"'
            yield f'<rect class="outline {kind}" {swatch}/>', words, "small"
    for skip, words in SKIPS.items():
        if any(layer.skip == skip for layer in layers):
            yield f'<path class="skip {skip}" d="M0 0V-8H15V0"/>', words, "small"
    if any(layer.gated for layer in layers):
        yield '<circle class="gate" cx="9" cy="-4" r="3.5"/>', "squeeze-and-excite", "small"
    yield "", "height = channels (compressed)", "small quiet"
    yield "", "÷2 = stride", "small quiet"
    if "cell" in kinds:
        yield "", "lines = branches that are joined", "small quiet"


def drawing_png(
    architecture: Architecture, path: Path, shares: Mapping[str, float] | None = None
) -> None:
    """The network from left to right, as a picture of at least 2100 pixels' width.

    A box a block: as tall as the root of the map's side, as wide as the root of its channels,
    coloured by kind. Below, each block's share of the multiply-adds and parameters.

    Args:
        architecture: the network.
        path: of the PNG file.
        shares: of the latency, by the path of the block (`stem`, `stages.2.0`, `head`): drawn too.

    Raises:
        ArchitectureError: the architecture cannot be built.
        SettingError: the file cannot be written.
    """
    from pocketnas.report.portrait import png, portrait  # matplotlib takes half a second

    figure = portrait(stages(architecture.graph()), shares)
    try:
        replace_file(path, png(figure))
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None
