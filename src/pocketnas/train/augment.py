"""From stored pixels to a batch that a network sees, on the device that trains.

What happens to an image is decided by its own row of uniform numbers, see `pocketnas.data.draws`.
"""

from dataclasses import dataclass
from math import log
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pocketnas.data.pixels import OURS, Pixels
from pocketnas.errors import DataError
from pocketnas.train.policies import Policy, policy

Square = TypeVar("Square", Tensor, NDArray[np.uint8])

GREY = 128.0
_RATIO = 4 / 3  # of the sides of Inception's crop, and its inverse


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What is done to an image in training, in this order.

    Attributes:
        crop: least share of the area that a random crop of Inception's keeps (1409.4842, section
            6: 0.08; sides 3:4 to 4:3), resized to the network's side; None takes the image whole.
        shift: random translation, share of the side; the edge repeats.
        flip: mirror half of the images; not where left and right differ in meaning.
        colour: brightness, contrast and saturation change by up to this share.
        policy: a name for `pocketnas.train.policies.policy`, such as "randaugment".
        cutout: side of a grey square (1708.04552), share of the image's side.
        mixup: alpha of mixup (1710.09412), 0 for none.
        cutmix: alpha of CutMix (1905.04899), 0 for none; with both, each batch gets one of them.
    """

    crop: float | None = None
    shift: float = 0.0
    flip: bool = True
    colour: float = 0.0
    policy: str | None = None
    cutout: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name in ("shift", "colour", "cutout"):
            if not 0 <= getattr(self, name) < 1:
                value = getattr(self, name)
                raise DataError(f"augmentation: {name} must be in [0, 1), got {value}")
        if self.crop is not None and not 0 < self.crop <= 1:
            raise DataError(f"augmentation: crop must be in (0, 1], got {self.crop}")
        if min(self.mixup, self.cutmix) < 0:
            raise DataError("augmentation: mixup and cutmix must be 0 or more")
        if self.policy is not None:
            policy(self.policy)

    def __str__(self) -> str:
        parts = [
            f"crop from {self.crop:.0%} of the area" if self.crop else "",
            f"shift {self.shift:.0%}" if self.shift else "",
            "flip" if self.flip else "",
            f"colour {self.colour:.0%}" if self.colour else "",
            self.policy or "",
            f"cutout {self.cutout:.0%}" if self.cutout else "",
            f"mixup {self.mixup:g}" if self.mixup else "",
            f"CutMix {self.cutmix:g}" if self.cutmix else "",
        ]
        return ", ".join(filter(None, parts)) or "none"


class Augmenter:
    """Does to single images what `how` says; mixing is `pocketnas.train.mixing`.

    Args:
        how: what to do.
        side: of the network's input, in pixels.

    Attributes:
        draws: how many uniform numbers an image needs.
    """

    def __init__(self, how: Augmentation, side: int) -> None:
        self._how = how
        self._side = side
        self._policy: Policy | None = None if how.policy is None else policy(how.policy)
        self.draws = 4 + 2 + 1 + 3 + 2 + (self._policy.draws if self._policy else 0)

    def __call__(self, pixels: Tensor, draws: Tensor) -> Tensor:
        """Augments a batch.

        Args:
            pixels: uint8 (N, H, W, C).
            draws: (N, self.draws) in [0, 1), on the same device.

        Returns:
            float (N, C, side, side), 0 to 255, channels last in memory.
        """
        how, side = self._how, self._side
        crop, shift, flip = draws[:, 0:4], draws[:, 4:6], draws[:, 6:7]
        colour, cutout, rest = draws[:, 7:10], draws[:, 10:12], draws[:, 12:]
        if how.crop is not None:
            x = _cropped(pixels, how.crop, crop, side)
        else:
            if reach := round(how.shift * pixels.shape[1]):
                pixels = _shifted(pixels, reach, shift)
            x = centre(pixels, side).permute(0, 3, 1, 2).float()
        if how.flip:
            x = torch.where(flip[:, :, None, None] < 0.5, x.flip(3), x)
        if how.colour:
            x = _coloured(x, how.colour, colour)
        if self._policy:
            x = self._policy(x, rest)
        if how.cutout:
            x = _cut_out(x, round(how.cutout * side), cutout)
        return x


def to_input(pixels: NDArray[np.uint8], device: str = "cpu", scale: Pixels = OURS) -> Tensor:
    """uint8 (N, H, W, C) as the network's input (N, C, H, W), channels last in memory."""
    batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
    return normalized(batch.permute(0, 3, 1, 2).float(), scale)


