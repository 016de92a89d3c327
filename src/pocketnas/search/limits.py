"""Limits on further costs beside the latency: a size, a memory, a second device.

A limit is the latency's part of MnasNet's reward (1807.11626, equation 2) once more, for another
cost: a factor (COST(m) / most)^w. All factors multiply the *accuracy* before it is rewarded. For
MnasNet's rewards that is the same as to multiply the reward; for the absolute one, which can be
negative, it keeps a broken limit from ever being rewarded.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan, prod
from types import MappingProxyType
from typing import Self

from pocketnas.errors import SettingError, StudyError

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "size": "KiB",
        "int8_size": "KiB",
        "memory": "KiB",
        "madds": "M",
        "parameters": "k",
        "int8": "ms",
        "threads2": "ms",
        "threads4": "ms",
        "second": "ms",
    }
)
"""The costs that a run can limit, and their units; `pocketnas.run.costs` computes them."""

_SOFT = -0.07  # the soft reward's exponent
_TEXT = re.compile(r"\s*(\w+)\s*(<=|~)\s*([0-9.eE+-]+)\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """The factor (cost / `most`)^w, with w = `alpha` up to `most` and `beta` beyond it.

    As it stands, a hard limit: nothing to gain below it, and a steep price above.

    Raises:
        SettingError: `most` is not above 0.
    """

    cost: str
    most: float
    alpha: float = 0.0
    beta: float = -1.0

    def __post_init__(self) -> None:
        if not 0 < self.most < inf:
            raise SettingError(f"limit: {self.cost} needs a number above 0, got {self.most}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """`size<=500` is a hard limit; `size~500` trades the cost for accuracy on either side.

        Raises:
            SettingError: the text is neither, or names no cost of `UNITS`.
        """
        found = _TEXT.fullmatch(text)
        try:
            cost, sign, most = found.groups() if found else ("", "", "")
            number = float(most)
        except ValueError:
            raise SettingError(
                f"limit {text!r}: must be a cost, <= or ~, and a number, as in size<=500"
            ) from None
        if cost not in UNITS:
            raise SettingError(f"limit {text!r}: the cost must be one of {', '.join(UNITS)}")
        return cls(cost, number, _SOFT, _SOFT) if sign == "~" else cls(cost, number)

    @property
    def is_hard(self) -> bool:
        """Whether less than `most` gains nothing."""
        return self.alpha == 0

    def __call__(self, cost: float) -> float:
        """The factor for a cost; NaN, which fails a trial, for one that is not above 0."""
        if not cost > 0:
            return nan
        return float((cost / self.most) ** (self.alpha if cost <= self.most else self.beta))


@dataclass(frozen=True, slots=True)
class Limits:
    """Any number of limits, also none."""

    limits: tuple[Limit, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """One limit a text.

        Raises:
            SettingError: as `Limit.parse`.
        """
        return cls(tuple(map(Limit.parse, texts)))

    @property
    def costs(self) -> tuple[str, ...]:
        """The names of the costs that are limited, each once."""
        return tuple(dict.fromkeys(limit.cost for limit in self.limits))

    def __call__(self, costs: Mapping[str, float]) -> float:
        """The factor for the accuracy of a network with these costs.

        Raises:
            StudyError: a limited cost is not among them.
        """
        for name in self.costs:
            if name not in costs:
                raise StudyError(
                    f"limits: the evaluation gave no cost {name!r}; it gave"
                    f" {', '.join(costs) or 'none'}"
                )
        return prod(limit(costs[limit.cost]) for limit in self.limits)
