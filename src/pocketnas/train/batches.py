"""Batches of a training: which images, augmented how, on the device that trains."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from pocketnas.data.draws import order, uniform
from pocketnas.data.images import Images, Indices
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.train.augment import Augmenter, normalized
from pocketnas.train.mixing import mixed
from pocketnas.train.ranks import ALONE, Ranks
from pocketnas.train.recipe import Recipe

RESIDENT = 0.4
"""Share of a GPU's free memory that the pixels may take to stay there."""

T = TypeVar("T")


class Batches:
    """Gives a training its batches, the same ones whenever it is at the same step.

    Args:
        images: the data set.
        indices: the images to train on.
        recipe: for its batch and augmentation.
        side: of the network's input.
        seed: of the training.
        device: that trains. A GPU keeps the pixels if they fit; else they are read ahead.
        scale: of the network's input.
        ranks: each gets its share of every batch.

    Attributes:
        size: of a whole batch.
        steps: in an epoch; images that fill no batch wait for the next epoch's order.
        waited: seconds spent waiting for pixels.
    """

    def __init__(
        self,
        images: Images,
        indices: Indices,
        recipe: Recipe,
        *,
        side: int,
        seed: int,
        device: str = "cpu",
        scale: Pixels = OURS,
        ranks: Ranks = ALONE,
    ) -> None:
        self._ranks = ranks
        self._images, self._indices, self._recipe = images, indices, recipe
        self._seed, self._device, self._scale = seed, torch.device(device), scale
        self._augmenter = Augmenter(recipe.augmentation, side)
        self.size = min(recipe.batch, len(indices))
        self.steps = len(indices) // self.size
        self.waited = 0.0
        self._resident = self._on_device()

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs (N, C, H, W) and labels (N,), or shares of labels (N, classes), on the device.

        Args:
            epoch: from 0.
            first: the step to begin at.
        """
        ordered = order(self._seed, epoch, len(self._indices))
        steps = range(first, self.steps)
        share = self._ranks.share(self.size)
        batches = (ordered[step * self.size : (step + 1) * self.size][share] for step in steps)
        ahead = _ahead if self._reads_ahead else map
        began = perf_counter()
        for step, (pixels, labels, chosen) in zip(steps, ahead(self._read, batches), strict=True):
            self.waited += perf_counter() - began
            yield self._prepared(pixels, labels, chosen, epoch, step)
            began = perf_counter()

    @property
    def _reads_ahead(self) -> bool:
        in_memory = isinstance(self._images.pixels, np.ndarray)
        return self._resident is None and (self._device.type != "cpu" or not in_memory)

    def _on_device(self) -> Tensor | None:
        """The pixels to train on, if a GPU has room for them."""
        if self._device.type != "cuda" or not isinstance(self._images.pixels, np.ndarray):
            return None
        needed = len(self._indices) * int(np.prod(self._images.pixels.shape[1:]))
        if needed > RESIDENT * torch.cuda.mem_get_info(self._device)[0]:
            return None
        return torch.from_numpy(self._images.pixels[self._indices]).to(self._device)

    def _read(self, places: Indices) -> tuple[Tensor, Tensor, Indices]:
        """Pixels, labels and indices in the data set of the images at `places` in `indices`."""
        chosen = self._indices[places]
        labels = torch.from_numpy(self._images.labels[chosen])
        if self._resident is not None:
            return self._resident[self._sent(torch.from_numpy(places))], self._sent(labels), chosen
        pixels = torch.from_numpy(np.ascontiguousarray(self._images.pixels[chosen]))
        return self._sent(pixels), self._sent(labels), chosen

    def _sent(self, values: Tensor) -> Tensor:
        """On the device; a GPU is not waited for."""
        if self._device.type != "cuda":
            return values.to(self._device)
        return values.pin_memory().to(self._device, non_blocking=True)

    def _prepared(
        self, pixels: Tensor, labels: Tensor, chosen: Indices, epoch: int, step: int
    ) -> tuple[Tensor, Tensor]:
        draws = torch.from_numpy(uniform(self._seed, epoch, chosen, self._augmenter.draws))
        x = normalized(self._augmenter(pixels, self._sent(draws)), self._scale)
        return mixed(
            x,
            labels,
            len(self._images.classes),
            self._recipe.augmentation,
            seed=self._seed,
            step=epoch * self.steps + step,
        )


def _ahead(read: Callable[[Indices], T], batches: Iterable[Indices]) -> Iterator[T]:
    """Like `map`, on a thread that is two batches ahead."""
    with ThreadPoolExecutor(1) as thread:
        pending = []
        for batch in batches:
            pending.append(thread.submit(read, batch))
            if len(pending) > 2:
                yield pending.pop(0).result()
        while pending:
            yield pending.pop(0).result()
