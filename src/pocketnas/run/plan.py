"""What a run's settings and images fix: the skeleton, the space, the networks to compare with."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.scaling import MOBILE_STRIDES, fit_strides
from pocketnas.run.config import RunConfig
from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.spaces.space import Space
from pocketnas.train.images import Images
from pocketnas.zoo import mnasnet_a1, mobilenet_v2

REFERENCE = "mobilenet_v2"


@dataclass(frozen=True, slots=True)
class Plan:
    """The space, and the published networks at the same size; one of them is the reference."""

    space: Space[Architecture]
    rivals: Mapping[str, Architecture]

    @property
    def reference(self) -> Architecture:
        """The network whose latency is the unit of all measurements: MobileNetV2."""
        return self.rivals[REFERENCE]


def plan(config: RunConfig, images: Images) -> Plan:
    """Scales the space and its rivals alike to the images.

    From 96 pixels on they are the published networks. Below, they keep their blocks and become
    narrower and shallower, and halve the map less often (`fit_strides`).
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
    return Plan(mnasnet_space(skeleton), rivals)


def _width(resolution: int) -> float:
    return 1.0 if resolution >= 96 else 0.5 if resolution >= 48 else 0.25


def _depth(resolution: int) -> float:
    return 1.0 if resolution >= 96 else 0.5
