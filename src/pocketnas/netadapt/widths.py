"""The widths of a network that can shrink, and the network with one of them smaller."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block, ConvBlock, FusedMBConv, MBConv, SepConv
from pocketnas.arch.heads import Head
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem

DIVISOR = 8
"""Widths are multiples of it: kernels compute so many channels at once (1905.02244, 4.2)."""

Place = tuple[str, str]
"""A block by its path (`stages.2.0`, `stem`, `head`) and one of its fields."""

_INNER: Mapping[type[Any], tuple[str, ...]] = {
    MBConv: ("expanded",),
    FusedMBConv: ("expanded",),
    Bottleneck: ("width",),
    Head: ("filters", "hidden"),
}
_OUTER = (ConvBlock, SepConv, MBConv, FusedMBConv, PoolStem, BasicBlock, Bottleneck)


@dataclass(frozen=True, slots=True)
class Width:
    """A number of channels that can shrink by itself.

    Attributes:
        value: the channels.
        places: where it stands; a bottleneck's in all blocks that share it by their shortcuts.
    """

    value: int
    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        """The first place: `stages.2.0.expanded`, `stages.2.0.filters`, `head.filters`."""
        return ".".join(self.places[0])

    @property
    def smaller(self) -> range:
        """The widths below, from the largest."""
        return range((self.value - 1) // DIVISOR * DIVISOR, 0, -DIVISOR)


def widths(architecture: Architecture) -> list[Width]:
    """The widths of a network of MobileNet's or ResNet's blocks, in the order of the blocks.

    Expansion layers, the inner layers of ResNet's bottlenecks, the outputs of blocks (those that a
    shortcut joins change together), the head's layers. A network of cells has none.
    """
    blocks = list(placed(architecture))
    if not all(isinstance(block, (*_OUTER, Head)) for _, block in blocks):
        return []
    inner: list[Width] = []
    groups: list[tuple[int, list[Place]]] = []
    before = architecture.channels
    for path, block in blocks:
        for field in _INNER.get(type(block), ()):
            if value := getattr(block, field):
                inner.append(Width(value, ((path, field),)))
        if isinstance(block, _OUTER):
            filters: int = block.filters
            if _joins(block, before):
                groups[-1][1].append((path, "filters"))
            else:
                groups.append((filters, [(path, "filters")]))
            before = filters
    order = {path: i for i, (path, _) in enumerate(blocks)}
    found = inner + [Width(value, tuple(places)) for value, places in groups]
    return sorted(
        (width for width in found if width.smaller), key=lambda width: order[width.places[0][0]]
    )


def shrunk(architecture: Architecture, width: Width, value: int) -> Architecture:
    """The network with another number of channels at all places of the width.

    Raises:
        ArchitectureError: the number is out of range.
    """
    changes: dict[str, dict[str, int]] = {}
    for path, field in width.places:
        changes.setdefault(path, {})[field] = value
    return changed(architecture, changes)


def changed(architecture: Architecture, changes: Mapping[str, Mapping[str, int]]) -> Architecture:
    """The network with other values of some fields, by the paths of their blocks."""

    def new(path: str, block: Block) -> Block:
        found: Any = block
        return replace(found, **changes[path]) if path in changes else block

    return replace(
        architecture,
        stem=new("stem", architecture.stem),
        stages=tuple(
            tuple(new(f"stages.{i}.{j}", block) for j, block in enumerate(stage))
            for i, stage in enumerate(architecture.stages)
        ),
        head=new("head", architecture.head),
    )


def placed(architecture: Architecture) -> Iterator[tuple[str, Block]]:
    """The blocks by their paths, in order."""
    yield "stem", architecture.stem
    for i, stage in enumerate(architecture.stages):
        for j, block in enumerate(stage):
            yield f"stages.{i}.{j}", block
    yield "head", architecture.head


def _joins(block: Any, before: int) -> bool:
    """Whether the block adds its input as it is to its output."""
    if isinstance(block, BasicBlock | Bottleneck):  # else by a convolution of its own
        return block.stride == 1 and block.filters == before
    return getattr(block, "skip", "none") != "none"
