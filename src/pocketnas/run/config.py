"""The settings of a run, one frozen value; the command line is generated from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pocketnas.errors import SettingError, StudyError
from pocketnas.run.device import HOST, check_device
from pocketnas.search.limits import Limits
from pocketnas.search.reward import REWARDS

ENDS = ("finetune", "scratch")
"""What follows an adaptation."""

SEARCHERS = ("guided", "ppo", "reinforce", "evolution", "random")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What to search, where to measure, how long; None means: chosen from the images.

    Raises:
        SettingError: one sentence with the setting, its value and what is allowed.
    """

    data: str = "mnist5k"  # or a folder or .zip of class folders
    space: str = "mnasnet"  # a name of pocketnas.spaces.SPACES, or file.py:function
    resolution: int | None = None  # side of the input, pixels: 28 for mnist5k, else 96
    width: float | None = None  # multiplies MobileNetV2's filters: 1 from 96 pixels, less below
    depth: float | None = None  # multiplies MobileNetV2's layers: likewise
    trials: int = 16  # architectures that the searcher tries
    control: int | None = None  # random ones beside it; None: as many, 0: none
    batch: int | None = None  # proposals an update; None: 4 of guided search, the papers' 20 else
    searcher: str = "guided"
    reward: str = "soft"
    weight: float | None = None  # of the latency in the reward, below 0; None: as published
    limits: tuple[str, ...] = ()  # of other costs, as "size<=500"; see pocketnas.search.limits
    target_ms: float | None = None  # None: MobileNetV2's latency at the same size
    device: str = HOST  # or ssh:user@board, android:SERIAL
    latency: str = "device"  # of trials: measured, or by a "table", or by that in a file
    second_device: str | None = None  # of the limit on `second`, the latency there
    benchmark_model: str | None = None  # the program's file, for a phone
    int8: bool = False  # ship, measure and score full-integer networks
    threads: int = 1  # of the measured model
    measure_seconds: float | None = None  # at most, for each; None: the device's own
    epochs: int | None = None  # of a proxy training; None: enough steps for the images, at least 3
    halving: bool = False  # stop the worse half of a batch after a part of its epochs
    warm_start: str | None = None  # a run folder of the same space, images and recipe
    final_epochs: int | None = None  # likewise, at least 8
    grow: str | None = None  # "N@P", the size at which the cells found are finally built
    finalists: int = 3  # trained longer at the end
    check_proxy: int = 0  # further trials trained as long, to see whether the proxy ranks as that
    adapt: float | None = None  # shrink the winner to this share of its latency in the end
    then: str = "finetune"  # what follows that; or scratch
    flip: bool | None = None  # mirror images in training; None: photos yes, digits no
    workers: int | None = None  # trainings at once; None: one a core
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "trials",
            "batch",
            "threads",
            "finalists",
            "epochs",
            "final_epochs",
            "workers",
        ):
            _at_least(name, getattr(self, name), 1)
        for name in ("control", "check_proxy", "seed"):
            _at_least(name, getattr(self, name), 0)
        _at_least("resolution", self.resolution, 8)
        for name in ("width", "depth", "target_ms", "measure_seconds"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise SettingError(f"{_flag(name)} must be a number above 0, got {value}")
        if self.weight is not None and not float("-inf") < self.weight < 0:
            raise SettingError(f"--weight must be a number below 0, got {self.weight}")
        check_device(self.device, self.benchmark_model)
        if self.second_device is not None:
            check_device(self.second_device, self.benchmark_model)
        if ("second" in Limits.parse(self.limits).costs) != (self.second_device is not None):
            raise SettingError(
                "--second-device and --limit 'second<=...' need each other: the device, and how"
                " many milliseconds a network may take there"
            )
        _ = self.growth
        if self.adapt is not None and not 0 < self.adapt < 1:
            raise SettingError(f"--adapt must be between 0 and 1, got {self.adapt}")
        if self.adapt is None and self.then != ENDS[0]:
            raise SettingError(f"--then {self.then} is of --adapt; give that, too")
        if self.adapt is not None and self.space == "nasnet":
            raise SettingError("--adapt: cells have no width that could shrink; got --space nasnet")
        if self.adapt is not None and self.int8:
            raise SettingError(
                "--adapt goes by the latency in float; give it without --int8 and export --int8"
                " what it leaves"
            )
        for name, allowed in (
            ("then", ENDS),
            ("searcher", SEARCHERS),
            ("reward", tuple(REWARDS)),
        ):
            if getattr(self, name) not in allowed:
                raise SettingError(
                    f"{_flag(name)} must be one of {', '.join(allowed)};"
                    f" got {getattr(self, name)!r}"
                )
        if self.reward == "pareto" and self.searcher in ("ppo", "reinforce"):
            raise SettingError(
                f"--reward pareto needs --searcher guided, evolution or random; {self.searcher}"
                " learns from one reward"
            )

    @property
    def growth(self) -> tuple[int, int] | None:
        """`grow` as cells a stage and channels before the classifier."""
        if self.grow is None:
            return None
        cells, _, penultimate = self.grow.partition("@")
        if not (cells.isdecimal() and penultimate.isdecimal() and int(cells) and int(penultimate)):
            raise SettingError(
                "--grow must be N@P, normal cells a stage and channels before the classifier, as in"
                f" 2@96; got {self.grow!r}"
            )
        return int(cells), int(penultimate)

    @property
    def proposals(self) -> int:
        """Trials a batch."""
        return self.batch or (4 if self.searcher == "guided" else 20)

    @property
    def controls(self) -> int:
        """Random trials beside the searcher's, so that luck can be told from learning."""
        if self.control is not None:
            return self.control
        return 0 if self.searcher == "random" else self.trials

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunConfig":
        """The inverse of `to_dict`.

        Raises:
            StudyError: a setting is unknown to this version.
        """
        if unknown := sorted(values.keys() - {field.name for field in fields(cls)}):
            raise StudyError(f"the study has a setting {unknown[0]!r} unknown to this version")
        return cls(**{**values, "limits": tuple(values.get("limits", ()))})


def _at_least(name: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise SettingError(f"{_flag(name)} must be a whole number from {least}, got {value}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
