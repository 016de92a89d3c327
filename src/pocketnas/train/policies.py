"""AutoAugment (1805.09501) and RandAugment (1909.13719): which operations an image meets.

All chance comes in as uniform numbers, a row for each image, so that row i alone decides what
happens to image i. The images of one operation are gathered and go through it together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pocketnas.errors import DataError
from pocketnas.train import pixel_ops, policy_tables
from pocketnas.train.policy_tables import SubPolicy

# RandAugment's list (distort_image_with_randaugment in tensorflow/tpu, models/official/
# efficientnet/autoaugment.py) in its order; those of AutoAugment are among them.
OPERATIONS = (
    *("autocontrast", "equalize", "invert", "rotate", "posterize", "solarize", "color", "contrast"),
    *("brightness", "sharpness", "shear_x", "shear_y", "translate_x", "translate_y", "cutout"),
    "solarize_add",
)
NOTHING = len(OPERATIONS)  # where an operation's index stands: the image is left as it is

_MOST_LAYERS = 10
_MOST_MAGNITUDE = 30  # the paper's largest, too
_DRAWS = 4  # of a step: what it does, its sign, a row and a column


class Policy(Protocol):
    """Changes the pixels of a batch.

    Attributes:
        draws: how many uniform numbers an image needs.
    """

    @property
    def draws(self) -> int: ...

    def __call__(self, pixels: Tensor, draws: Tensor) -> Tensor:
        """The changed images, whole numbers in 0..255.

        Args:
            pixels: float (N, C, H, W) in 0..255, C = 1 or 3; rounded to whole numbers first.
            draws: float (N, self.draws) in [0, 1), on the same device.
        """


@dataclass(frozen=True, slots=True)
class Levels:
    """What a level of 10 means where the codes differ.

    Attributes:
        translate: how far an image moves, share of its side.
        cutout: half the side of the hole, share of the image's.
        falling: whether posterize and solarize do more at a higher level, not less.
    """

    translate: float
    cutout: float
    falling: bool = False

    def strength(self, name: str, levels: Tensor, signs: Tensor, side: int) -> Tensor:
        """What `pixel_ops` takes for an operation at `levels`, in images of that side in pixels.

        Sources: `level_to_arg` in the EfficientNets' autoaugment.py, and where falling
        augmentation_transforms.py in tensorflow/models, research/autoaugment.
        """
        match name:
            case "rotate":
                return signs * levels * 3  # degrees
            case "shear_x" | "shear_y":
                return signs * levels * 0.03
            case "translate_x" | "translate_y":
                return signs * levels * (self.translate * side / 10)
            case "cutout":
                return 2 * (levels * (self.cutout * side / 10)).round()
            case "posterize":
                bits = (levels * 4 / 10).floor()  # none below 2.5: black, as in the code
                return (4 - bits if self.falling else bits).clamp(0, 8)
            case "solarize":
                threshold = (levels * 256 / 10).floor()
                return 256 - threshold if self.falling else threshold
            case "solarize_add":
                return (levels * 110 / 10).floor()
            case _:
                return levels * 0.18 + 0.1  # ImageEnhance's factor


# The EfficientNets' code counts pixels; here they are shares of the side that B0 has. One of the 50
# steps of AutoAugment, translate_y at level 9, moves all of the image away, as it does there.
_SIDE = 224
_AUTOAUGMENT = Levels(translate=250 / _SIDE, cutout=100 / _SIDE)
_RANDAUGMENT = Levels(translate=100 / _SIDE, cutout=40 / _SIDE)
_CIFAR = Levels(translate=10 / 32, cutout=10 / 32, falling=True)


@dataclass(frozen=True, slots=True)
class AutoAugment:
    """One sub-policy for each image; each of its steps is taken with its probability.

    Attributes:
        subpolicies: all as likely.
        levels: what their levels mean.
    """

    subpolicies: tuple[SubPolicy, ...] = policy_tables.IMAGENET
    levels: Levels = _AUTOAUGMENT

    @property
    def draws(self) -> int:
        """The sub-policy's, and those of its two steps."""
        return 1 + 2 * _DRAWS

    def __call__(self, pixels: Tensor, draws: Tensor) -> Tensor:
        """As `Policy` says."""
        drawn = draws[:, 1:].reshape(-1, 2, _DRAWS)
        table = [
            [(OPERATIONS.index(name), probability, level) for name, probability, level in steps]
            for steps in self.subpolicies
        ]
        rows = _pick(draws[:, 0], len(table))
        indices, probabilities, levels = torch.tensor(
            table, dtype=torch.float32, device=pixels.device
        )[rows].unbind(2)
        chosen = indices.long().masked_fill(drawn[..., 0] >= probabilities, NOTHING)
        return _apply(pixels, chosen, levels, drawn, self.levels)


