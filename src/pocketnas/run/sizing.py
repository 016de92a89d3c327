"""A space and the published networks to compare with, scaled alike to the images."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.scaling import MOBILE_STRIDES, fit_strides
from pocketnas.spaces import mobilenetv3
from pocketnas.spaces.layerwise import proxylessnas_space, singlepath_space
from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.spaces.nasnet import nasnet_space
from pocketnas.spaces.own import own_space
from pocketnas.spaces.space import Space
from pocketnas.zoo import mnasnet_a1, mobilenet_v2
from pocketnas.zoo import mobilenetv3 as mobilenet_v3


@dataclass(frozen=True, slots=True)
class Sized:
    """A space and the published networks to compare with, all scaled alike to some images."""

    space: Space[Architecture]
    rivals: Mapping[str, Architecture]


def sized(
    space: str,
    *,
    resolution: int,
    classes: int,
    channels: int = 3,
    width: float | None = None,
    depth: float | None = None,
) -> Sized:
    """Scales a space and its rivals alike to images.

    From 96 pixels on they are the published networks. Below, they keep their blocks and become
    narrower and shallower, and halve the map less often (`fit_strides`).

    Args:
        space: a name of `pocketnas.spaces.SPACES`, or file.py:function.
        resolution: side of the images in pixels.
        classes: that they have.
        channels: 1 or 3.
        width: multiplies MobileNetV2's filters; None: by the resolution.
        depth: multiplies its layers; likewise.

    Raises:
        SpaceError: the user's function cannot be used.
    """
    width, depth = width or _width(resolution), depth or _depth(resolution)
    size: dict[str, Any] = {"resolution": resolution, "classes": classes, "channels": channels}
    scale: dict[str, Any] = {
        "width": width,
        "depth": depth,
        "divisor": 8 if width >= 1 else 1,  # narrow stages need their filter sizes to differ
    }
    ends: dict[str, Any] = {
        "head": 1280 if width >= 1 else round(1280 * width),
        "strides": fit_strides(MOBILE_STRIDES, resolution),
    }
    rivals = {
        network.__name__: network(**size, **scale, **ends) for network in (mobilenet_v2, mnasnet_a1)
    }
    if space == "mobilenetv3":
        strides = fit_strides(mobilenet_v3.STRIDES, resolution)
        rivals["mobilenet_v3_large"] = mobilenet_v3.mobilenet_v3_large(
            **size, **scale, hidden=ends["head"], strides=strides
        )
    return Sized(_space(space, size, scale, ends), rivals)


def _space(
    name: str, size: dict[str, Any], scale: dict[str, Any], ends: dict[str, Any]
) -> Space[Architecture]:
    """The space for images of `size`; how large a user's own is, its function decides.

    Raises:
        SpaceError: the user's function cannot be used.
    """
    match name:
        case "mnasnet":
            return mnasnet_space(Skeleton(**size, **scale, **ends))
        case "mobilenetv3":
            strides = fit_strides(mobilenetv3.STRIDES, size["resolution"])
            return mobilenetv3.mobilenetv3_space(**size, **scale, strides=strides)
        case "proxylessnas":
            return proxylessnas_space(**size, **scale, **ends)
        case "singlepath":
            return singlepath_space(**size, **scale, **ends)
        case "nasnet":
            return _nasnet_space(size, scale)
        case _:
            return own_space(name, size)


def _nasnet_space(size: dict[str, Any], scale: dict[str, Any]) -> Space[Architecture]:
    """From 48 pixels on with stem cells, which leave the cells an eighth of the image's side.

    Filters and cells then cost about what MobileNetV2 does. On smaller images the cells see full
    resolution, as on CIFAR-10, and have half the filters.
    """
    large = size["resolution"] >= 48
    filters = max(1, round((32 if large else 16) * scale["width"]))
    return nasnet_space(**size, cells=ceil(2 * scale["depth"]), filters=filters, stem_cells=large)


def _width(resolution: int) -> float:
    return 1.0 if resolution >= 96 else 0.5 if resolution >= 48 else 0.25


def _depth(resolution: int) -> float:
    return 1.0 if resolution >= 96 else 0.5
