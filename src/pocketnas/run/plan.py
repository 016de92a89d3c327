"""What a run's settings and images fix: the space, its scale, the networks to compare with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.nasnet import closest, grown
from pocketnas.arch.scaling import MOBILE_STRIDES, fit_strides
from pocketnas.run.config import RunConfig
from pocketnas.spaces import mobilenetv3
from pocketnas.spaces.layerwise import proxylessnas_space, singlepath_space
from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.spaces.nasnet import nasnet_space
from pocketnas.spaces.own import own_space
from pocketnas.spaces.space import Space
from pocketnas.train.data import MNIST5K
from pocketnas.train.images import Images
from pocketnas.train.recipe import Recipe
from pocketnas.zoo import mnasnet_a1, mobilenet_v2
from pocketnas.zoo import mobilenetv3 as mobilenet_v3

REFERENCE = "mobilenet_v2"

# Three epochs of a few hundred photos would leave every network at chance and the search blind.
# These steps are what 3 and 8 epochs of mnist5k are.
PROXY_STEPS = 160
FINAL_STEPS = 430


Grow = Callable[[Architecture], Architecture]


@dataclass(frozen=True, slots=True)
class Plan:
    """The space, the published networks at the same size, and how all of them are trained.

    `grow` makes of a network that was found the one that is trained in the end: the same one, or
    a larger one of the same cells (1707.07012, section 3).
    """

    space: Space[Architecture]
    rivals: Mapping[str, Architecture]
    proxy: Recipe
    final: Recipe
    grow: Grow = lambda network: network

    @property
    def reference(self) -> Architecture:
        """The network whose latency is the unit of all measurements: MobileNetV2."""
        return self.rivals[REFERENCE]


def plan(config: RunConfig, images: Images, training_images: int) -> Plan:
    """Scales the space and its rivals alike to the images.

    From 96 pixels on they are the published networks. Below, they keep their blocks and become
    narrower and shallower, and halve the map less often (`fit_strides`). `training_images` is how
    many the split leaves to train on.
    """
    resolution = images.resolution
    width, depth = config.width or _width(resolution), config.depth or _depth(resolution)
    size: dict[str, Any] = {
        "resolution": resolution,
        "classes": len(images.classes),
        "channels": images.channels,
    }
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
    if config.space == "mobilenetv3":
        strides = fit_strides(mobilenet_v3.STRIDES, resolution)
        rivals["mobilenet_v3_large"] = mobilenet_v3.mobilenet_v3_large(
            **size, **scale, hidden=ends["head"], strides=strides
        )
    flip = config.data != MNIST5K if config.flip is None else config.flip
    batch = Recipe().batch
    proxy = Recipe(
        epochs=config.epochs or max(3, ceil(PROXY_STEPS * batch / training_images)),
        shift=0.0,  # in so few steps it costs more accuracy than it brings
        flip=flip,
    )
    final = Recipe(
        epochs=config.final_epochs or max(8, ceil(FINAL_STEPS * batch / training_images)),
        flip=flip,
    )
    space = _space(config.space, size, scale, ends)
    return Plan(space, rivals, proxy, final, growing(space, config.growth))


def growing(space: Space[Architecture], growth: tuple[int, int] | None) -> Grow:
    """What makes found networks larger: nothing, or their cells at about the size of `growth`.

    Args:
        space: that they are found in.
        growth: normal cells a stage and channels before the classifier.

    Raises:
        ArchitectureError: the space's networks are not made of cells.
    """
    if growth is None:
        return lambda network: network
    cells, penultimate = growth

    def grow(network: Architecture) -> Architecture:
        return grown(network, cells, closest(network, penultimate))

    grow(space.decode((0,) * len(space.decisions)))
    return grow


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
