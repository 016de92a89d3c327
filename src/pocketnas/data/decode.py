"""Photos of any size, mode and orientation to square RGB pixels, many at a time.

One bad file costs one image, never the run: it is skipped and the reason returned in words.
"""

import os
import shutil
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from pocketnas.errors import DataError

Progress = Callable[[int, int], None]  # (images done, images in all)

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")  # a GIF is often found under the name .jpg
_THREADS = min(8, os.cpu_count() or 1)
_WINDOW = 8 * _THREADS  # images in flight: bounds memory, keeps the threads fed

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class UnreadableError(Exception):
    """Why one image is skipped, in words that follow its path and a colon."""


def decode_all(
    read: Callable[[_Item], bytes],
    items: Sequence[_Item],
    resolution: int,
    pixels: BinaryIO,
    progress: Progress | None = None,
) -> dict[int, str]:
    """Decodes on threads (Pillow releases the interpreter lock) and writes the rows in order.

    The rows go to a file object, so that a data set larger than memory can be decoded to disk.

    Args:
        read: Gives the bytes of one item; called from several threads.
        items: What `read` takes, in the order wanted.
        resolution: Side of the square, in pixels.
        pixels: Receives resolution × resolution × 3 bytes for every readable image.
        progress: Called after each image, readable or not.

    Returns:
        Why each unreadable image was skipped, by its index in `items`.

    Raises:
        DataError: the file would not fit on its disk.
    """
    _check_room(pixels, len(items) * resolution**2 * 3)

    def square(item: _Item) -> npt.NDArray[np.uint8] | str:
        return _square(read, item, resolution)

    reasons: dict[int, str] = {}
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore")  # remarks on odd files: what counts is whether they decode
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for index, result in enumerate(_in_order(pool, square, items)):
            if isinstance(result, str):
                reasons[index] = result
            else:
                pixels.write(result.tobytes())
            if progress is not None:
                progress(index + 1, len(items))
    return reasons


def _check_room(pixels: BinaryIO, size: int) -> None:
    """Says before hours of decoding what would be said after them."""
    name = getattr(pixels, "name", None)  # what stays in memory has none
    if not isinstance(name, str):
        return
    folder = os.path.dirname(name)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DataError(
            f"{folder}: the decoded images need {size / 1e9:,.1f} GB, only {free / 1e9:,.1f} GB are"
            " free; free some, choose a smaller --resolution or put --out elsewhere"
        )


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterator[_Result]:
    """Like `pool.map`, but with no more than `_WINDOW` results waiting to be taken."""
    pending: deque[Future[_Result]] = deque()
    for item in items:
        pending.append(pool.submit(work, item))
        if len(pending) == _WINDOW:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _square(
    read: Callable[[_Item], bytes], item: _Item, resolution: int
) -> npt.NDArray[np.uint8] | str:
    """One image as (resolution, resolution, 3), or the reason it is skipped."""
    try:
        return _decode(read(item), resolution)
    except UnreadableError as error:
        return str(error)
    except UnidentifiedImageError:
        return "not an image, or damaged from its first bytes"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
    except Exception as error:  # given arbitrary bytes, decoders raise nearly every exception
        return f"cannot be read ({error})"


def _decode(data: bytes, resolution: int) -> npt.NDArray[np.uint8]:
    """Turns upright, converts to RGB, shrinks the short side to `resolution`, crops the centre."""
    if not data:
        raise UnreadableError("empty file")
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        # A JPEG decodes at 1/2, 1/4 or 1/8 of its size for far less work. Twice the target leaves
        # the antialiasing to bicubic, which then cannot be told from a resize of the whole image.
        image.draft(None, (2 * resolution, 2 * resolution))
        ImageOps.exif_transpose(image, in_place=True)
        rgb = _rgb(image)
    return np.asarray(ImageOps.fit(rgb, (resolution, resolution), Image.Resampling.BICUBIC))


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode to RGB: transparency lies on white, 16-bit greys keep their high byte."""
    if image.mode.startswith("I"):  # 16-bit; Pillow's own conversion clips at 255
        image = Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
