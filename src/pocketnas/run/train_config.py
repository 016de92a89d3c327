"""The settings of a training, one frozen value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pocketnas.errors import SettingError, StudyError
from pocketnas.train.recipe import Recipe
from pocketnas.train.recipes import recipe

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What to train, on what, how long; None means: as the recipe has it.

    Raises:
        SettingError: one sentence with the setting, its value and what is allowed.
    """

    network: str
    data: str
    weights: str | None = None  # a checkpoint to begin with
    recipe: str | None = None  # None: finetune with weights, fast without
    epochs: int | None = None
    batch: int | None = None  # the learning rate follows it
    learning_rate: float | None = None  # its peak
    resolution: int | None = None  # side of the input; None: that of the images
    smallest: int | None = None  # side of the last map; None: as published from 96 pixels on
    flip: bool | None = None  # mirror images; None: photos yes, digits and sounds no
    hold_out: float = 0.2  # share of each class that is only tested on
    precision: str = "auto"
    parts: int = 1  # a batch goes through the network in so many
    seed: int = 0
    device: str | None = None  # a torch device; None: a GPU if there is one

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "resolution", "smallest", "parts"):
            value = getattr(self, name)
            least = 2 if name == "batch" else 1
            if value is not None and value < least:
                raise SettingError(f"{name} must be at least {least}, got {value}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise SettingError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 < self.hold_out < 1:
            raise SettingError(f"hold_out must be between 0 and 1, got {self.hold_out}")
        if self.precision not in PRECISIONS:
            raise SettingError(
                f"precision must be one of {', '.join(PRECISIONS)}; got {self.precision!r}"
            )
        if self.seed < 0:
            raise SettingError(f"seed must be 0 or more, got {self.seed}")
        recipe(self.recipe_name)

    @property
    def recipe_name(self) -> str:
        """The recipe's name in `pocketnas.train.recipes`."""
        return self.recipe or ("finetune" if self.weights else "fast")

    def planned(self, *, flips: bool) -> Recipe:
        """The recipe with what the user changed.

        Args:
            flips: whether a mirror image of these images means the same.
        """
        found = recipe(self.recipe_name)
        if self.epochs is not None:
            found = found.lasting(self.epochs)
        if self.batch is not None:
            found = found.with_batch(self.batch)
        if self.learning_rate is not None:
            found = replace(found, learning_rate=self.learning_rate)
        flip = self.flip if self.flip is not None else flips and found.augmentation.flip
        return replace(found, augmentation=replace(found.augmentation, flip=flip))

    def to_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """From `to_dict`.

        Raises:
            StudyError: it is not from there.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise StudyError(f"the stored settings are of another version ({error})") from None
