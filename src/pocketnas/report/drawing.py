"""A network as one picture: an inline SVG, a row for the stem, each stage and the head."""

from collections.abc import Sequence
from html import escape

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.errors import ArchitectureError
from pocketnas.graph.graph import Graph
from pocketnas.report.figures import count, percent
from pocketnas.report.layers import Layer, shape_text, stages

_WIDTH = 960
_SPINE, _SPINE_HALF = 58, 50  # centre of the column of maps, and half the width of the image
_NAME = 124
_LAYERS, _LAYERS_END = 258, 706
_BARS, _BAR = 728, 104
_TOP, _ROW, _TEXT = 52, 98, 17  # rows are taller where block strings need a second line
_GLYPH, _THIN = 46, 12  # heights of the widest and the thinnest outline
_BEND = 0.45  # height ~ channels^0.45: 16 and 1280 fit one picture, an expansion still bulges
_MONO = 7.3  # pixels a character of 12-pixel monospace takes, at most

_STYLE = """
.nas-drawing text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:currentColor}
.nas-drawing .code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
.nas-drawing .name{font-weight:650;font-size:13px}
.nas-drawing .quiet{opacity:.68}
.nas-drawing .small{font-size:11px}
.nas-drawing .rule{stroke:currentColor;stroke-opacity:.14}
.nas-drawing .map{fill:currentColor;stroke:none}
.nas-drawing .plain{fill:#c2562d;stroke:#c2562d}
.nas-drawing .separable{fill:#16897a;stroke:#16897a}
.nas-drawing .bottleneck{fill:#3b7bd1;stroke:#3b7bd1}
.nas-drawing .outline{fill-opacity:.2;stroke-width:1.3;stroke-linejoin:round}
.nas-drawing .depthwise{fill-opacity:.3;stroke:none}
.nas-drawing .skip{fill:none;stroke:currentColor;stroke-opacity:.6;stroke-width:1.3}
.nas-drawing .pooled{stroke-dasharray:3 2.5}
.nas-drawing .gate{fill:#d79a12;stroke:none}
.nas-drawing .track{fill:currentColor;fill-opacity:.09}
.nas-drawing .madds{fill:currentColor;fill-opacity:.72}
.nas-drawing .parameters{fill:currentColor;fill-opacity:.36}
""".strip()


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
    widest = max((step.channels for layer in layers for step in layer.steps), default=1)
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
            *(_text(_LAYERS, y + 83 + _TEXT * i, line, "code") for i, line in enumerate(lines)),
            _bars(row, totals, max(shares), y),
            "</g>",
        ]
        y += height
    parts.append(_legend(y))
    what = escape(
        f"A network of {len(layers)} blocks, {shape_text(graph.input.shape)} to"
        f" {layers[-1].after[2]} classes: {count(totals[0])} multiply-adds,"
        f" {count(totals[1])} parameters"
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="nas-drawing" role="img"'
        f' aria-label="{what}" viewBox="0 0 {_WIDTH} {y + 46:.0f}" width="100%">'
        f"<style>{_STYLE}</style>" + "\n".join(parts) + "</svg>"
    )


def _strings(architecture: Architecture, rows: dict[str, list[Layer]]) -> list[list[str]]:
    """The block strings of each row, broken into lines; without a notation the blocks' names."""
    try:
        texts = to_lines(architecture)[1:]
    except ArchitectureError:
        blocks = ((architecture.stem,), *architecture.stages, (architecture.head,))
        texts = [" ".join(type(block).__name__ for block in stage) for stage in blocks if stage]
    limit = int((_LAYERS_END - _LAYERS) / _MONO)
    found = []
    for text in (text for text in texts if text):
        lines = [""]
        for word in text.split():
            if lines[-1] and len(lines[-1]) + 1 + len(word) > limit:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word}".strip()
        found.append(lines)
    return found if len(found) == len(rows) else [[""] for _ in rows]


def _shares(row: Sequence[Layer], totals: tuple[int, int]) -> tuple[float, float]:
    madds, parameters = sum(x.madds for x in row), sum(x.parameters for x in row)
    return madds / (totals[0] or 1), parameters / (totals[1] or 1)


