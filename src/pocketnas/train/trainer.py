"""The training loop behind proxy trials and final training, and the accuracy of a network."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import cos, isfinite, pi
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pocketnas.data.images import Images, Indices
from pocketnas.errors import ModelError
from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import BatchNorm
from pocketnas.train.augment import augment, to_input
from pocketnas.train.network import Network
from pocketnas.train.recipe import Recipe

EVALUATION_BATCH = 256


class Training:
    """One training, which can be left after any epoch and go on as if it had never stopped.

    On one thread of one machine the result depends on the arguments alone.

    Args:
        graph: the architecture's.
        images: the data set.
        indices: the images to train on.
        recipe: how.
        seed: of the weights, the order and the augmentation.
        device: a torch device.

    Attributes:
        network: as far as it is trained.
        epoch: how many epochs it has seen.
    """

    def __init__(
        self,
        graph: Graph,
        images: Images,
        indices: Indices,
        recipe: Recipe,
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        self.network = Network(_with_norm_momentum(graph, recipe.norm_momentum), seed).to(device)
        self.epoch = 0
        self._images, self._indices, self._recipe = images, indices, recipe
        self._device = device
        self._optimizer = _optimizer(self.network, recipe)
        self._generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._dropout = self._drawing()

    def run(self, until: int, watch: Callable[[int, float], None] | None = None) -> Network:
        """Goes on until `until` epochs of the recipe's are done.

        The learning rate follows the whole recipe, wherever the training stops on its way.

        Args:
            until: a number of epochs, counted from the beginning.
            watch: called after each epoch with its number, from 1, and its mean loss.

        Raises:
            ModelError: the loss became infinite or not a number.
        """
        self.network.train()
        with torch.random.fork_rng():  # dropout draws from torch's own state
            self._draw_from(self._dropout)
            while self.epoch < until:
                mean = self._one_epoch()
                self.epoch += 1
                if not isfinite(mean):
                    raise ModelError(
                        f"the training diverged in epoch {self.epoch}: its loss is {mean}"
                    )
                if watch:
                    watch(self.epoch, mean)
            self._dropout = self._drawing()
        return self.network.eval()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs: tensors and plain values, for `torch.save`."""
        return {
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "order": self._generator.get_state(),
            "dropout": self._dropout,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` returned in a training with the same arguments.

        Raises:
            ModelError: the state is of another network.
        """
        try:
            self.network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._generator.set_state(state["order"])
            self._dropout = list(state["dropout"])
            self.epoch = int(state["epoch"])
        except (KeyError, ValueError, RuntimeError, TypeError):
            raise ModelError("the stored training is of another network or recipe") from None

    def _one_epoch(self) -> float:
        """Its mean loss."""
        recipe, pixels, labels = self._recipe, self._images.pixels, self._images.labels
        batch = min(recipe.batch, len(self._indices))
        steps = len(self._indices) // batch
        factor = _warm_cosine(steps * recipe.epochs, recipe.warmup)
        order = torch.randperm(len(self._indices), generator=self._generator).numpy()
        total = 0.0
        for step in range(steps):
            for group in self._optimizer.param_groups:
                group["lr"] = recipe.learning_rate * factor(self.epoch * steps + step)
            chosen = self._indices[order[step * batch : (step + 1) * batch]]
            x = to_input(pixels[chosen], self._device)
            x = augment(x, recipe.shift, recipe.flip, self._generator)
            total += _step(
                self.network, self._optimizer, x, torch.from_numpy(labels[chosen]), recipe
            )
        return total / steps

    def _drawing(self) -> list[Tensor]:
        """The state of torch's own generators: the processor's and, if it trains, the GPU's."""
        on_gpu = torch.device(self._device).type == "cuda"
        return [
            torch.get_rng_state(),
            *([torch.cuda.get_rng_state(self._device)] if on_gpu else []),
        ]

    def _draw_from(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        for state in states[1:]:
            torch.cuda.set_rng_state(state, self._device)


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
    """Trains a new network on `images[indices]`: a `Training` from beginning to end.

    Raises:
        ModelError: the loss became infinite or not a number.
    """
    training = Training(graph, images, indices, recipe, seed=seed, device=device)
    return training.run(recipe.epochs, watch)


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
