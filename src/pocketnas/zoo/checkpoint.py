"""Weights on disk: PyTorch's checkpoints and safetensors files as plain arrays."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from pocketnas.errors import ModelError

Arrays = dict[str, NDArray[np.float32]]

_NOT_PYTORCH = "is no PyTorch checkpoint, or a damaged one"
_NESTED = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Where a training checkpoint has its weights; the averaged ones are those that were evaluated."""


def read_checkpoint(path: Path) -> Arrays:
    """All arrays of a checkpoint by their keys, in 32 bits.

    A file called `.safetensors` is one, any other a PyTorch checkpoint: a state dict, or a
    dictionary that has one as `state_dict_ema`, `model_ema`, `state_dict` or `model`. Objects
    other than tensors are never unpickled. The prefix of a parallel model, `module.`, is removed.

    Raises:
        ModelError: the file cannot be read, or holds something else.
    """
    try:
        arrays = _safetensors(path) if path.suffix == ".safetensors" else _pytorch(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    return {key.removeprefix("module."): value for key, value in arrays.items()}


def _safetensors(path: Path) -> Arrays:
    try:
        found = safetensors.numpy.load(path.read_bytes())
    except SafetensorError as error:
        raise ModelError(f"{path}: is no safetensors file, or a damaged one: {error}") from None
    except KeyError as error:
        raise ModelError(f"{path}: NumPy has no numbers of the type {error.args[0]}") from None
    return {key: value.astype(np.float32) for key, value in found.items()}


def _pytorch(path: Path) -> Arrays:
    import torch

    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old and odd formats, which are read or refused below
        try:
            found: Any = torch.load(file, weights_only=True, map_location="cpu")
        except UnpicklingError as error:
            if "GLOBAL" not in str(error):
                raise ModelError(f"{path}: {_NOT_PYTORCH}") from None
            raise ModelError(
                f"{path}: holds Python objects besides tensors, which are never unpickled;"
                " save its state_dict() alone"
            ) from None
        except Exception:  # what a damaged archive raises depends on where it is damaged
            raise ModelError(f"{path}: {_NOT_PYTORCH}") from None
    for key in _NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise ModelError(f"{path}: holds no state dict")
    arrays = {}
    for key, value in found.items():
        try:
            arrays[str(key)] = value.detach().to(torch.float32).numpy()
        except (AttributeError, RuntimeError, TypeError):  # no tensor, or quantized, or sparse
            got = getattr(value, "dtype", type(value).__name__)
            raise ModelError(f"{path}: {key!r} must be a dense tensor, got {got}") from None
    return arrays
