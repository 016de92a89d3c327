"""Mixup (1710.09412) and CutMix (1905.04899): images and labels blended with a neighbour's."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pocketnas.train.augment import Augmentation

_STREAM = 77  # keeps these numbers apart from others of the same seed


def mixed(
    x: Tensor, labels: Tensor, classes: int, how: Augmentation, *, seed: int, step: int
) -> tuple[Tensor, Tensor]:
    """Each image with the next one of its batch, by one share for the whole batch.

    Args:
        x: the input, (N, C, H, W).
        labels: (N,).
        classes: how many.
        how: with alphas above 0 where wanted.
        seed: of the training.
        step: of the training; (seed, step) decides the draw.

    Returns:
        The mixed input, and the labels as shares, (N, classes); or, without mixing, as they were.
    """
    if not (how.mixup or how.cutmix):
        return x, labels
    draw = np.random.Generator(np.random.PCG64([seed, step, _STREAM]))
    coin = draw.random()
    cut = bool(how.cutmix) and (not how.mixup or coin < 0.5)
    alpha = how.cutmix if cut else how.mixup
    share = float(draw.beta(alpha, alpha))
    other = x.roll(1, 0)
    if cut:
        height, width = x.shape[2:]
        rows, columns = (round(size * (1 - share) ** 0.5) for size in (height, width))
        spans = []
        for size, length in ((height, rows), (width, columns)):
            begin = int(draw.integers(0, size + 1)) - length // 2
            spans.append(slice(max(0, begin), min(size, max(0, begin + length))))
        inside = torch.zeros_like(x[:1, :1], dtype=torch.bool)
        inside[..., spans[0], spans[1]] = True
        x = torch.where(inside, other, x)
        area = (spans[0].stop - spans[0].start) * (spans[1].stop - spans[1].start)
        share = 1 - area / (height * width)
    else:
        x = torch.lerp(other, x, share)
    shares = F.one_hot(labels, classes).to(x.dtype)
    return x, torch.lerp(shares.roll(1, 0), shares, share)
