"""What a network sees in single images or sounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pocketnas.data.audio import front_end
from pocketnas.data.decode import decode_all
from pocketnas.data.folders import SUFFIXES
from pocketnas.errors import DataError
from pocketnas.run.answerer import Answerer

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow's


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one file shows.

    Attributes:
        file: the image or sound.
        classes: names and probabilities, the most likely first.
        error: why it was not looked at.
    """

    file: Path
    classes: tuple[tuple[str, float], ...] = ()
    error: str | None = None


def predict(answerer: Answerer, files: Sequence[Path], top: int = 5) -> Iterator[Prediction]:
    """Looks at each file; one that cannot be read is said so, and the others follow.

    Args:
        answerer: the network.
        files: images, or WAV for a network of sounds; a folder stands for those directly in it.
        top: how many classes.

    Raises:
        DataError: a folder without images.
    """
    for file in _each(files, sounds=answerer.feed.front_end is not None):
        try:
            logits = answerer.answer(_pixels(answerer, file))[0].astype(np.float64)
        except DataError as error:
            yield Prediction(file, error=str(error))
            continue
        odds = np.exp(logits - logits.max())
        best = np.argsort(-odds, kind="stable")[:top]
        named = ((answerer.called(int(i)), float(odds[i] / odds.sum())) for i in best)
        yield Prediction(file, tuple(named))


def _each(files: Sequence[Path], *, sounds: bool) -> Iterator[Path]:
    suffixes = (".wav",) if sounds else SUFFIXES
    for file in files:
        if not file.is_dir():
            yield file
            continue
        found = [one for one in sorted(file.iterdir()) if one.suffix.lower() in suffixes]
        if not found:
            raise DataError(f"{file}: holds no file that ends in {' '.join(suffixes)}")
        yield from found


def _pixels(answerer: Answerer, file: Path) -> NDArray[np.uint8]:
    """The file as one image of the network's channels."""
    heard = answerer.feed.front_end
    if heard is not None:
        return front_end(file, answerer.resized, rate=heard["rate"], seconds=heard["seconds"])[None]
    buffer = BytesIO()
    if reasons := decode_all(Path.read_bytes, [file], answerer.resized, buffer):
        raise DataError(f"{file}: {reasons[0]}")
    side = answerer.resized
    found = np.frombuffer(buffer.getvalue(), np.uint8).reshape(1, side, side, 3)
    return found if answerer.channels == 3 else grey(found)


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB (N, H, W, 3) as (N, H, W, 1)."""
    found: NDArray[np.uint8] = (pixels @ _GREY).round().astype(np.uint8)[..., None]
    return found
