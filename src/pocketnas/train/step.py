"""One step of training: forward, loss, backward, weights. On a GPU it is recorded once."""

from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pocketnas.train.average import Average
from pocketnas.train.network import Network
from pocketnas.train.ranks import ALONE, Ranks
from pocketnas.train.recipe import Recipe

WARM = 5
"""Steps on a GPU before it is recorded: libraries choose their kernels, memories are made."""


class Step:
    """Trains `network` by one batch at a time.

    Args:
        network: is changed.
        optimizer: over its weights.
        recipe: how.
        precision: of the products on a GPU; the weights stay float32.
        average: is moved after each step.
        parts: the batch goes through the network in so many, to save memory.
        record: on a GPU, whether to replay steps of one shape as a CUDA graph: a small network's
            step is hundreds of kernels of some microseconds each, and launching them takes longer.
        ranks: share the batch; their steps are not recorded, as messages among them would be.
    """

    def __init__(
        self,
        network: Network,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        *,
        precision: torch.dtype = torch.float32,
        average: Average | None = None,
        parts: int = 1,
        record: bool = True,
        ranks: Ranks = ALONE,
    ) -> None:
        self._ranks = ranks
        self._network, self._optimizer, self._recipe = network, optimizer, recipe
        self._precision, self._average, self.parts = precision, average, parts
        self._scaler = torch.amp.GradScaler("cuda", enabled=precision == torch.float16)
        weight = next(network.parameters())
        self._device = weight.device
        # The scaler of float16 looks at its gradients on the processor, which no graph can hold.
        self._record = record and self._device.type == "cuda" and precision != torch.float16
        self._record &= ranks.size == 1
        self._graph: torch.cuda.CUDAGraph | None = None
        self._done = 0
        self._held: tuple[Tensor, Tensor, Tensor] | None = None  # input, labels, loss of the graph

    def __call__(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of this batch before the step, a scalar on the device."""
        self._done += 1
        if not self._record:
            return self._run(x, labels)
        if self._done <= WARM:
            return self._aside(x, labels)
        if self._graph is None:
            self._held = x.clone(), labels.clone(), x.new_zeros(())
            self._optimizer.zero_grad(set_to_none=True)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._held[2].copy_(self._run(*self._held[:2]))
        assert self._held is not None
        if x.shape != self._held[0].shape:
            return self._run(x, labels)
        self._held[0].copy_(x)
        self._held[1].copy_(labels)
        self._graph.replay()
        return self._held[2].clone()

    def forget(self) -> None:
        """Records anew: after the batch's parts or the weights' tensors have changed."""
        self._graph, self._held, self._done = None, None, 0

    def _aside(self, x: Tensor, labels: Tensor) -> Tensor:
        """On a stream of its own, as the steps before a recording have to be."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            loss = self._run(x, labels)
        torch.cuda.current_stream().wait_stream(stream)
        return loss

    def _run(self, x: Tensor, labels: Tensor) -> Tensor:
        self._optimizer.zero_grad(set_to_none=True)
        total = x.new_zeros(())
        for part, its_labels in zip(x.chunk(self.parts), labels.chunk(self.parts), strict=True):
            loss = self._loss(part, its_labels) * (len(part) / len(x) / self._ranks.size)
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        gradients = [w.grad for w in self._network.parameters() if w.grad is not None]
        self._ranks.sum([*gradients, total])
        if self._recipe.clip is not None:
            self._scaler.unscale_(self._optimizer)
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._recipe.clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.move()
        return total

    def _loss(self, x: Tensor, labels: Tensor) -> Tensor:
        low = self._precision != torch.float32
        with torch.autocast(x.device.type, self._precision) if low else nullcontext():
            outputs: Any = self._network(x)
        main, *others = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = self._cross_entropy(main, labels)
        for other in others:
            loss = loss + self._recipe.auxiliary * self._cross_entropy(other, labels)
        return loss

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.float(), labels, label_smoothing=self._recipe.label_smoothing)


def groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """The weights that decay and those that do not, for an optimizer; batch norm's never do."""
    norms = set(map(id, network.norm_parameters()))
    decayed: list[Tensor] = []
    others: list[Tensor] = []
    for weight in network.parameters():
        spared = id(weight) in norms or (weight.ndim == 1 and not recipe.decay_biases)
        (others if spared else decayed).append(weight)
    return [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of all weights, in place where it is a tensor that a graph reads."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
