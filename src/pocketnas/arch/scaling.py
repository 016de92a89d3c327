"""Scaling a network given as block strings: its width, its depth, its strides, its classes."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, inf

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import ConvBlock
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import parse, stages
from pocketnas.arch.rounding import round_filters
from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import Kind

MOBILE_STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)
"""Stem and seven blocks of MobileNetV2 and MnasNet: a 224-pixel image becomes a 7x7 map."""


def build(
    lines: Sequence[str],
    *,
    resolution: int,
    classes: int,
    channels: int = 3,
    act: Kind = "relu",
    gate: str = "gre",
    stem: int = 32,
    head: int = 1280,
    hidden: int = 0,
    dropout: float = 0.2,
    width: float = 1.0,
    depth: float | Sequence[float] = 1.0,
    divisor: int = 8,
    strides: Sequence[int] | None = None,
) -> Architecture:
    """The architecture of a network in the MobileNet manner: 3x3 stem, stages, head.

    `width` and `depth` act on the stages alone: families differ in whether the ends follow.

    Args:
        lines: the block strings, one line a stage.
        resolution: side of the image in pixels.
        classes: outputs of the classifier.
        channels: colours of the image.
        act: activation of the stem, the head and the blocks that name none.
        gate: what is inside SE where a block names nothing: gre, gsw or ghs.
        stem: filters of the stem, taken as they are.
        head: filters of the 1x1 layer before pooling, taken as they are; 0 leaves it out.
        hidden: units of the layer behind the pool; 0 leaves it out.
        dropout: rate before the classifier.
        width: as `scaled`.
        depth: as `scaled`.
        divisor: as `scaled`.
        strides: of the stem and of each stage; None keeps 2 and those in the strings.

    Raises:
        ArchitectureError: an argument is out of range, or the strings do not fit together.
    """
    if strides and len(strides) != len(lines) + 1:
        raise ArchitectureError(
            f"strides: needs {len(lines) + 1} (the stem's and one a stage), got {len(strides)}"
        )
    found = scaled(
        lines,
        act=act,
        gate=gate,
        width=width,
        depth=depth,
        divisor=divisor,
        strides=strides[1:] if strides else None,
    )
    return Architecture(
        resolution=resolution,
        channels=channels,
        stem=ConvBlock(3, strides[0] if strides else 2, stem, act),
        stages=stages(found, stem),
        head=Head(head, classes, dropout, act, hidden),
    )


def scaled(
    lines: Sequence[str],
    *,
    act: Kind = "relu",
    gate: str = "gre",
    width: float = 1.0,
    depth: float | Sequence[float] = 1.0,
    divisor: int = 8,
    strides: Sequence[int] | None = None,
) -> list[str]:
    """The stages' lines, wider, deeper and with other strides.

    Ratios (`e6`, `se0.25`) follow the filters; what is absolute (`x96`, `sq4`) stays.

    Args:
        lines: the block strings, one line a stage.
        act: activation of the blocks that name none.
        gate: what is inside SE where a block names nothing: gre, gsw or ghs.
        width: multiplies the filters; at 1 they stay what they are.
        depth: multiplies each string's layers, rounded up (1905.11946, reference code); one
            number for all stages or one each.
        divisor: the multiplied filters are rounded to its multiples (`round_filters`).
        strides: of each stage; None keeps those in the strings.

    Raises:
        ArchitectureError: an argument is out of range, or a string cannot be read.
    """
    depths = [depth] * len(lines) if isinstance(depth, int | float) else list(depth)
    if len(depths) != len(lines):
        raise ArchitectureError(f"depth: needs {len(lines)} (one a stage), got {len(depths)}")
    for name, value in (("width", width), *(("depth", one) for one in depths)):
        if not 0 < value < inf:
            raise ArchitectureError(f"{name} must be a number above 0, got {value!r}")
    found: list[str] = []
    for i, line in enumerate(lines):
        strings = [parse(text, act=act, gate=gate) for text in line.split()]
        if strides:
            strings[0] = replace(strings[0], stride=strides[i])
        strings = [
            replace(
                one,
                repeats=ceil(depths[i] * one.repeats),
                filters=one.filters if width == 1 else round_filters(one.filters * width, divisor),
            )
            for one in strings
        ]
        found.append(" ".join(map(str, strings)))
    return found


def fit_strides(strides: Sequence[int], resolution: int, *, smallest: int = 2) -> tuple[int, ...]:
    """Strides for a small image: the earliest stages' become 1 until the last map is large enough.

    A network drawn for 224 pixels halves the map five times; 28 pixels would end at one value,
    where a 3x3 kernel sees nothing but padding. The stem gives up its stride last: at full
    resolution it and the stage behind it would cost more than all the rest.

    Args:
        strides: of the stem and of each stage.
        resolution: side of the image in pixels.
        smallest: least allowed side of the last map.
    """
    fitted = list(strides)
    for i in (*range(1, len(fitted)), 0):
        size = resolution
        for stride in fitted:
            size = -(-size // stride)
        if size >= smallest:
            break
        fitted[i] = 1
    return tuple(fitted)