@dataclass(frozen=True, slots=True)
class RandAugment:
    """Operations drawn anew for each image, all as likely and at one strength.

    As in the EfficientNets' code. It counts levels up to 10 but takes more, and then the same
    formulas go on: from 22.4 on, a translation leaves nothing of the image.

    Attributes:
        layers: how many operations an image meets, the paper's N.
        magnitude: their level, the paper's M.

    Raises:
        DataError: a number is out of range.
    """

    layers: int = 2
    magnitude: float = 9
    levels: Levels = _RANDAUGMENT

    def __post_init__(self) -> None:
        """Checks the ranges."""
        if not (1 <= self.layers <= _MOST_LAYERS and 0 <= self.magnitude <= _MOST_MAGNITUDE):
            raise DataError(
                f"randaugment: needs 1 to {_MOST_LAYERS} layers and a magnitude from 0 to "
                f"{_MOST_MAGNITUDE}, got {self.layers} and {self.magnitude:g}"
            )

    @property
    def draws(self) -> int:
        """Those of each layer."""
        return self.layers * _DRAWS

    def __call__(self, pixels: Tensor, draws: Tensor) -> Tensor:
        """As `Policy` says."""
        drawn = draws.reshape(-1, self.layers, _DRAWS)
        chosen = _pick(drawn[..., 0], len(OPERATIONS))
        levels = torch.full_like(drawn[..., 0], self.magnitude)
        return _apply(pixels, chosen, levels, drawn, self.levels)


def policy(name: str) -> Policy:
    """The policy called `autoaugment`, `autoaugment_cifar10`, `randaugment` or `randaugment:2:9`.

    The numbers are RandAugment's layers and magnitude.

    Raises:
        DataError: there is none of that name, or a number is out of range.
    """
    if numbers := re.fullmatch(r"randaugment:(\d+):(-?\d+(?:\.\d+)?)", name):
        return RandAugment(int(numbers[1]), float(numbers[2]))
    match name:
        case "autoaugment":
            return AutoAugment()
        case "autoaugment_cifar10":
            return AutoAugment(policy_tables.CIFAR10, _CIFAR)
        case "randaugment":
            return RandAugment()
    raise DataError(
        "policy: expected autoaugment, autoaugment_cifar10, randaugment or "
        f"randaugment:LAYERS:MAGNITUDE such as randaugment:2:9, got {name!r}"
    )


def _pick(draws: Tensor, count: int) -> Tensor:
    """Uniform numbers in [0, 1) as whole ones from 0 to count - 1."""
    return (draws * count).long().clamp(max=count - 1)


def _apply(pixels: Tensor, chosen: Tensor, levels: Tensor, drawn: Tensor, scale: Levels) -> Tensor:
    """Runs the images through their operations, layer after layer.

    Args:
        pixels: (N, C, H, W).
        chosen: (N, layers), indices into `OPERATIONS`, or `NOTHING`.
        levels: (N, layers).
        drawn: (N, layers, 4); the first was the choice, the others are sign, row and column.
        scale: what levels mean.
    """
    pixels = pixels.round().clamp_(0, 255)
    kinds = torch.arange(NOTHING + 1, device=pixels.device)
    # The sizes of all groups come to the host at once: a GPU is waited for once a batch.
    sizes = (chosen[..., None] == kinds).sum(0).tolist()
    for layer, counts in enumerate(sizes):
        order = chosen[:, layer].argsort(stable=True)
        groups = torch.split(order, counts)
        for name, rows in zip((*OPERATIONS, None), groups, strict=True):
            if name is not None and len(rows):
                changed = _operate(
                    name, pixels[rows], levels[rows, layer], drawn[rows, layer], scale
                )
                pixels.index_copy_(0, rows, changed)
    return pixels


def _operate(name: str, pixels: Tensor, levels: Tensor, drawn: Tensor, scale: Levels) -> Tensor:
    """One operation on all of `pixels`."""
    height, width = pixels.shape[2:]
    _, sign, row, column = drawn.unbind(1)
    side = width if name.endswith("_x") else height
    strength = scale.strength(name, levels, torch.where(sign < 0.5, 1.0, -1.0), side)
    operation: Callable[..., Tensor] = getattr(pixel_ops, name)
    match name:
        case "autocontrast" | "equalize" | "invert":
            return operation(pixels)
        case "cutout":
            return operation(pixels, strength, _pick(row, height), _pick(column, width))
        case _:
            return operation(pixels, strength)
