"""The training loop behind proxy trials and final training, and the accuracy of a network."""

from collections.abc import Callable
from dataclasses import replace
from math import cos, isfinite, pi

import torch
import torch.nn.functional as F
from torch import Tensor

from pocketnas.errors import ModelError
from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import BatchNorm
from pocketnas.train.augment import augment, to_input
from pocketnas.train.images import Images, Indices
from pocketnas.train.network import Network
from pocketnas.train.recipe import Recipe

EVALUATION_BATCH = 256


def train(
    graph: Graph,
    images: Images,
    indices: Indices,
    recipe: Recipe,
    *,
    seed: int,
    device: str = "cpu",
    watch: Callable[[int, float], None] | None = None,
) -> Network:
    """Trains a new network on `images[indices]`.

    On one thread of one machine the result depends on the arguments alone.

    Args:
        graph: the architecture's.
        images: the data set.
        indices: the images to train on.
        recipe: how.
        seed: of the weights, the order and the augmentation.
        device: a torch device.
        watch: called after each epoch with its number, from 1, and its mean loss.

    Raises:
        ModelError: the loss became infinite or not a number.
    """
    network = Network(_with_norm_momentum(graph, recipe.norm_momentum), seed).to(device)
    generator = torch.Generator().manual_seed(seed)
    batch = min(recipe.batch, len(indices))
    steps = len(indices) // batch * recipe.epochs
    optimizer = _optimizer(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_cosine(steps, recipe.warmup))
    network.train()
    with torch.random.fork_rng():  # dropout draws from torch's own state
        torch.manual_seed(seed)
        for epoch in range(recipe.epochs):
            order = torch.randperm(len(indices), generator=generator).numpy()
            total = 0.0
            for start in range(0, len(indices) - batch + 1, batch):
                chosen = indices[order[start : start + batch]]
                x = augment(
                    to_input(images.pixels[chosen], device), recipe.shift, recipe.flip, generator
                )
                loss = _step(network, optimizer, x, torch.from_numpy(images.labels[chosen]), recipe)
                schedule.step()
                total += loss
            mean = total / (len(indices) // batch)
            if not isfinite(mean):
                raise ModelError(f"the training diverged in epoch {epoch + 1}: its loss is {mean}")
            if watch:
                watch(epoch + 1, mean)
    return network.eval()


@torch.no_grad()
def logits(network: Network, images: Images, indices: Indices, device: str = "cpu") -> Tensor:
    """The network's outputs for `images[indices]`, (N, classes) on the CPU."""
    network.eval()
    found = [
        network(to_input(images.pixels[indices[start : start + EVALUATION_BATCH]], device)).cpu()
        for start in range(0, len(indices), EVALUATION_BATCH)
    ]
    return torch.cat(found)


def accuracy(network: Network, images: Images, indices: Indices, device: str = "cpu") -> float:
    """The share of `images[indices]` whose largest output is their label (top-1)."""
    found = logits(network, images, indices, device).argmax(1)
    return (found == torch.from_numpy(images.labels[indices])).double().mean().item()


def _step(
    network: Network, optimizer: torch.optim.Optimizer, x: Tensor, labels: Tensor, recipe: Recipe
) -> float:
    loss = F.cross_entropy(network(x), labels.to(x.device), label_smoothing=recipe.label_smoothing)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item()


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    others = [weight for weight in network.parameters() if weight.ndim <= 1]
    return torch.optim.SGD(
        [
            {"params": decayed, "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
    )


def _warm_cosine(steps: int, warmup: float) -> Callable[[int], float]:
    """The learning rate's factor at each step: linear from 0 to 1, then a half cosine to 0."""
    warm = max(1, round(steps * warmup))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        progress = min(1.0, (step - warm) / max(1, steps - warm))
        return 0.5 * (1 + cos(progress * pi))

    return factor


def _with_norm_momentum(graph: Graph, momentum: float) -> Graph:
    """The same graph, whose batch norms keep `momentum` of their statistics a step."""
    nodes = (
        replace(node, op=replace(node.op, momentum=momentum))
        if isinstance(node.op, BatchNorm)
        else node
        for node in graph.nodes
    )
    return Graph(tuple(nodes), graph.outputs)
