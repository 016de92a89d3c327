"""The training loop behind proxy trials and final training."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, cast

import torch
from torch import Tensor

from pocketnas.data.draws import seed_of
from pocketnas.data.images import Images, Indices
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.errors import ModelError
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import BatchNorm, Dropout, DropPath, Input
from pocketnas.train.average import Average
from pocketnas.train.batches import Batches
from pocketnas.train.network import Network
from pocketnas.train.ranks import ALONE, Ranks
from pocketnas.train.recipe import Recipe
from pocketnas.train.step import Step, groups, set_rate

LOOK = 100
"""Steps between two looks at the loss within an epoch: a look waits for a GPU."""

Weights = Mapping[str, Any]


class Training:
    """One training, which can be left after any step and go on as if it had never stopped.

    On one thread of one machine the result depends on the arguments alone.

    Args:
        graph: the architecture's.
        images: the data set.
        indices: the images to train on.
        recipe: how.
        seed: of the weights, the order and the augmentation.
        device: a torch device.
        weights: to begin with, instead of new ones.
        training_graph: with what only training needs: drop path, an auxiliary head.
        scale: of the network's input.
        precision: of the products on a GPU.
        parts: a batch goes through the network in so many.
        record: whether a GPU may replay its steps as a graph.
        ranks: processes that train it together, of which this is one.

    Attributes:
        network: as far as it is trained.
        step: how many steps it has made.
        loss: mean of the latest epoch.
        batches: where the images come from.
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
        weights: Weights | None = None,
        training_graph: Graph | None = None,
        scale: Pixels = OURS,
        precision: torch.dtype = torch.float32,
        parts: int = 1,
        record: bool = True,
        ranks: Ranks = ALONE,
    ) -> None:
        self._ranks = ranks
        self._graph, self._recipe, self._seed = graph, recipe, seed
        self._device = torch.device(device)
        side = cast(Input, graph.nodes[0].op).shape[0]
        self.batches = Batches(
            *(images, indices, recipe),
            side=side,
            seed=seed,
            device=device,
            scale=scale,
            ranks=ranks,
        )
        steps = self.batches.steps * recipe.epochs
        self.network = Network(prepared(training_graph or graph, recipe, steps), seed)
        if weights is not None:
            self.network.load_state_dict(
                self.network.state_dict() | {key: torch.tensor(weights[key]) for key in weights}
            )
        self.network.to(self._device)
        self.step = 0
        self.loss = float("nan")
        self._average = Average(self.network, recipe.average) if recipe.average else None
        on_gpu = self._device.type == "cuda"
        rate = torch.zeros((), device=self._device) if on_gpu else recipe.learning_rate
        self._optimizer = recipe.optimizer.over(groups(self.network, recipe), rate)
        self._factor = recipe.schedule.factor(steps, recipe.epochs)
        self._do = Step(
            self.network,
            self._optimizer,
            recipe,
            precision=precision,
            average=self._average,
            parts=parts,
            record=record,
            ranks=ranks,
        )
        self._losses: list[Tensor] = []

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self.step // self.batches.steps

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._recipe.learning_rate * self._factor(self.step)

    @property
    def parts(self) -> int:
        """In how many parts a batch goes through the network."""
        return self._do.parts

    def run(
        self,
        until: int,
        watch: Callable[[int, float], None] | None = None,
        after_step: Callable[[], None] | None = None,
    ) -> Network:
        """Goes on until `until` epochs of the recipe's are done, and gives the result.

        The learning rate follows the whole recipe, wherever the training stops on its way.

        Args:
            until: a number of epochs, counted from the beginning.
            watch: called after each epoch with its number, from 1, and its mean loss.
            after_step: called after each step.

        Raises:
            ModelError: the loss became infinite or not a number; or not even one image has room
                in the device's memory.
        """
        self.network.train()
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices):  # dropout and drop path draw from torch's own state
            while True:
                if self._losses and self.step % self.batches.steps == 0:
                    self.loss = float(torch.stack(self._losses).mean())
                    self._losses.clear()
                    _check(self.loss, self.epoch)
                    if watch:
                        watch(self.epoch, self.loss)
                if self.epoch >= until:
                    break
                self._one_epoch(after_step)
        return self.result()

    def result(self) -> Network:
        """The network as it stands, or the average of its steps; without what only trains."""
        source = self.network if self._average is None else self._average.network
        found = Network(self._graph).to(self._device)
        values = source.state_dict()
        found.load_state_dict({key: values[key] for key in found.state_dict()})
        return found.eval()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs: tensors and plain values, for `torch.save`."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "losses": list(self._losses),
            **({"average": self._average.state()} if self._average else {}),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` returned in a training with the same arguments.

        Raises:
            ModelError: the state is of another network.
        """
        try:
            self.network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            for group in self._optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"] = group["lr"].to(self._device)
            if self._average:
                self._average.restore(**state["average"])
            self._losses = [loss.to(self._device) for loss in state["losses"]]
            self.step = int(state["step"])
        except (KeyError, ValueError, RuntimeError, TypeError):
            raise ModelError("the stored training is of another network or recipe") from None
        self._do.forget()

    def _one_epoch(self, after_step: Callable[[], None] | None) -> None:
        epoch, first = divmod(self.step, self.batches.steps)
        for x, labels in self.batches.epoch(epoch, first):
            self._schedule()
            self._losses.append(self._with_room(x, labels))
            self.step += 1
            if self.step % LOOK == 0:
                _check(float(self._losses[-1]), epoch + 1)
            if after_step:
                after_step()

    def _schedule(self) -> None:
        """All that depends on the step alone."""
        set_rate(self._optimizer, self.rate)
        if self._recipe.drop_path and self._recipe.path_schedule != "depth":
            self.network.schedule_drop_path(
                (self.step + 1) / (self.batches.steps * self._recipe.epochs)
            )
        torch.manual_seed(seed_of(self._seed, self.step) + self._ranks.rank)

    def _with_room(self, x: Tensor, labels: Tensor) -> Tensor:
        """A step; where memory is short, in twice as many parts from now on."""
        while True:
            try:
                return self._do(x, labels)
            except torch.OutOfMemoryError:
                if 2 * self._do.parts > len(x) or self._ranks.size > 1:  # all would have to
                    raise ModelError(
                        f"{self._device} has too little memory for even {len(x) // self._do.parts}"
                        " of these images at once; a smaller --resolution, or more --parts with"
                        " several devices, would help"
                    ) from None
            self._do.parts *= 2
            self._do.forget()
            self._optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()


def _check(loss: float, epoch: int) -> None:
    """The NaN guard."""
    if not isfinite(loss):
        raise ModelError(f"the training diverged in epoch {epoch}: its loss is {loss}")


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


def prepared(graph: Graph, recipe: Recipe, steps: int) -> Graph:
    """The same graph with the recipe's batch norm, dropout and drop path.

    Args:
        graph: of the training.
        recipe: its numbers.
        steps: of the whole training. Batch norm remembers a tenth of them at most: running
            statistics that still know the initial weights would spoil the result.
    """
    momentum = min(recipe.norm_momentum, max(0.9, 1 - 10 / steps))
    rates = [node.op.rate for node in graph.nodes if isinstance(node.op, DropPath)]
    deepest = max(rates, default=0.0)

    def changed(node: Node) -> Node:
        match node.op:
            case BatchNorm():
                return replace(node, op=replace(node.op, momentum=momentum))
            case Dropout() if recipe.dropout is not None:
                return replace(node, op=Dropout(recipe.dropout))
            case DropPath() if recipe.path_schedule == "time":
                return replace(node, op=DropPath(deepest))
            case _:
                return node

    return Graph(tuple(map(changed, graph.nodes)), graph.outputs)
