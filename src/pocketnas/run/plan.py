"""What a run's settings and images fix: the space, the networks to compare with, the recipes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.nasnet import closest, grown
from pocketnas.data.images import Images
from pocketnas.run.config import RunConfig
from pocketnas.run.sizing import sized
from pocketnas.spaces.space import Space
from pocketnas.train.augment import Augmentation
from pocketnas.train.recipe import Recipe

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
    """What a run searches, compares with and trains by.

    Args:
        config: of the run.
        images: of the run.
        training_images: how many of them the split leaves to train on.

    Raises:
        SpaceError: the user's space cannot be used.
    """
    found = sized(
        config.space,
        resolution=images.resolution,
        classes=len(images.classes),
        channels=images.channels,
        width=config.width,
        depth=config.depth,
    )
    flip = images.flips if config.flip is None else config.flip
    batch = Recipe().batch
    proxy = Recipe(
        epochs=config.epochs or max(3, ceil(PROXY_STEPS * batch / training_images)),
        augmentation=Augmentation(flip=flip),  # in so few steps a shift costs accuracy
    )
    final = Recipe(
        epochs=config.final_epochs or max(8, ceil(FINAL_STEPS * batch / training_images)),
        augmentation=Augmentation(shift=0.08, flip=flip),
    )
    return Plan(found.space, found.rivals, proxy, final, growing(found.space, config.growth))


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
