"""Trained weights of a published network, from the checkpoints of other projects."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pocketnas.arch.architecture import Architecture
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.errors import ModelError
from pocketnas.graph.ops import Padding
from pocketnas.graph.state import check_state, state
from pocketnas.zoo.checkpoint import Arrays, read_checkpoint
from pocketnas.zoo.foreign import PYTORCH_1E3, Names, Naming, recognize, renamed
from pocketnas.zoo.foreign.timm import timm
from pocketnas.zoo.foreign.torchvision import efficientnet
from pocketnas.zoo.pixels import usual_pixels
from pocketnas.zoo.registry import entry

CLASSIFIER, FIRST = "head.classifier", "stem.conv.conv"
_TENSORFLOWS_EPSILON = tuple(f"efficientnet_{size}" for size in ("b5", "b6", "b7", "v2"))


class Pretrained(NamedTuple):
    """An architecture and its weights, as `tflite.write` and `load_weights` take them.

    `pixels` is how an image becomes its input.
    """

    architecture: Architecture
    weights: Arrays
    pixels: Pixels = OURS


def load(
    name: str,
    file: str | Path,
    *,
    padding: Padding | None = None,
    epsilon: float | None = None,
    resolution: int | None = None,
) -> Pretrained:
    """The network `name` of the zoo with the weights in `file`.

    The file is a PyTorch checkpoint or a `.safetensors` with our keys or another project's, which
    the keys tell. The numbers of classes and of colours are the checkpoint's. How a network was
    trained is not in its weights; without `padding` and `epsilon` it is taken from this table, and
    how its pixels were scaled from `usual_pixels`:

    | keys | padding | epsilon |
    |---|---|---|
    | ours | as the zoo has them | |
    | EfficientNet-PyTorch's (EfficientNet-Lite), timm's NASNet | same | 1e-3 |
    | timm's `tf_…` networks, by the name of the file or of the architecture in a `config.json` \
beside it | same | 1e-3 |
    | timm's others, torchvision's MobileNetV2, MnasNet, EfficientNet B0 to B4, ResNet | symmetric \
| 1e-5 |
    | torchvision's MobileNetV3, EfficientNet B5 to B7 and V2 | symmetric | 1e-3 |

    Args:
        name: as `zoo.entry` takes it.
        file: the checkpoint.
        padding: of all convolutions and pools, "same" or "symmetric".
        epsilon: of all batch norms.
        resolution: side of the image in pixels; None is the published one.

    Raises:
        ModelError: the file cannot be read, or does not fit the network; the message names the
            first keys that are missing, unknown or mis-shaped.
        SettingError: there is no such network.
        ArchitectureError: an argument is out of range.
    """
    chosen, file = entry(name), Path(file)
    arrays = read_checkpoint(file)
    try:
        naming = recognize(arrays)
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None
    names = naming.names(chosen.architecture(resolution=resolution))
    architecture = chosen.architecture(
        resolution=resolution,
        classes=_size(arrays, names, CLASSIFIER, 0) or 1000,
        channels=_size(arrays, names, FIRST, 1) or 3,
    )
    usual = _trained(naming, name, file) or (architecture.padding, architecture.epsilon)
    architecture = replace(
        architecture,
        padding=usual[0] if padding is None else padding,
        epsilon=usual[1] if epsilon is None else epsilon,
    )
    pixels = usual_pixels(naming.project, name, _config(file), tensorflow=_from_tensorflow(file))
    try:
        return Pretrained(architecture, fitted(architecture, names, arrays), pixels)
    except ModelError as error:
        raise ModelError(f"{file} as {name}, by {naming.project}'s names: {error}") from None


def fitted(architecture: Architecture, names: Names, arrays: Arrays) -> Arrays:
    """The arrays of a checkpoint under the keys of `architecture`.

    Raises:
        ModelError: keys are missing, unknown or of another shape; they are given in `names`.
    """
    graph = architecture.graph()
    theirs = renamed(graph, names)
    found = dict(arrays)
    for key, shape in state(theirs).items():
        if key in found and found[key].shape == (*shape, 1, 1):  # 1x1 behind the pool: dense
            found[key] = found[key].reshape(shape)
    check_state(theirs, {key: value.shape for key, value in found.items()})
    return {
        ours: np.ascontiguousarray(found[key])
        for ours, key in zip(state(graph), state(theirs), strict=True)
    }


def _size(arrays: Arrays, names: Names, layer: str, axis: int) -> int:
    """How long an axis of a layer's weight is; 0 where there is none."""
    shape = arrays[key].shape if (key := f"{names[layer]}.weight") in arrays else ()
    return shape[axis] if axis < len(shape) else 0


def _trained(naming: Naming, name: str, file: Path) -> tuple[Padding, float] | None:
    """Padding and epsilon: the naming's, but for the two exceptions of the table above."""
    if naming.names is timm and _from_tensorflow(file):
        return None
    if naming.names is efficientnet and name.startswith(_TENSORFLOWS_EPSILON):
        return PYTORCH_1E3
    return naming.trained


def _from_tensorflow(file: Path) -> bool:
    architecture = str(_config(file).get("architecture", ""))
    return file.name.startswith("tf_") or architecture.startswith("tf_")


def _config(file: Path) -> dict[str, Any]:
    """What timm publishes beside its weights, if it is there."""
    try:
        config = json.loads((file.parent / "config.json").read_text())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
