"""The run of `pocketnas evaluate`: which images, then the score."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pocketnas.data.images import Images, Indices
from pocketnas.data.load import load, located
from pocketnas.errors import SettingError
from pocketnas.run.answerer import Answerer, answerer
from pocketnas.run.own import own
from pocketnas.run.scoring import Score, score
from pocketnas.run.train import device_called


def evaluate(
    word: str,
    data: str | None = None,
    weights: Path | None = None,
    *,
    resolution: int | None = None,
    device: str | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> tuple[str, Score]:
    """Scores a network, and says on what.

    Args:
        word: what `answerer` takes.
        data: what `load` takes; None is the run's own. Of the images that a run was trained on and
            held out, only the latter count; of others with a ready-made test set, that.
        weights: what `answerer` takes.
        resolution: likewise.
        device: a torch device; None takes a GPU if there is one.
        told: hears of the progress.

    Raises:
        SettingError: no data, or no such device.
        DataError: the images cannot be read, or are of other classes.
        ModelError: the network cannot be loaded.
    """
    told(word)
    network = answerer(word, weights, resolution=resolution, device=device_called(device))
    what, images, indices = _images(word, data, network)
    return what, score(network, images, indices, told)


def _images(word: str, data: str | None, network: Answerer) -> tuple[str, Images, Indices]:
    found = own(word)
    if found is not None and (data is None or located(data) == found.data):
        return f"held-out of {found.images.name}", found.images, found.parts.test
    if data is None:
        raise SettingError(f"{word}: needs --data; no images of its own lie beside it")
    images = load(data, resolution=network.resized, least=1)
    if images.presplit_test is not None:
        return f"test images of {images.name}", images, images.presplit_test
    return f"of {images.name}", images, np.arange(len(images))
