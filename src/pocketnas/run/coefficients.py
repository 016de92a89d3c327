"""The grid search for a network's own coefficients (1905.11946, section 3.3, step 1)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.compound import Coefficients, Scale, alone, grid, grown
from pocketnas.errors import SettingError
from pocketnas.graph.count import madds
from pocketnas.run.folder import RunFolder
from pocketnas.run.images import opened
from pocketnas.run.start import start
from pocketnas.run.trials_by_size import validated
from pocketnas.run.watch import Watch
from pocketnas.train.augment import Augmentation
from pocketnas.train.recipe import Recipe

GRID, ALONE, BASE = "grid", "alone", "base"


@dataclass(frozen=True, slots=True)
class Tried:
    """One way of growing and what it came to.

    Attributes:
        name: alpha, beta, gamma; or which dimension grew alone; or base.
        kind: grid, alone or base.
        scale: the multipliers.
        resolution: side of the input.
        madds: multiply-adds for one image.
        accuracies: on validation images, one a seed.
    """

    name: str
    kind: str
    scale: Scale
    resolution: int
    madds: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the accuracies."""
        return mean(self.accuracies)

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds; None of one seed."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "name": self.name,
            "kind": self.kind,
            "depth": self.scale.depth,
            "width": self.scale.width,
            "resolution": self.resolution,
            "resolution_multiplier": self.scale.resolution,
            "madds": self.madds,
            "accuracies": list(self.accuracies),
            "mean": self.mean,
            "deviation": self.deviation,
        }


def search_coefficients(
    word: str,
    data: str,
    folder: RunFolder,
    watch: Watch,
    *,
    resolution: int | None = None,
    step: float = 0.1,
    growth: float = 2.0,
    epochs: int = 5,
    seeds: int = 1,
    ends: bool = True,
    divisor: int = 8,
) -> list[Tried]:
    """Trains the base grown by every point of the grid, and by each dimension alone.

    Args:
        word: the base: what `start` takes.
        data: what `load` takes.
        folder: remembers each training.
        watch: hears of the progress.
        resolution: of the base's input; None: that of the images.
        step: of the grid.
        growth: of the multiply-adds.
        epochs: of each training.
        seeds: trainings of each.
        ends: what `grown` takes.
        divisor: likewise.

    Returns:
        The best first; base and single dimensions among them.

    Raises:
        SettingError: a number is out of range.
        DataError: the images cannot be read or trained on.
    """
    for name, value in (("epochs", epochs), ("seeds", seeds)):
        if value < 1:
            raise SettingError(f"--{name} must be at least 1, got {value}")
    if not 0 < step <= growth - 1:
        raise SettingError(f"--grid-step must be above 0 and at most {growth - 1:g}, got {step}")
    images = opened(data, resolution, folder.images / "base", watch.note)
    base = start(word, None, images).architecture
    points = {_named(each): (GRID, each.at(1)) for each in grid(step, growth=growth)}
    points |= {f"{name} alone": (ALONE, scale) for name, scale in alone(growth).items()}
    points |= {"base": (BASE, Scale())}
    networks = {
        name: grown(base, scale, ends=ends, divisor=divisor) for name, (_, scale) in points.items()
    }
    watch.note(f"{len(networks)} networks, {seeds} training{'s' * (seeds > 1)} each")
    recipe = replace(
        Recipe(epochs=epochs), augmentation=Augmentation(shift=1 / 8, flip=images.flips)
    )
    found = by_network(networks, data, recipe, folder, watch, seeds=seeds)
    tried = [
        Tried(
            name=name,
            kind=points[name][0],
            scale=points[name][1],
            resolution=network.resolution,
            madds=madds(network.graph()),
            accuracies=tuple(found[name]),
        )
        for name, network in networks.items()
    ]
    return sorted(tried, key=lambda each: -each.mean)


def by_network(
    networks: Mapping[str, Architecture],
    data: str,
    recipe: Recipe,
    folder: RunFolder,
    watch: Watch,
    *,
    seeds: int,
) -> dict[str, list[float]]:
    """`validated`, with networks that rounding has made equal trained once."""
    unique = {network.digest: network for network in networks.values()}
    names = {network.digest: name for name, network in reversed(list(networks.items()))}
    found = validated(
        {names[digest]: network for digest, network in unique.items()},
        data,
        recipe,
        folder,
        watch,
        seeds=seeds,
    )
    return {name: found[names[network.digest]] for name, network in networks.items()}


def best(tried: list[Tried]) -> Tried:
    """The best point of the grid."""
    return next(each for each in tried if each.kind == GRID)


def _named(each: Coefficients) -> str:
    return f"{each.alpha:g},{each.beta:g},{each.gamma:g}"