def _header(graph: Graph, totals: tuple[int, int]) -> str:
    return "\n".join(
        [
            _text(_SPINE, 18, "map", "quiet", anchor="middle"),
            _text(_SPINE, 36, shape_text(graph.input.shape), "small", anchor="middle"),
            _text(_LAYERS, 18, "blocks, and the strings that say them", "quiet"),
            f'<rect class="madds" x="{_BARS}" y="9" width="9" height="9" rx="2"/>',
            _text(_BARS + 15, 18, f"of {count(totals[0])} multiply-adds", "quiet"),
            f'<rect class="parameters" x="{_BARS}" y="27" width="9" height="9" rx="2"/>',
            _text(_BARS + 15, 36, f"of {count(totals[1])} parameters", "quiet"),
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
    return f'<polygon class="map" fill-opacity="{shade:.2f}" points="{_points(corners)}"/>'


def _label(name: str, row: Sequence[Layer], y: float) -> str:
    kind, _, index = name.partition(".")
    return "\n".join(
        [
            _text(_NAME, y + 30, f"stage {int(index) + 1}" if index else kind, "name"),
            _text(_NAME, y + 50, shape_text(row[0].before), "small quiet"),
            _text(_NAME, y + 67, f"→ {shape_text(row[-1].after)}", "small"),
        ]
    )


def _glyphs(row: Sequence[Layer], widest: int, y: float) -> str:
    """Each block as the outline of its channels, side by side."""
    room = _LAYERS_END - _LAYERS
    shown = row[:12]
    step = min(92.0, (room - (34 if len(row) > len(shown) else 0)) / len(shown))
    parts = [
        _glyph(layer, _LAYERS + step * i, step - 10, widest, y + 33)
        for i, layer in enumerate(shown)
    ]
    if len(row) > len(shown):
        parts.append(_text(_LAYERS_END, y + 36, f"+{len(row) - len(shown)}", "quiet", anchor="end"))
    return "\n".join(parts)


def _glyph(layer: Layer, x: float, width: float, widest: int, middle: float) -> str:
    def half(channels: int) -> float:
        return (_THIN + (_GLYPH - _THIN) * float((channels / widest) ** _BEND)) / 2

    steps = layer.steps
    weights = [1.5 if step.kernel > 1 else 1.0 for step in steps]
    scale = width / (sum(weights) or 1.0)
    left, channels = x, layer.before[2]
    upper, inside = [(x, half(channels))], []
    for step, weight in zip(steps, weights, strict=True):
        right = left + weight * scale
        if step.kernel > 1:
            label = f"{step.kernel}×{step.kernel}" if width > 56 else f"{step.kernel}"
            if step.depthwise:
                tall = half(step.channels)
                inside.append(
                    f'<rect class="depthwise {layer.kind}" x="{left:.1f}" y="{middle - tall:.1f}"'
                    f' width="{right - left:.1f}" height="{2 * tall:.1f}"/>'
                )
            inside.append(_text((left + right) / 2, middle + 4, label, "small", anchor="middle"))
        left, channels = right, step.channels
        upper.append((left, half(channels)))
    outline = [(a, middle - b) for a, b in upper] + [(a, middle + b) for a, b in reversed(upper)]
    parts = [
        f"<g><title>{escape(str(layer))}</title>",
        f'<polygon class="outline {layer.kind}" points="{_points(outline)}"/>',
        *inside,
    ]
    top = middle - max(b for _, b in upper)
    if layer.skip != "none":
        pooled = " pooled" if layer.skip == "pool" else ""
        parts.append(
            f'<path class="skip{pooled}" d="M{x:.1f} {middle - upper[0][1]:.1f}V{top - 5:.1f}'
            f'H{x + width:.1f}V{middle - upper[-1][1]:.1f}"/>'
        )
    if layer.gated:
        parts.append(f'<circle class="gate" cx="{x + 0.75 * width:.1f}" cy="{top:.1f}" r="3.5"/>')
    if layer.before[0] != layer.after[0]:
        bottom = middle + max(b for _, b in upper)
        factor = round(layer.before[0] / layer.after[0])
        change = f"÷{factor}" if layer.after[0] > 1 else "averaged to 1×1"
        parts.append(_text(x, bottom + 11, change, "small quiet"))
    return "".join([*parts, "</g>"])


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
            _text(_BARS + _BAR + 10, top + 10, f"{_rounded(share)} · {count(number)}", ""),
        ]
    return "\n".join(parts)


def _rounded(share: float) -> str:
    return percent(share, 0) if share >= 0.005 or not share else f"<{percent(0.01, 0)}"


def _legend(y: float) -> str:
    """What the shapes mean."""
    x, base = 0.0, y + 30
    parts = [f'<line class="rule" x1="0" x2="{_WIDTH}" y1="{y}" y2="{y}"/>']
    for kind, words in (
        ("plain", "convolution"),
        ("separable", "depthwise separable"),
        ("bottleneck", "inverted bottleneck"),
    ):
        swatch = f'x="{x:.0f}" y="{base - 10}" width="14" height="11" rx="2"'
        parts.append(f'<rect class="outline {kind}" {swatch}/>')
        parts.append(_text(x + 20, base, words, "small"))
        x += 44 + 5.6 * len(words)
    parts.append(_text(x, base, "height = channels (compressed)", "small quiet"))
    x += 182
    parts.append(_text(x, base, "÷2 = stride", "small quiet"))
    x += 78
    parts.append(f'<circle class="gate" cx="{x}" cy="{base - 4}" r="3.5"/>')
    parts.append(_text(x + 8, base, "squeeze-and-excite", "small"))
    x += 124
    for style, words, room in (("", "shortcut", 78), (" pooled", "pooled", 60)):
        bracket = f"M{x} {base}V{base - 8}H{x + 16}V{base}"
        parts.append(f'<path class="skip{style}" d="{bracket}"/>')
        parts.append(_text(x + 22, base, words, "small"))
        x += room
    return "\n".join(parts)


def _text(x: float, y: float, text: str, style: str, *, anchor: str = "start") -> str:
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}"{place}>{escape(text)}</text>'


def _points(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
