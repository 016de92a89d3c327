"""Learning rates over a training, as factors of the recipe's peak."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, floor, pi

Factor = Callable[[int], float]
"""The factor at a step, counted from 0."""


@dataclass(frozen=True, slots=True)
class Cosine:
    """Linear from 0 to the peak, then a half cosine to 0 (1608.03983 without restarts).

    `warmup` is a share of the steps.
    """

    warmup: float = 0.2

    def factor(self, steps: int, epochs: int) -> Factor:
        warm = max(1, round(steps * self.warmup))

        def at(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            progress = min(1.0, (step - warm) / max(1, steps - warm))
            return 0.5 * (1 + cos(progress * pi))

        return at

    def stretched(self, by: float) -> "Cosine":
        return self

    def __str__(self) -> str:
        return f"cosine after {self.warmup:.0%} of warm-up"


@dataclass(frozen=True, slots=True)
class Exponential:
    """Linear from 0 to the peak in `warmup` epochs; × `rate` every `every` epochs, in stairs.

    As in TensorFlow's MnasNet and EfficientNet (`utils.py: build_learning_rate`) the stairs count
    from the first step, under the warm-up too.
    """

    rate: float = 0.97
    every: float = 2.4
    warmup: float = 5.0

    def factor(self, steps: int, epochs: int) -> Factor:
        a_epoch = steps / epochs
        warm = self.warmup * a_epoch

        def at(step: int) -> float:
            if step < warm:
                return step / warm
            return float(self.rate ** floor(step / (self.every * a_epoch)))

        return at

    def stretched(self, by: float) -> "Exponential":
        return replace(self, every=self.every * by, warmup=self.warmup * by)

    def __str__(self) -> str:
        warm = f", {self.warmup:g} epochs of warm-up" if self.warmup else ""
        return f"×{self.rate:g} every {self.every:g} epochs{warm}"


@dataclass(frozen=True, slots=True)
class Steps:
    """× `rate` after each of the epochs `at` (1512.03385, section 4.1)."""

    at: tuple[float, ...] = (30, 60, 80)
    rate: float = 0.1

    def factor(self, steps: int, epochs: int) -> Factor:
        a_epoch = steps / epochs
        return lambda step: float(self.rate ** sum(step >= epoch * a_epoch for epoch in self.at))

    def stretched(self, by: float) -> "Steps":
        return replace(self, at=tuple(epoch * by for epoch in self.at))

    def __str__(self) -> str:
        return f"×{self.rate:g} after epochs {', '.join(f'{epoch:g}' for epoch in self.at)}"


Schedule = Cosine | Exponential | Steps
