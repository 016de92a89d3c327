"""The exponential moving average of a network's weights and running statistics."""

import copy

import torch
from torch import Tensor

from pocketnas.train.network import Network


class Average:
    """A second network that follows the first (TensorFlow's `ExponentialMovingAverage`).

    After step t it keeps min(decay, (1 + t) / (10 + t)) of itself, so that it forgets the initial
    weights of a short training too.

    Args:
        network: is followed.
        decay: of a long training.

    Attributes:
        network: the average.
        steps: how many it has seen, a tensor on the network's device.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.steps = torch.zeros((), device=next(network.parameters()).device)
        self._decay = decay
        self._followed = list(network.state_dict().values())
        self._own = list(self.network.state_dict().values())

    @torch.no_grad()
    def move(self) -> None:
        """Follows one step."""
        self.steps += 1
        kept = ((1 + self.steps) / (10 + self.steps)).clamp(max=self._decay)
        differences = torch._foreach_sub(self._followed, self._own)
        torch._foreach_mul_(differences, 1 - kept)
        torch._foreach_add_(self._own, differences)

    def state(self) -> dict[str, object]:
        """For a checkpoint."""
        return {"network": self.network.state_dict(), "steps": self.steps}

    def restore(self, network: dict[str, Tensor], steps: Tensor) -> None:
        """From `state`."""
        self.network.load_state_dict(network)
        self.steps.copy_(steps)
