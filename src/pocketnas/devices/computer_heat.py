"""How hot a computer is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Heat:
    """How hot a computer is; None where its kernel does not tell.

    Attributes:
        celsius: its hottest sensor's.
        throttled: whether its cores are slowed down for heat or for want of power.
    """

    celsius: float | None
    throttled: bool | None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """What `host_worker.py` has answered."""
        return cls(**state["heat"])

    def is_above(self, celsius: float) -> bool:
        """Whether it slows itself or has reached that temperature."""
        return bool(self.throttled) or (self.celsius or 0) >= celsius

    def __str__(self) -> str:
        words = [] if self.celsius is None else [f"{self.celsius:.1f} °C"]
        return ", ".join(words + ["throttled"] * bool(self.throttled)) or "of unknown temperature"
