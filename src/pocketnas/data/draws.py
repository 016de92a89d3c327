"""Random numbers as a function: what happens to an image depends on (seed, epoch, index) alone.

Neither the batch that it falls into, nor the device, nor what was drawn before changes it, so a
training goes on from any step as if it had never stopped.
"""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
_Words = NDArray[np.uint64]

# SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): its step and its two multipliers.
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ORDER = -1  # the stream that shuffles; no image has this index


def uniform(seed: int, epoch: int, indices: Indices, count: int) -> NDArray[np.float32]:
    """`count` numbers in [0, 1) for each image, shape (images, count).

    Args:
        seed: of the training.
        epoch: from 0.
        indices: of the images in their data set.
        count: how many; the first of them do not depend on it.
    """
    words = _words(seed, epoch, indices, count) >> np.uint64(40)  # float32 holds 24 bits
    return words.astype(np.float32) * np.float32(2**-24)


def order(seed: int, epoch: int, count: int) -> Indices:
    """A permutation of 0 to `count - 1`."""
    keys = _words(seed, epoch, np.array([_ORDER]), count)[0]
    return np.argsort(keys, kind="stable")


def seed_of(seed: int, step: int) -> int:
    """For torch's own generators (dropout, drop path) at a step: 63 bits."""
    return int(_words(seed, step, np.array([_ORDER - 1]), 1)[0, 0] >> np.uint64(1))


def _words(seed: int, epoch: int, indices: Indices, count: int) -> _Words:
    key = _mixed(np.array([seed], np.int64).astype(np.uint64))
    key = _mixed(key + np.array([epoch], np.int64).astype(np.uint64) * np.uint64(_STEP))
    keys = _mixed(key + indices.astype(np.uint64) * np.uint64(_STEP))
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_STEP)
    return _mixed(keys[:, None] + steps)


def _mixed(words: _Words) -> _Words:
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))
