"""The multi-objective reward of MnasNet (1807.11626, equations 2 and 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from pocketnas.errors import StudyError

Reward = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class MnasReward:
    """ACC(m) * (LAT(m) / T)^w, with w = `alpha` up to the target and `beta` beyond it.

    `target` is T, in the unit of the latencies that it is called with (milliseconds).
    """

    target: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not 0 < self.target < inf:
            raise StudyError(f"reward: the target latency must be above 0 ms, got {self.target!r}")

    def __call__(self, accuracy: float, latency: float) -> float:
        """The reward of an accuracy in [0, 1] at a latency in milliseconds."""
        exponent = self.alpha if latency <= self.target else self.beta
        return float(accuracy * (latency / self.target) ** exponent)


def soft(target: float) -> MnasReward:
    """Alpha = beta = -0.07: twice the latency must buy 5 % of relative accuracy (section 3)."""
    return MnasReward(target, -0.07, -0.07)


def hard(target: float) -> MnasReward:
    """Alpha = 0, beta = -1: accuracy alone up to the target, a steep price beyond it."""
    return MnasReward(target, 0.0, -1.0)
