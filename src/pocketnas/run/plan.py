"""What a run's settings and images fix: the skeleton, the space, the networks to compare with."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.scaling import MOBILE_STRIDES, fit_strides
from pocketnas.run.config import RunConfig
from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.spaces.space import Space
from pocketnas.train.data import MNIST5K
from pocketnas.train.images import Images
from pocketnas.train.recipe import Recipe
from pocketnas.zoo import mnasnet_a1, mobilenet_v2

REFERENCE = "mobilenet_v2"

# Three epochs of a few hundred photos would leave every network at chance and the search blind.
# These steps are what 3 and 8 epochs of mnist5k are.
PROXY_STEPS = 160
FINAL_STEPS = 430


@dataclass(frozen=True, slots=True)
class Plan:
    """The space, the published networks at the same size, and how all of them are trained."""

    space: Space[Architecture]
    rivals: Mapping[str, Architecture]
    proxy: Recipe
    final: Recipe

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
    strides = fit_strides(MOBILE_STRIDES, resolution)
    divisor = 8 if width >= 1 else 1  # narrow stages need their three filter sizes to differ
    head = 1280 if width >= 1 else round(1280 * width)
    base = Skeleton()
    skeleton = Skeleton(
        resolution=resolution,
        classes=len(images.classes),
        channels=images.channels,
        width=width,
        divisor=divisor,
        head=head,
        strides=strides,
        layers=tuple(ceil(depth * layers) for layers in base.layers),
    )
    rivals = {
        network.__name__: network(
            resolution=resolution,
            classes=len(images.classes),
            channels=images.channels,
            width=width,
            depth=depth,
            divisor=divisor,
            head=head,
            strides=strides,
        )
        for network in (mobilenet_v2, mnasnet_a1)
    }
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
    return Plan(mnasnet_space(skeleton), rivals, proxy, final)


def _width(resolution: int) -> float:
    return 1.0 if resolution >= 96 else 0.5 if resolution >= 48 else 0.25


def _depth(resolution: int) -> float:
    return 1.0 if resolution >= 96 else 0.5
