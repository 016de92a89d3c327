"""Sounds as images: WAV files to log-mel spectrograms of one size, grey, low pitches below."""

import re
import wave
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from pocketnas.data.decode import Progress, UnreadableError
from pocketnas.data.folders import SUFFIXES as IMAGES
from pocketnas.data.folders import Layout, Parts, Photo, layout_of, name_of, natural, opened, suffix
from pocketnas.data.source import Contents, Source, checked
from pocketnas.errors import DataError

_Samples = npt.NDArray[np.float32]

_RATE = 16_000  # Hz, unless the set's own is lower
_WINDOW, _HOP = 0.025, 0.010  # seconds
_BANDS = 64
_RANGE = 8.0  # decades of power below the loudest that are told apart: 80 dB
_FLOOR = 1e-10
_LABEL = re.compile(r"([^_]+)_.+")  # 7_jackson_32.wav, as in the Free Spoken Digit Dataset


def sounds(path: Path) -> Source | None:
    """The source at `path`, or None where there is no `.wav` or there are images beside.

    A folder or `.zip` of class folders (see `pocketnas.data.load.load`), or flat files whose names
    all begin with their label and `_`.
    """
    if not path.is_dir() and not (path.suffix.lower() == ".zip" and path.is_file()):
        return None
    with opened(path) as tree:
        suffixes = {suffix(file) for file in tree.files}
    if ".wav" not in suffixes or suffixes & set(IMAGES):
        return None

    def read(side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
        return _read(path, side, pixels, progress)

    name = path.stem if path.suffix.lower() == ".zip" else path.name
    return Source(name, read, channels=1, side=_BANDS, flips=False)


def front_end(
    sound: bytes | Path, side: int, *, rate: float, seconds: float
) -> npt.NDArray[np.uint8]:
    """One WAV file as the network sees it; `rate` and `seconds` are in `Images.front_end`.

    Windows of 25 ms (Hann) every 10 ms, power spectrum, 64 triangular bands on HTK's mel scale,
    log10; 80 dB below the loudest value and less are 0, the loudest is 255.

    Args:
        sound: PCM of 8, 16, 24 or 32 bits, any rate and channels; a path or the file's bytes.
        side: of the square, in pixels: time to the right, pitch upwards.
        rate: Hz that it is resampled to.
        seconds: kept of it, from its middle; a shorter sound lies in the middle of silence.

    Returns:
        uint8 (side, side, 1).

    Raises:
        DataError: The file cannot be read.
    """
    try:
        data = sound if isinstance(sound, bytes) else sound.read_bytes()
        return _picture(data, side, round(rate), seconds)
    except (OSError, UnreadableError) as error:
        where = "sound" if isinstance(sound, bytes) else sound
        raise DataError(f"{where}: {error}") from error


def _read(path: Path, side: int, pixels: BinaryIO, progress: Progress | None) -> Contents:
    """Two passes, so that no more than one clip is in memory: lengths first, then spectrograms."""
    with opened(path) as tree:
        files = [file for file in tree.files if suffix(file) == ".wav"]
        layout = _flat(files) or layout_of(tree, path, (".wav",))
        skipped, kept, headers = list(layout.skipped), [], []
        for clip in layout.photos:
            try:
                samples, own = _samples(tree.read(clip.path))
            except (OSError, UnreadableError) as error:
                skipped.append(f"{name_of(clip.path)}: {error}")
                continue
            headers.append((own, len(samples) / own))
            kept.append(clip)
        label = {kind: index for index, kind in enumerate(layout.classes)}
        tests = np.flatnonzero([clip.test for clip in kept]) if layout.presplit else None
        rate, seconds = (
            float(np.median(part)) for part in zip(*(headers or [(1, 1)]), strict=True)
        )
        rate = min(rate, _RATE)
        contents = Contents(
            labels=np.array([label[clip.kind] for clip in kept], dtype=np.int64),
            classes=tuple(layout.classes),
            skipped=tuple(sorted(skipped, key=natural)),
            presplit_test=tests,
            front_end={"rate": rate, "seconds": seconds},
        )
        checked(path, contents)
        for done, clip in enumerate(kept, 1):
            pixels.write(_picture(tree.read(clip.path), side, round(rate), seconds).tobytes())
            if progress is not None:
                progress(done, len(kept))
    return contents


def _flat(files: list[Parts]) -> Layout | None:
    """Labels from names, where all files lie in one folder and all names begin with one."""
    labels = [_LABEL.fullmatch(file[-1]) for file in files]
    if len({file[:-1] for file in files}) > 1 or not all(labels):
        return None
    clips = [Photo(f, found[1], False) for f, found in zip(files, labels, strict=True) if found]
    clips.sort(key=lambda clip: (natural(clip.kind), natural(name_of(clip.path))))
    kinds = sorted({clip.kind for clip in clips}, key=natural)
    # One label for all: class folders with a single class, which the folders' rules refuse.
    return Layout(kinds, clips, [], presplit=False) if len(kinds) > 1 else None


def _samples(data: bytes) -> tuple[_Samples, int]:
    """Between -1 and 1, channels averaged, and the rate in Hz."""
    try:
        with wave.open(BytesIO(data)) as file:
            channels, width, rate, count = file.getparams()[:4]
            raw = file.readframes(count)
    except (wave.Error, EOFError, ValueError) as error:
        raise UnreadableError(f"not a WAV file of PCM samples ({error or 'it ends'})") from error
    if width not in (1, 2, 3, 4) or rate < 1 or channels < 1:
        raise UnreadableError(f"{8 * width} bits at {rate} Hz are not read")
    if not count or len(raw) != count * channels * width:
        raise UnreadableError("holds less sound than its header says" if count else "no sound")
    if width == 1:  # the only unsigned one
        values = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    else:  # the bytes become the high ones of 32 bits
        wide = np.zeros((count * channels, 4), np.uint8)
        wide[:, 4 - width :] = np.frombuffer(raw, np.uint8).reshape(-1, width)
        values = wide.view("<i4")[:, 0].astype(np.float32) / 2**31
    return values.reshape(-1, channels).mean(1, dtype=np.float32), rate


def _resampled(samples: _Samples, old: int, new: int) -> _Samples:
    """By its spectrum, cut off or continued with zeros: no alias, no images."""
    if old == new:
        return samples
    count = max(1, round(len(samples) * new / old))
    return (np.fft.irfft(np.fft.rfft(samples), count) * (count / len(samples))).astype(np.float32)


def _centred(samples: _Samples, count: int) -> _Samples:
    """The middle `count` samples, or silence on both sides."""
    spare = len(samples) - count
    if spare >= 0:
        return samples[spare // 2 : spare // 2 + count]
    return np.pad(samples, (-spare // 2, -spare - -spare // 2))


def _picture(data: bytes, side: int, rate: int, seconds: float) -> npt.NDArray[np.uint8]:
    samples, own = _samples(data)
    window, hop = round(_WINDOW * rate), max(1, round(_HOP * rate))
    samples = _centred(_resampled(samples, own, rate), max(window, round(seconds * rate)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    size = max(1024, 1 << (window - 1).bit_length())  # finer than the lowest band is wide
    power = np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1], size)) ** 2
    decades = np.log10(np.maximum(_filters(rate, size) @ power.T, _FLOOR))
    loudest = max(decades.max(), np.log10(_FLOOR) + _RANGE)  # so that silence is black
    grey = np.clip((decades - loudest + _RANGE) / _RANGE, 0, 1) * 255
    picture = Image.fromarray(grey[::-1].round().astype(np.uint8))
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))[..., None]


def _filters(rate: int, size: int) -> npt.NDArray[np.float64]:
    """(bands, frequencies): triangles equally wide in mel = 2595 log10(1 + f / 700), as in HTK."""
    edges = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), _BANDS + 2)
    mel = 2595 * np.log10(1 + np.fft.rfftfreq(size, 1 / rate) / 700)
    rise = (mel - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - mel) / (edges[2:] - edges[1:-1])[:, None]
    filters: npt.NDArray[np.float64] = np.maximum(0, np.minimum(rise, fall))
    return filters
