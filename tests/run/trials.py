"""Real proxy trainings of tiny networks on tiny images, in this process; a device that answers."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pocketnas.arch import Architecture, ConvBlock, Head, MBConv
from pocketnas.data.load import load
from pocketnas.devices import Latency
from pocketnas.errors import DeviceError
from pocketnas.run.evaluate import Evaluator
from pocketnas.run.patience import Patience
from pocketnas.run.proxy import Proxies
from pocketnas.run.training import Task
from pocketnas.run.watch import Silent, Watch
from pocketnas.search.reward import soft
from pocketnas.spaces.space import Space
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome
from pocketnas.train.augment import Augmentation
from pocketnas.train.recipe import Recipe

RECIPE = Recipe(epochs=3, batch=10, augmentation=Augmentation(shift=0.2), learning_rate=0.05)
CLASSES = ("left", "right", "top", "bottom")


def tiny(choose: Callable[[str, tuple[int, ...]], int]) -> Architecture:
    return Architecture(
        resolution=8,
        stem=ConvBlock(3, 2, choose("stem", (4, 6, 8))),
        stages=((MBConv(3, 1, choose("expanded", (8, 12, 16)), choose("filters", (4, 6, 8))),),),
        head=Head(choose("head", (8, 12, 16)), len(CLASSES), dropout=0.2),
    )


SPACE: Space[Architecture] = Space("tiny", tiny)


def decoded(*genotypes: tuple[int, ...]) -> list[Architecture]:
    return [SPACE.decode(genotype) for genotype in genotypes]


def images(folder: Path) -> Path:
    """The cache of 100 images, of which one half is brighter than the noise."""
    noise = np.random.default_rng(0)
    halves = (np.s_[:, :4], np.s_[:, 4:], np.s_[:4], np.s_[4:])
    for name, half in zip(CLASSES, halves, strict=True):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(25):
            pixels = noise.integers(0, 150, (8, 8, 3), dtype=np.uint8)
            pixels[half] += 60
            Image.fromarray(pixels).save(folder / "photos" / name / f"{i}.png")
    load(str(folder / "photos"), resolution=8, cache=folder / "images")
    return folder / "images"


class Here:
    """An executor without processes: one item after the other, failing as it likes."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    def map(
        self, function: Callable[[Any], Any], items: Sequence[Any], *, timeout: Callable[[], float]
    ) -> Iterator[tuple[int, Any]]:
        for i, item in enumerate(items):
            self.timeouts.append(timeout())
            try:
                yield i, function(item)
            except Exception as error:
                yield i, error


class Stopwatch:
    """A device whose latency is the size of the file; it refuses the first few times."""

    name, reference_ms = "stopwatch", 1.0

    def __init__(self, *, refuse: int = 0) -> None:
        self._refuse = refuse
        self.measured = 0

    def facts(self) -> dict[str, object]:
        return {"device": self.name, "threads": 1, "reference_ms": self.reference_ms}

    def measure(self, model: bytes) -> Latency:
        self.measured += 1
        if self._refuse:
            self._refuse -= 1
            raise DeviceError("the device is unplugged")
        ms = len(model) / 1e4
        return Latency(ms, ms, ms, ms, 10, 100, 1, ms, ms, 0.1, 1.0, 1.0, self.name)


def value(outcome: Outcome) -> float:
    return soft(1.0)(outcome.accuracy or 0.0, outcome.latency or 0.0)


def evaluator(
    study: Study,
    cache: Path,
    *,
    folder: Path | None = None,
    executor: Any = None,
    device: Any = None,
    patience: Patience | None = None,
    watch: Watch | None = None,
    **options: Any,
) -> Evaluator:
    """One of a run in `folder`, or beside the images."""
    task = Task(decoded((0,) * 4)[0], cache, RECIPE, 0, "cpu")
    proxies = Proxies(
        study.storage,
        executor or Here(),
        task,
        (folder or cache.parent) / "partial",
        watch or Silent(),
        patience or Patience(),
    )
    return Evaluator(
        study, device or Stopwatch(), proxies, watch or Silent(), **({"value": value} | options)
    )
