"""What a network answers, and how often it is right."""

from typing import cast

import torch
from torch import Tensor

from pocketnas.data.images import Images, Indices
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.graph.ops import Input
from pocketnas.train.augment import centre, normalized
from pocketnas.train.network import Network

BATCH = 256


@torch.no_grad()
def logits(
    network: Network,
    images: Images,
    indices: Indices,
    device: str = "cpu",
    scale: Pixels = OURS,
) -> Tensor:
    """The network's outputs for the middle of `images[indices]`, (N, classes) on the CPU."""
    network.eval()
    side = cast(Input, network.graph.nodes[0].op).shape[0]
    found = []
    for start in range(0, len(indices), BATCH):
        pixels = torch.tensor(images.pixels[indices[start : start + BATCH]], device=device)
        x = normalized(centre(pixels, side).permute(0, 3, 1, 2).float(), scale)
        found.append(network(x).float().cpu())
    return torch.cat(found)


def accuracy(
    network: Network,
    images: Images,
    indices: Indices,
    device: str = "cpu",
    scale: Pixels = OURS,
) -> float:
    """The share of `images[indices]` whose largest output is their label (top-1)."""
    found = logits(network, images, indices, device, scale).argmax(1)
    return (found == torch.from_numpy(images.labels[indices])).double().mean().item()
