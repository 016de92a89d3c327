"""What a network answers, and how often it is right."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pocketnas.data.images import Images, Indices
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.graph.ops import Input
from pocketnas.train.augment import centre, normalized
from pocketnas.train.network import Network

BATCH = 256


@torch.no_grad()
def answers(network: Network, pixels: NDArray[np.uint8], scale: Pixels = OURS) -> Tensor:
    """The network's outputs for the middle of the images (N, H, W, C): (N, classes) on the CPU."""
    network.eval()
    side = cast(Input, network.graph.nodes[0].op).shape[0]
    device = next(network.parameters()).device
    x = centre(torch.tensor(pixels, device=device), side).permute(0, 3, 1, 2).float()
    found: Tensor = network(normalized(x, scale))
    return found.float().cpu()


def logits(network: Network, images: Images, indices: Indices, scale: Pixels = OURS) -> Tensor:
    """The network's outputs for the middle of `images[indices]`, (N, classes) on the CPU."""
    starts = range(0, len(indices), BATCH)
    some = (images.pixels[indices[start : start + BATCH]] for start in starts)
    return torch.cat([answers(network, pixels, scale) for pixels in some])


def accuracy(network: Network, images: Images, indices: Indices, scale: Pixels = OURS) -> float:
    """The share of `images[indices]` whose largest output is their label (top-1)."""
    found = logits(network, images, indices, scale).argmax(1)
    return (found == torch.from_numpy(images.labels[indices])).double().mean().item()
