"""Search spaces: functions that call `choose`, traced into decisions."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pocketnas.arch.architecture import Architecture
from pocketnas.errors import SpaceError
from pocketnas.spaces.layerwise import proxylessnas_space, singlepath_space
from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.spaces.mobilenetv3 import mobilenetv3_space
from pocketnas.spaces.nasnet import nasnet_space
from pocketnas.spaces.own import own_space
from pocketnas.spaces.space import Choose, Decision, Genotype, Space

SPACES: Mapping[str, Callable[[], Space[Architecture]]] = {
    "mnasnet": mnasnet_space,
    "mobilenetv3": mobilenetv3_space,
    "nasnet": nasnet_space,
    "proxylessnas": proxylessnas_space,
    "singlepath": singlepath_space,
}
"""The spaces by name, each at the size of its paper."""


def named(name: str) -> Space[Architecture]:
    """One of `SPACES`, or the space of a user's function, file.py:function.

    Raises:
        SpaceError: there is no such space, or as `own_space`.
    """
    if name in SPACES:
        return SPACES[name]()
    if ":" not in name:
        raise SpaceError(
            f"no space is called {name!r}; there are: {', '.join(SPACES)},"
            " and your own as file.py:function"
        )
    return own_space(name)


def absolute(name: str) -> str:
    """`name`, which then means the same in any folder."""
    if ":" not in name:
        return name
    file, _, function = name.rpartition(":")
    return f"{Path(file).absolute()}:{function}"


__all__ = [
    "SPACES",
    "Choose",
    "Decision",
    "Genotype",
    "Skeleton",
    "Space",
    "absolute",
    "mnasnet_space",
    "mobilenetv3_space",
    "named",
    "nasnet_space",
    "own_space",
    "proxylessnas_space",
    "singlepath_space",
]
