"""A block as the outline of its channels, in SVG."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape

from pocketnas.report.layers import KINDS, Layer

_TALLEST, _THIN = 46, 12  # heights of the widest and the thinnest outline
_BEND = 0.45  # height ~ channels^0.45: 16 and 1280 fit one picture, an expansion still bulges

STYLE = "\n".join(
    [
        *(f".nas-drawing .{kind}{{fill:{c};stroke:{c}}}" for kind, (c, _) in KINDS.items()),
        ".nas-drawing .outline{fill-opacity:.2;stroke-width:1.3;stroke-linejoin:round}",
        ".nas-drawing .depthwise{fill-opacity:.3;stroke:none}",
        ".nas-drawing .branch{fill:none;stroke-opacity:.55;stroke-width:1.1}",
        ".nas-drawing .skip{fill:none;stroke:currentColor;stroke-opacity:.6;stroke-width:1.3}",
        ".nas-drawing .pool{stroke-dasharray:3 2.5}",
        ".nas-drawing .projection{stroke-width:2.6}",
        ".nas-drawing .gate{fill:#d79a12;stroke:none}",
    ]
)
"""For the page that holds the glyphs; their colours say the kind, the rest takes the page's."""


def glyph(layer: Layer, x: float, width: float, widest: int, middle: float) -> str:
    """One block from `x` on, `width` wide, around the height `middle`.

    The outline follows the channels along the main path (`widest` is the most in the network), the
    words inside are kernels. A cell shows the branches that its output joins.
    """
    half = partial(_half, widest)
    inside: list[str]
    if layer.joined:
        upper = [(x, half(layer.before[2])), (x + width, half(layer.after[2]))]
        inside = [_branches(layer, x, width, middle, half(layer.after[2]))]
    else:
        upper, inside = _along_the_path(layer, x, width, middle, half)
    outline = [(a, middle - b) for a, b in upper] + [(a, middle + b) for a, b in reversed(upper)]
    top = middle - max(b for _, b in upper)
    parts = [
        f"<g><title>{escape(str(layer))}</title>",
        f'<polygon class="outline {layer.kind}" points="{points(outline)}"/>',
        *inside,
    ]
    if layer.skip != "none":
        parts.append(
            f'<path class="skip {layer.skip}" d="M{x:.1f} {middle - upper[0][1]:.1f}V{top - 5:.1f}'
            f'H{x + width:.1f}V{middle - upper[-1][1]:.1f}"/>'
        )
    if layer.gated:
        parts.append(f'<circle class="gate" cx="{x + 0.75 * width:.1f}" cy="{top:.1f}" r="3.5"/>')
    if layer.before[0] != layer.after[0]:
        bottom = middle + max(b for _, b in upper)
        factor = round(layer.before[0] / layer.after[0])
        change = f"÷{factor}" if layer.after[0] > 1 else "averaged to 1×1"
        parts.append(text(x, bottom + 11, change, "small quiet"))
    return "".join([*parts, "</g>"])


def text(x: float, y: float, words: str, style: str, *, anchor: str = "start") -> str:
    """Words at a place; `anchor` is "start", "middle" or "end"."""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}"{place}>{escape(words)}</text>'


def points(corners: Sequence[tuple[float, float]]) -> str:
    """Corners as the attribute of a polygon."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _half(widest: int, channels: int) -> float:
    """Half the height of an outline."""
    return (_THIN + (_TALLEST - _THIN) * float((channels / widest) ** _BEND)) / 2


def _along_the_path(
    layer: Layer, x: float, width: float, middle: float, half: Callable[[int], float]
) -> tuple[list[tuple[float, float]], list[str]]:
    """The upper edge as (x, half height), and what is drawn inside."""
    weights = [1.5 if step.kernel > 1 else 1.0 for step in layer.steps]
    scale = width / (sum(weights) or 1.0)
    left = x
    upper, inside = [(x, half(layer.before[2]))], []
    for step, weight in zip(layer.steps, weights, strict=True):
        right = left + weight * scale
        if step.kernel > 1:
            label = f"{step.kernel}×{step.kernel}" if width > 56 else f"{step.kernel}"
            if step.depthwise:
                tall = half(step.channels)
                inside.append(
                    f'<rect class="depthwise {layer.kind}" x="{left:.1f}" y="{middle - tall:.1f}"'
                    f' width="{right - left:.1f}" height="{2 * tall:.1f}"/>'
                )
            inside.append(text((left + right) / 2, middle + 4, label, "small", anchor="middle"))
        left = right
        upper.append((left, half(step.channels)))
    return upper, inside


def _branches(layer: Layer, x: float, width: float, middle: float, tall: float) -> str:
    """One line a branch, from the middle of the input to its share of the output."""
    step = 2 * tall / layer.joined
    lines = []
    for i in range(layer.joined):
        y = middle - tall + step * (i + 0.5)
        lines.append(
            f"M{x:.1f} {middle:.1f}C{x + 0.3 * width:.1f} {middle:.1f} {x + 0.2 * width:.1f}"
            f" {y:.1f} {x + 0.5 * width:.1f} {y:.1f}H{x + width:.1f}"
        )
    return f'<path class="branch {layer.kind}" d="{"".join(lines)}"/>'