def normalized(x: Tensor, scale: Pixels = OURS) -> Tensor:
    """Pixels from 0 to 255, (N, C, H, W), as the network's input; overwrites them."""
    if len(scale.mean) == len(scale.std) == 1:
        return x.mul_(1 / scale.std[0]).add_(-scale.mean[0] / scale.std[0])
    mean, std = (x.new_tensor(values)[:, None, None] for values in scale)
    return x.sub_(mean).div_(std)


def centre(pixels: Square, side: int) -> Square:
    """The middle (N, side, side, C) of (N, H, W, C): an image is stored larger to be cropped.

    Raises:
        DataError: the image is smaller.
    """
    height, width = pixels.shape[1:3]
    if min(height, width) < side:
        raise DataError(f"images of {height}x{width} pixels are too small for an input of {side}")
    top, left = (height - side) // 2, (width - side) // 2
    middle: Square = pixels[:, top : top + side, left : left + side]
    return middle


def _shifted(pixels: Tensor, reach: int, draws: Tensor) -> Tensor:
    by = (draws * (2 * reach + 1)).long() - reach
    height, width = pixels.shape[1:3]
    rows = (torch.arange(height, device=by.device) + by[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width, device=by.device) + by[:, 1:]).clamp(0, width - 1)
    images = torch.arange(len(pixels), device=by.device)[:, None, None]
    return pixels[images, rows[:, :, None], columns[:, None, :]]


def _cropped(pixels: Tensor, least: float, draws: Tensor, side: int) -> Tensor:
    """Inception's crop, cut to what fits into the image, resized bilinearly."""
    area, ratio, row, column = draws.unbind(1)
    share = least + (1 - least) * area
    stretch = torch.exp((2 * ratio - 1) * log(_RATIO) / 2)
    height, width = ((share.sqrt() * factor).clamp(max=1.0) for factor in (1 / stretch, stretch))
    # In the coordinates of grid_sample the image reaches from -1 to 1.
    matrix = torch.zeros(len(pixels), 2, 3, device=pixels.device)
    matrix[:, 0, 0], matrix[:, 1, 1] = width, height
    matrix[:, 0, 2], matrix[:, 1, 2] = (2 * column - 1) * (1 - width), (2 * row - 1) * (1 - height)
    x = pixels.permute(0, 3, 1, 2).float()
    grid = F.affine_grid(matrix, [len(x), x.shape[1], side, side], align_corners=False)
    found = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return found.contiguous(memory_format=torch.channels_last)


def _coloured(x: Tensor, reach: float, draws: Tensor) -> Tensor:
    brightness, contrast, saturation = (1 + reach * (2 * draws - 1))[:, :, None, None, None].unbind(
        1
    )
    x = x * brightness
    grey = x.new_tensor([0.299, 0.587, 0.114])[:, None, None] if x.shape[1] == 3 else x.new_ones(1)
    luma = (x * grey).sum(1, keepdim=True)
    mean = luma.mean((2, 3), keepdim=True)
    x = mean + contrast * (x - mean)
    if x.shape[1] == 3:
        luma = mean + contrast * (luma - mean)
        x = luma + saturation * (x - luma)
    return x.clamp(0, 255)


def _cut_out(x: Tensor, side: int, draws: Tensor) -> Tensor:
    """The square's centre may lie anywhere, so that it is cut off at the edges."""
    height, width = x.shape[2:]
    middle = (draws * draws.new_tensor([height, width])).long()
    first = middle - side // 2
    rows, columns = (torch.arange(size, device=x.device) for size in (height, width))
    top, left = first[:, :1], first[:, 1:]
    high = (rows >= top) & (rows < top + side)
    wide = (columns >= left) & (columns < left + side)
    return torch.where((high[:, :, None] & wide[:, None, :])[:, None], GREY, x)
