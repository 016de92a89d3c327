"""What the zoo's tables are made of: a network's name, how to build it, its published figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pocketnas.arch.architecture import Architecture

Network = Callable[..., Architecture]


@dataclass(frozen=True, slots=True)
class Published:
    """The figures that authors printed; None where they printed none.

    Attributes:
        top1: ImageNet top-1 accuracy of the float network in percent, with the authors' recipe.
        params: trained values; exact where somebody printed all digits, else rounded.
        madds: multiply-adds of one image at the entry's resolution, mostly rounded.
        latencies: device in words → milliseconds for one image; on one big core where the words
            say nothing else.
        source: where the figures stand.
    """

    top1: float | None = None
    params: int | None = None
    madds: int | None = None
    latencies: Mapping[str, float] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One network of the zoo.

    Attributes:
        name: as `pocketnas show` takes it.
        family: the networks that are built alike.
        resolution: side of the published input in pixels.
        build: the network, for the keywords resolution, classes and channels.
        published: the authors' figures.
        classes: outputs of the published network.
    """

    name: str
    family: str
    resolution: int
    build: Network
    published: Published = field(default_factory=Published)
    classes: int = 1000

    def architecture(
        self, *, resolution: int | None = None, classes: int | None = None, channels: int = 3
    ) -> Architecture:
        """The network for square images of `resolution` pixels; None is as published.

        Raises:
            ArchitectureError: a size is out of range, or the network does not fit it.
        """
        return self.build(
            resolution=self.resolution if resolution is None else resolution,
            classes=self.classes if classes is None else classes,
            channels=channels,
        )


def by_width(family: str, network: Network, rows: Mapping[float, Published]) -> tuple[Entry, ...]:
    """One entry a width multiplier: `mobilenet_v2` at 1, `mobilenet_v2_0.5` at a half."""
    size = network().resolution
    return tuple(
        Entry(scaled_name(network, width), family, size, partial(network, width=width), row)
        for width, row in rows.items()
    )


def by_member(
    family: str, name: str, network: Network, rows: Mapping[Any, Published]
) -> tuple[Entry, ...]:
    """One entry a member: `name` with the member in its place, `network` of the member."""
    return tuple(
        Entry(
            name.format(member), family, network(member).resolution, partial(network, member), row
        )
        for member, row in rows.items()
    )


def scaled_name(network: Network, width: float) -> str:
    """The name of `network` at a width multiplier."""
    return network.__name__ if width == 1 else f"{network.__name__}_{width:g}"
