"""The settings of `pocketnas adapt`, one frozen value."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pocketnas.errors import SettingError, StudyError
from pocketnas.netadapt.changes import KINDS
from pocketnas.run.config import ENDS, RunConfig
from pocketnas.run.device import HOST, check_device
from pocketnas.train.recipes import recipe

CHOICES = ("ratio", "accuracy")


@dataclass(frozen=True, slots=True)
class AdaptConfig:
    """What to shrink, to which latency, how carefully.

    Raises:
        SettingError: one sentence with the setting, its value and what is allowed.
    """

    network: str
    data: str | None = None  # None: the run's own
    weights: str | None = None  # None: the run's own
    share: float | None = None  # of the start's latency
    target_ms: float | None = None
    step: float = 0.01  # least share of the start's latency that a step saves
    decay: float = 0.98  # of it, from step to step
    choose: str = "ratio"  # MobileNetV3's; accuracy is NetAdapt's
    also: tuple[str, ...] = ()  # further proposals than narrower layers
    tune_steps: int = 30  # of each proposal's short training
    batch: int = 64
    learning_rate: float = 0.01
    then: str = "finetune"
    epochs: int | None = None  # of the training in the end; None: as its recipe has it
    recipe: str | None = None  # None: finetune, or fast from scratch
    hold_out: float = 0.2  # share of each class that is only tested on
    device: str = HOST
    benchmark_model: str | None = None
    threads: int = 1
    table_s: float = 60.0  # for the latency table
    measure_s: float = 3.0  # for each network on the path
    workers: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.share is None) == (self.target_ms is None):
            raise SettingError("needs either --to, a share of the start's latency, or --target-ms")
        for name in ("share", "step", "decay", "hold_out"):
            value = getattr(self, name)
            most = 1 if name == "decay" else 1 - 1e-9
            if value is not None and not 0 < value <= most:
                raise SettingError(f"{name} must be between 0 and 1, got {value}")
        for name in ("target_ms", "learning_rate", "table_s", "measure_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingError(f"{name} must be above 0, got {value}")
        for name, least in (
            *(("tune_steps", 1), ("batch", 2), ("epochs", 1)),
            *(("threads", 1), ("workers", 1), ("seed", 0)),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise SettingError(f"{name} must be at least {least}, got {value}")
        for name, allowed in (("choose", CHOICES), ("then", ENDS)):
            if getattr(self, name) not in allowed:
                raise SettingError(
                    f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}"
                )
        if unknown := [kind for kind in self.also if kind not in KINDS]:
            raise SettingError(f"--also must be of {', '.join(KINDS)}; got {unknown[0]!r}")
        check_device(self.device, self.benchmark_model)
        if self.recipe is not None:
            recipe(self.recipe)

    def to_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "AdaptConfig":
        """From `to_dict`.

        Raises:
            StudyError: it is not from there.
        """
        try:
            return cls(**{**values, "also": tuple(values["also"])})
        except (TypeError, KeyError) as error:
            raise StudyError(f"the stored settings are of another version ({error})") from None


def after_search(config: RunConfig, folder: Path) -> AdaptConfig:
    """How the winner in a search's run folder is shrunk in the end."""
    care = config.measure_seconds or 1.0
    return AdaptConfig(
        network=str(folder),
        share=config.adapt,
        then=config.then,
        epochs=config.final_epochs,
        device=config.device,
        benchmark_model=config.benchmark_model,
        threads=config.threads,
        table_s=60.0 * care,
        measure_s=3.0 * care,
        seed=config.seed,
        workers=config.workers or os.cpu_count() or 1,
    )
