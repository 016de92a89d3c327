"""Search spaces: functions that call `choose`, traced into decisions."""

from collections.abc import Callable, Mapping

from pocketnas.arch.architecture import Architecture
from pocketnas.spaces.layerwise import proxylessnas_space, singlepath_space
from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.spaces.space import Choose, Decision, Genotype, Space

SPACES: Mapping[str, Callable[[], Space[Architecture]]] = {
    "mnasnet": mnasnet_space,
    "proxylessnas": proxylessnas_space,
    "singlepath": singlepath_space,
}
"""The spaces by name, each at the size of its paper."""

__all__ = [
    "SPACES",
    "Choose",
    "Decision",
    "Genotype",
    "Skeleton",
    "Space",
    "mnasnet_space",
    "proxylessnas_space",
    "singlepath_space",
]
