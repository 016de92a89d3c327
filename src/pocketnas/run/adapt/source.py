"""What NetAdapt begins with, taken into its own folder: a trained network and images."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pocketnas.data.images import Images, Indices, Split, split
from pocketnas.data.load import load_cached, located
from pocketnas.errors import DataError, SettingError, StudyError
from pocketnas.run.adapt.config import AdaptConfig
from pocketnas.run.folder import RunFolder
from pocketnas.run.images import opened
from pocketnas.run.loaded import Loaded
from pocketnas.run.own import own
from pocketnas.run.trained import stored_training

LEAST = 40
"""Images to choose by; with fewer the choice is luck."""

Origin = Literal["training", "search", "other"]


@dataclass(frozen=True, slots=True)
class Given:
    """Which images, and which of them the network has seen.

    Attributes:
        data: what `--data` was.
        origin: of the network.
        seed: of the split that it was trained with.
        hold_out: share of each class that was held out then.
    """

    data: str
    origin: Origin
    seed: int
    hold_out: float

    def parts(self, images: Images) -> Split:
        """Images to train on, to choose by (`validation`) and to test on.

        Neither the network nor a proposal was trained on those to choose by. Of the images that a
        training held out one half chooses and the other tests. A search's winner was not trained on
        its validation images, which choose. Other networks get a split of their own.
        """
        parts = split(images, seed=self.seed, test=self.hold_out)
        if self.origin != "training":
            return parts
        train = np.sort(np.concatenate([parts.train, parts.validation]))
        return Split(train, *_halves(images, parts.test))

    def last_parts(self, images: Images) -> Split:
        """For the longer training in the end; `pocketnas evaluate` tests on the same images."""
        whole = split(images, seed=self.seed, test=self.hold_out)
        if self.origin != "training":
            return whole
        return Split(self.parts(images).train, np.array([], np.int64), whole.test)

    def to_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def take(
    config: AdaptConfig, network: Loaded, folder: RunFolder, note: Callable[[str], None]
) -> Given:
    """Puts the images into the run folder.

    Raises:
        SettingError: no images.
        DataError: they cannot be read, are of other classes or colours, or too few.
    """
    found = own(network.name)
    if found is not None and (config.data is None or located(config.data) == found.data):
        _copy(found.folder / "images", folder.images)
        if (found.folder / "settings.json").exists():
            settings = stored_training(found.folder)
            given = Given(found.data, "training", settings.seed, settings.hold_out)
        else:
            given = Given(found.data, "search", found.seed, 0.2)
    elif config.data is None:
        raise SettingError(f"{network.name}: needs --data; no images of its own lie beside it")
    else:
        side = network.feed.resized(network.architecture.resolution)
        opened(config.data, side, folder.images, note)
        given = Given(located(config.data), "other", config.seed, config.hold_out)
    images = load_cached(folder.images)
    outputs = network.architecture.graph().nodes[-1].shape[-1]
    wrong = images.channels != network.architecture.channels
    if wrong or outputs != len(images.classes):
        raise DataError(
            f"{network.name}: has {outputs} outputs and takes {network.architecture.channels}"
            f" channels, {images.name} has {len(images.classes)} classes and {images.channels}"
            " channels; pocketnas train fits a network to new classes"
        )
    check_choosing(images, given.parts(images))
    return given


def check_choosing(images: Images, parts: Split) -> None:
    """Refuses images of which too few would choose.

    Raises:
        DataError: fewer than `LEAST`.
    """
    if (count := len(parts.validation)) < LEAST:
        raise DataError(
            f"{images.name}: only {count} images are held out to choose by, at least {LEAST} are"
            " needed; a training with a larger --hold-out, or more images, would help"
        )


def _halves(images: Images, indices: Indices) -> tuple[Indices, Indices]:
    """Every other image of each class."""
    of_class = [indices[images.labels[indices] == i] for i in range(len(images.classes))]
    first, second = (np.concatenate([each[start::2] for each in of_class]) for start in (0, 1))
    return np.sort(first), np.sort(second)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise StudyError(f"{target}: the images cannot be copied here ({error})") from None
