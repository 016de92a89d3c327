"""Random translations and mirror images of a batch; uint8 in, the network's float input out."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pocketnas.data.load import OFFSET, SCALE


def to_input(pixels: NDArray[np.uint8], device: str = "cpu") -> Tensor:
    """uint8 (N, H, W, C) as the float32 input (N, C, H, W) in [-1, 1], channels last in memory."""
    batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
    return batch.permute(0, 3, 1, 2).float().mul_(SCALE).add_(OFFSET)


def augment(x: Tensor, shift: float, flip: bool, generator: torch.Generator) -> Tensor:
    """Moves each image by up to `shift` of its side (the edge repeats) and mirrors half of them.

    Args:
        x: float (N, C, H, W).
        shift: share of the side.
        flip: whether to mirror.
        generator: of the draws, on the CPU.
    """
    n, _, height, width = x.shape
    reach = round(shift * height)
    if reach:
        rows, columns = (
            torch.arange(side) + torch.randint(-reach, reach + 1, (n, 1), generator=generator)
            for side in (height, width)
        )
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
        index = torch.arange(n)[:, None, None]
        x = x.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        x[mirrored] = x[mirrored].flip(3)
    return x
