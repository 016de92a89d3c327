"""The published families, as literals in the field's notation, and their trained weights."""

from typing import TYPE_CHECKING, Any

from pocketnas.zoo.mnasnet import mnasnet_a1, mnasnet_b1, mnasnet_small
from pocketnas.zoo.mobilenet import mobilenet_v2
from pocketnas.zoo.registry import Entry, Published, architecture, entries, entry

if TYPE_CHECKING:
    from pocketnas.zoo.weights import Pretrained, load

__all__ = [
    "Entry",
    "Pretrained",
    "Published",
    "architecture",
    "entries",
    "entry",
    "load",
    "mnasnet_a1",
    "mnasnet_b1",
    "mnasnet_small",
    "mobilenet_v2",
]


def __getattr__(name: str) -> Any:
    """`load` and `Pretrained`, which need numpy, are imported when somebody asks for them."""
    if name not in ("Pretrained", "load"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pocketnas.zoo import weights

    return getattr(weights, name)
