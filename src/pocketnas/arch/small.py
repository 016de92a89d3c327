"""A network drawn for large images, on small ones."""

from dataclasses import fields, replace
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block
from pocketnas.errors import ArchitectureError

SMALLEST = 2
"""Side of the last map, in pixels: on one pixel a 3x3 kernel sees nothing but padding."""


def fitted(architecture: Architecture, *, smallest: int = SMALLEST) -> Architecture:
    """The same blocks and weights, halving the map less often where it would become too small.

    The earliest stages give up their stride first and the stem last, as in `fit_strides`: at full
    resolution it and the stage behind it would cost more than all the rest.

    Args:
        architecture: at the resolution wanted.
        smallest: least side of the last map; less where the network cannot keep so much.

    Raises:
        ArchitectureError: `smallest` is below 1.
    """
    if smallest < 1:
        raise ArchitectureError(f"the last map needs at least 1 pixel, got {smallest}")
    places = [(i, j) for i, stage in enumerate(architecture.stages) for j in range(len(stage))]
    for place in (*places, None):
        if last_side(architecture) >= smallest:
            break
        if place is None:
            architecture = replace(architecture, stem=_unstrided(architecture.stem))
        else:
            i, j = place
            stages = [list(stage) for stage in architecture.stages]
            stages[i][j] = _unstrided(stages[i][j])
            architecture = replace(architecture, stages=tuple(map(tuple, stages)))
    return architecture


def last_side(architecture: Architecture) -> int:
    """Side of the map that the head receives, in pixels."""
    graph = architecture.graph()
    maps = [node.shape for node in graph.nodes if not node.name.startswith(("head", "auxiliary"))]
    return maps[-1][0]


def _unstrided(block: Block) -> Block:
    strided: Any = block
    if not any(field.name == "stride" for field in fields(strided)) or strided.stride == 1:
        return block
    found: Block = replace(strided, stride=1)
    return found
