"""Proximal policy optimization of the controller (1707.06347, equation 7).

Published for NASNet and MnasNet: learning rate, entropy weight, baseline, batch of 20. Not
published: the clip and the epochs a batch; ours are 0.2 (1707.06347, section 6.1) and 4.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from pocketnas.errors import StudyError
from pocketnas.search.controller import Controller, one_thread
from pocketnas.search.searcher import Result
from pocketnas.spaces.space import Decision, Genotype


@dataclass(frozen=True, slots=True)
class PPOConfig:
    """Hyper-parameters; those of 1707.07012, appendix A.2, unless said otherwise."""

    learning_rate: float = 3.5e-4
    entropy_weight: float = 1e-5
    baseline_decay: float = 0.95  # of the exponential moving average of the rewards
    clip: float = 0.2  # not published
    epochs: int = 4  # passes over each batch; not published


REINFORCE = PPOConfig(epochs=1)
"""Plain REINFORCE with a baseline (Williams 1992; 1611.01578, section 3.2), as PPO's special case.

In the first pass over a batch every ratio is 1: nothing is clipped, and the ratio's gradient is
that of the log-probability. So one pass a batch is REINFORCE's step.
"""


class PPO:
    """The controller as a searcher; REINFORCE with the config of that name.

    Attributes:
        baseline: the moving average of the rewards; None before the first.
        entropy: of the distribution that the last batch was drawn from, in nats: the logarithm of
            how many genotypes the controller still chooses among.
    """

    def __init__(
        self, decisions: Sequence[Decision], *, seed: int = 0, config: PPOConfig | None = None
    ) -> None:
        self.config = config or PPOConfig()
        self.controller = Controller([len(decision.options) for decision in decisions], seed=seed)
        self.baseline: float | None = None
        self.entropy: float | None = None
        self._optimizer = torch.optim.Adam(
            self.controller.parameters(), lr=self.config.learning_rate
        )
        self._seed = seed
        self._updates = 0

    @one_thread()
    def ask(self, n: int) -> list[Genotype]:
        # A draw depends on (seed, update), never on a generator's history: replay is exact. Both
        # are hashed into 32 bits, all that torch's generator takes of a seed.
        seed = random.Random(f"{self._seed}:{self._updates}").getrandbits(32)
        generator = torch.Generator().manual_seed(seed)
        return [tuple(row) for row in self.controller.sample(n, generator).tolist()]

    @one_thread()
    def tell(self, results: Sequence[Result]) -> None:
        self._updates += 1
        if not results:
            return
        genotypes = torch.tensor([result.genotype for result in results])
        # What failed earns nothing, so that the controller learns to avoid it; where rewards may be
        # negative, as little as the worst of its batch.
        least = min([0.0, *(result.reward or 0.0 for result in results)])
        rewards = torch.tensor([least if r.reward is None else r.reward for r in results])
        if self.baseline is None:
            self.baseline = rewards.mean().item()
        advantages = rewards - self.baseline
        with torch.no_grad():
            sampled, entropy = self.controller.log_probs(genotypes)
            self.entropy = entropy.mean().item()
        for _ in range(self.config.epochs):
            log_probs, entropy = self.controller.log_probs(genotypes)
            ratio = (log_probs - sampled).exp()
            clipped = ratio.clamp(1 - self.config.clip, 1 + self.config.clip)
            objective = torch.minimum(ratio * advantages, clipped * advantages)
            loss = -(objective + self.config.entropy_weight * entropy).mean()
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
        decay = self.config.baseline_decay
        for reward in rewards.tolist():
            self.baseline = decay * self.baseline + (1 - decay) * reward

    def state(self) -> bytes:
        tensors = {f"controller.{name}": w for name, w in self.controller.state_dict().items()}
        for index, moments in self._optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
        tensors["seed"] = torch.tensor(self._seed)
        tensors["updates"] = torch.tensor(self._updates)
        if self.baseline is not None:
            tensors["baseline"] = torch.tensor(self.baseline, dtype=torch.float64)
        packed: bytes = save(tensors)
        return packed

    def restore(self, state: bytes) -> None:
        try:
            tensors = load(state)
            self._seed = int(tensors.pop("seed"))
            self._updates = int(tensors.pop("updates"))
            baseline = tensors.pop("baseline", None)
            self.baseline = None if baseline is None else float(baseline)
            weights: dict[str, torch.Tensor] = {}
            moments: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in tensors.items():
                part, _, name = key.partition(".")
                if part == "controller":
                    weights[name] = value
                else:
                    index, _, moment = name.partition(".")
                    moments.setdefault(int(index), {})[moment] = value
            self.controller.load_state_dict(weights)
        except (SafetensorError, KeyError, ValueError, RuntimeError):
            raise StudyError("ppo: the stored state is of another searcher or space") from None
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
