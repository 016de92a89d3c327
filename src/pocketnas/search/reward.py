"""Rewards of an accuracy and a latency: MnasNet's, and TuNAS's absolute one.

Sources: 1807.11626, equations 2 and 3; 2008.06120 (its code: `tunas/search_space_utils.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

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
        _check(self.target)

    def __call__(self, accuracy: float, latency: float) -> float:
        """The reward of an accuracy in [0, 1] at a latency in milliseconds."""
        exponent = self.alpha if latency <= self.target else self.beta
        return float(accuracy * (latency / self.target) ** exponent)


@dataclass(frozen=True, slots=True)
class AbsoluteReward:
    """ACC(m) + beta * |LAT(m) / T - 1|, which may be negative.

    Its kink holds a search at the target as long as 1 % more latency buys less accuracy than a
    hundredth of |beta|; where MnasNet's soft reward ends up depends on the space and the data.
    """

    target: float
    beta: float

    def __post_init__(self) -> None:
        _check(self.target)

    def __call__(self, accuracy: float, latency: float) -> float:
        """The reward of an accuracy in [0, 1] at a latency in milliseconds."""
        return float(accuracy + self.beta * abs(latency / self.target - 1))


def soft(target: float, weight: float = -0.07) -> MnasReward:
    """Alpha = beta = -0.07: twice the latency must buy 5 % of relative accuracy (section 3).

    MobileNetV3-Small was searched with -0.15, since in small networks accuracy rises faster with
    latency (1905.02244, section 4.1).
    """
    return MnasReward(target, weight, weight)


def hard(target: float, weight: float = -1.0) -> MnasReward:
    """Alpha = 0, beta = -1: accuracy alone up to the target, a steep price beyond it."""
    return MnasReward(target, 0.0, weight)


def absolute(target: float, weight: float = -0.10) -> AbsoluteReward:
    """TuNAS's: 1 % off the target, on either side, costs a thousandth of accuracy."""
    return AbsoluteReward(target, weight)


REWARDS: Mapping[str, Callable[..., Reward]] = MappingProxyType(
    {"soft": soft, "hard": hard, "absolute": absolute, "pareto": soft}
)
"""By the names that users give. A search for the whole Pareto set records the soft reward."""


def reward_of(name: str, target: float, weight: float | None = None) -> Reward:
    """The reward called `name`, one of `REWARDS`.

    Args:
        name: of the reward.
        target: latency in milliseconds.
        weight: below 0, of the latency instead of the published one: the exponent (of hard the one
            beyond the target), or the factor of the absolute reward.

    Raises:
        StudyError: the target is not above 0.
    """
    return REWARDS[name](target) if weight is None else REWARDS[name](target, weight)


def _check(target: float) -> None:
    if not 0 < target < inf:
        raise StudyError(f"reward: the target latency must be above 0 ms, got {target!r}")
