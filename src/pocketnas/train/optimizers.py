"""What turns gradients into steps: torch's own, and RMSProp as TensorFlow has it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Groups = Iterable[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sgd:
    """With Nesterov's momentum unless told otherwise."""

    momentum: float = 0.9
    nesterov: bool = True

    def over(self, groups: Groups, rate: float | Tensor) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            groups, rate, self.momentum, nesterov=self.nesterov and self.momentum > 0, fused=True
        )

    def __str__(self) -> str:
        return f"SGD, {'Nesterov ' if self.nesterov else ''}momentum {self.momentum:g}"


@dataclass(frozen=True, slots=True)
class RmsProp:
    """TensorFlow's (`tf.train.RMSPropOptimizer`), which all the mobile papers use."""

    decay: float = 0.9
    momentum: float = 0.9
    epsilon: float = 1e-3

    def over(self, groups: Groups, rate: float | Tensor) -> torch.optim.Optimizer:
        return TensorFlowRmsProp(groups, rate, self.decay, self.momentum, self.epsilon)

    def __str__(self) -> str:
        return f"RMSProp {self.decay:g}, momentum {self.momentum:g}, epsilon {self.epsilon:g}"


@dataclass(frozen=True, slots=True)
class AdamW:
    """Adam with decoupled weight decay (1711.05101)."""

    betas: tuple[float, float] = (0.9, 0.999)

    def over(self, groups: Groups, rate: float | Tensor) -> torch.optim.Optimizer:
        # A rate in a tensor is one that a recorded step reads; its count of steps has to be, too.
        recorded = isinstance(rate, Tensor) and rate.is_cuda
        return torch.optim.AdamW(groups, rate, self.betas, fused=True, capturable=recorded)

    def __str__(self) -> str:
        return f"AdamW {self.betas[0]:g}, {self.betas[1]:g}"


Optimizer = Sgd | RmsProp | AdamW


class TensorFlowRmsProp(torch.optim.Optimizer):
    """RMSProp with TensorFlow's three differences from torch's.

    The mean square begins at 1, epsilon stands under the root, and the learning rate enters the
    momentum, so that a change of the rate does not change the steps under way:

        square = decay * square + (1 - decay) * g^2
        moved = momentum * moved + rate * g / sqrt(square + epsilon)
        weight = weight - moved

    The weight decay is that of an L2 loss: it is added to g.
    """

    def __init__(
        self,
        groups: Groups,
        lr: float | Tensor,
        decay: float,
        momentum: float,
        epsilon: float,
        weight_decay: float = 0.0,
    ) -> None:
        settings = {"decay": decay, "momentum": momentum, "epsilon": epsilon}
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, **settings})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of all weights that have a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients: Any = [weight.grad for weight in weights]
            squares, moved = zip(*map(self._memory, weights), strict=True)
            if group["weight_decay"]:
                gradients = torch._foreach_add(gradients, weights, alpha=group["weight_decay"])
            torch._foreach_mul_(squares, group["decay"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["decay"])
            roots = torch._foreach_add(squares, group["epsilon"])
            torch._foreach_sqrt_(roots)
            steps = torch._foreach_div(gradients, roots)
            torch._foreach_mul_(steps, group["lr"])
            torch._foreach_mul_(moved, group["momentum"])
            torch._foreach_add_(moved, steps)
            torch._foreach_sub_(weights, moved)

    def _memory(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        state = self.state[weight]
        if not state:
            state["square"], state["moved"] = torch.ones_like(weight), torch.zeros_like(weight)
        return state["square"], state["moved"]
