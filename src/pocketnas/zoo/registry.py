"""Every network of the zoo by name."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import partial

from pocketnas.arch.architecture import Architecture
from pocketnas.errors import SettingError
from pocketnas.zoo import (
    efficientnet,
    efficientnetv2,
    layerwise,
    mnasnet,
    mobilenet,
    mobilenetv3,
    nasnet,
    resnet,
)
from pocketnas.zoo.published import Entry, Network, Published, scaled_name

ENTRIES: tuple[Entry, ...] = (
    *mobilenet.ENTRIES,
    *nasnet.ENTRIES,
    *mnasnet.ENTRIES,
    *layerwise.ENTRIES,
    *mobilenetv3.ENTRIES,
    *efficientnet.ENTRIES,
    *efficientnetv2.ENTRIES,
    *resnet.ENTRIES,
)

SCALABLE: Mapping[str, Network] = {
    network.__name__: network
    for network in (
        mobilenet.mobilenet_v1,
        mobilenet.mobilenet_v2,
        mnasnet.mnasnet_a1,
        mnasnet.mnasnet_b1,
        mobilenetv3.mobilenet_v3_large,
        mobilenetv3.mobilenet_v3_small,
    )
}
"""The networks that come with a width multiplier, which may be any number above 0."""


def entries(family: str | None = None) -> tuple[Entry, ...]:
    """The networks of one family, or all of them.

    Raises:
        SettingError: there is no such family; the message names the nearest and all.
    """
    families = tuple(dict.fromkeys(found.family for found in ENTRIES))
    if family is not None and family not in families:
        raise SettingError(
            f"no family is called {family!r}{_nearest(family, families)};"
            f" there are {', '.join(families)}"
        )
    return tuple(found for found in ENTRIES if family in (None, found.family))


def entry(name: str) -> Entry:
    """The network called `name`; where its family has width multipliers, any: `mobilenet_v2_0.9`.

    Raises:
        SettingError: there is none; the message names the nearest.
    """
    known = {found.name: found for found in ENTRIES}
    if name in known:
        return known[name]
    base, _, digits = name.rpartition("_")
    if base not in SCALABLE or not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", digits):
        raise SettingError(
            f"no network is called {name!r}{_nearest(name, list(known))}; `pocketnas zoo` lists all"
        )
    width = float(digits)
    if (canonical := scaled_name(SCALABLE[base], width)) in known:
        return known[canonical]
    like = known[base]
    return Entry(name, like.family, like.resolution, partial(SCALABLE[base], width=width))


def architecture(
    name: str, *, resolution: int | None = None, classes: int | None = None, channels: int = 3
) -> Architecture:
    """The network called `name`; None is as published.

    Raises:
        SettingError: there is no such network.
        ArchitectureError: a size is out of range.
    """
    return entry(name).architecture(resolution=resolution, classes=classes, channels=channels)


def _nearest(name: str, known: Sequence[str]) -> str:
    found = get_close_matches(name, known, n=3, cutoff=0.5)
    return f", did you mean {' or '.join(found)}" if found else ""


__all__ = ["ENTRIES", "SCALABLE", "Entry", "Published", "architecture", "entries", "entry"]
