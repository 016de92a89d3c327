"""Scaling a network given as block strings: its width, its strides, its classes."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, inf

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block, ConvBlock
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import parse
from pocketnas.arch.rounding import round_filters
from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import Kind

MOBILE_STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)
"""Stem and seven blocks of MobileNetV2 and MnasNet: a 224-pixel image becomes a 7x7 map."""


def build(
    strings: Sequence[str],
    *,
    resolution: int,
    classes: int,
    channels: int = 3,
    act: Kind = "relu",
    stem: int = 32,
    head: int = 1280,
    dropout: float = 0.2,
    width: float = 1.0,
    depth: float = 1.0,
    divisor: int = 8,
    strides: Sequence[int] | None = None,
) -> Architecture:
    """The architecture of a network in the MobileNet manner: stem, one string a stage, head.

    Args:
        strings: one block string a stage.
        resolution: side of the image in pixels.
        classes: outputs of the classifier.
        channels: colours of the image.
        act: activation of the stem, the head and the blocks that name none.
        stem: filters of the 3x3 stem, before `width`.
        head: filters of the 1x1 layer before pooling, taken as it is.
        dropout: rate before the classifier.
        width: multiplies the stem's and the stages' filters.
        depth: multiplies each stage's layers, rounded up (1905.11946, reference code).
        divisor: the filters are rounded to its multiples (`round_filters`).
        strides: of the stem and of each stage; None keeps 2 and those in the strings.

    Raises:
        ArchitectureError: an argument is out of range, or the strings do not fit together.
    """
    for name, value in (("width", width), ("depth", depth)):
        if not 0 < value < inf:
            raise ArchitectureError(f"{name} must be a number above 0, got {value!r}")
    parsed = [parse(text, act=act) for text in strings]
    strides = strides or (2, *(block_string.stride for block_string in parsed))
    if len(strides) != len(parsed) + 1:
        raise ArchitectureError(
            f"strides: needs {len(parsed) + 1} (the stem's and one a stage), got {len(strides)}"
        )
    stem = filters = round_filters(stem * width, divisor)
    stages: list[tuple[Block, ...]] = []
    for block_string, stride in zip(parsed, strides[1:], strict=True):
        scaled = replace(
            block_string,
            stride=stride,
            repeats=ceil(depth * block_string.repeats),
            filters=round_filters(block_string.filters * width, divisor),
        )
        stages.append(scaled.blocks(filters))
        filters = scaled.filters
    return Architecture(
        resolution=resolution,
        channels=channels,
        stem=ConvBlock(3, strides[0], stem, act),
        stages=tuple(stages),
        head=Head(head, classes, dropout, act),
    )


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
