"""From trained weights to a checked `.tflite`, float or int8."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pocketnas.arch.architecture import Architecture
from pocketnas.data.folders import sample
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.errors import ModelError
from pocketnas.run.check import TOLERANCE
from pocketnas.run.folder import load_weights as load_arrays
from pocketnas.run.folder import write_bytes
from pocketnas.run.subject import subject
from pocketnas.tflite.quantize import quantize
from pocketnas.tflite.runner import Runner
from pocketnas.tflite.writer import write
from pocketnas.train.network import Network, load_weights
from pocketnas.zoo.weights import Pretrained, load

Floats = NDArray[np.float32]
_NOISE = 8  # images, where the user gives none


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how it compares with the network in torch on the same images.

    Attributes:
        path: the `.tflite`.
        size_bytes: its size.
        int8: whether its inputs, outputs and arithmetic are integers.
        images: how many images both saw; 8 of random noise where the user gave none.
        real: whether they were the user's.
        largest_difference: of two logits.
        agreement: share of images of the same top class.
        shape: of the input.
        scale: (input - zero_point) * scale is the normalized pixel; 1 and 0 for float.
        zero_point: see `scale`.
        mean: a pixel (0 to 255) minus this, by `std`, is the network's input.
        std: see `mean`.
    """

    path: Path
    size_bytes: int
    int8: bool
    images: int
    real: bool
    largest_difference: float
    agreement: float
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def trained(word: str, file: Path | None, *, resolution: int | None = None) -> Pretrained:
    """A network with its weights.

    Args:
        word: what `subject` takes.
        file: the weights; None takes a run's own.
        resolution: side of the image in pixels instead of the network's own.

    Raises:
        ModelError: there are no weights, or they do not fit.
    """
    given = subject(word, resolution=resolution)
    if given.architecture is None:
        raise ModelError(f"{word}: is exported already")
    if given.published is not None:
        if file is None:
            raise ModelError(f"{word}: needs --weights, a checkpoint of this network")
        return load(word, file, resolution=resolution)
    file = file or given.weights
    if file is None:
        raise ModelError(f"{word}: needs --weights; there is no .safetensors beside it")
    return Pretrained(given.architecture, load_arrays(file), _pixels(file.with_suffix(".json")))


def _pixels(about: Path) -> Pixels:
    """How a training's `best.json` says that its pixels were scaled; our own way without one."""
    try:
        said = json.loads(about.read_bytes())["input"]
        return Pixels(tuple(said["mean"]), tuple(said["std"]))
    except (OSError, ValueError, KeyError, TypeError):
        return OURS


def export(
    pretrained: Pretrained,
    path: Path,
    *,
    calibration: Path | None = None,
    images: int = 100,
    int8: bool = False,
) -> Exported:
    """Writes the network as a `.tflite` and compares it with torch.

    Args:
        pretrained: the network, its weights, and how its pixels were scaled.
        path: of the file.
        calibration: a folder or `.zip` of images; int8 needs them for its ranges.
        images: how many of those at most.
        int8: write the full-integer network.

    Raises:
        ModelError: int8 without images, or a float file that differs by more than rounding.
        DataError: no readable image.
        StudyError: the file cannot be written.
    """
    if int8 and calibration is None:
        raise ModelError("int8 needs --calibrate with a folder of images like those it will see")
    architecture, weights, (mean, std) = pretrained
    if not {len(mean), len(std)} <= {1, architecture.channels}:
        raise ModelError(
            f"mean and std: need one value, or one for each of {architecture.channels} channels"
        )
    graph = architecture.graph()
    inputs = _inputs(architecture, mean, std, calibration, images)
    network = Network(graph)
    load_weights(network, weights)
    with torch.inference_mode():
        expected = np.concatenate(
            [network.eval()(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy() for x in inputs]
        )
    model = write(graph, weights)
    if int8:
        model = quantize(model, inputs)
    run = Runner(model)
    found = np.concatenate([run(x) for x in inputs])
    difference = float(np.abs(found - expected).max())
    if not int8 and not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ModelError(
            f"the exported model differs from the torch network by {difference:.2g}; up to"
            f" {TOLERANCE:g} of the largest output is rounding"
        )
    write_bytes(path, model)
    return Exported(
        path=path,
        size_bytes=len(model),
        int8=int8,
        images=len(inputs),
        real=calibration is not None,
        largest_difference=difference,
        agreement=float((found.argmax(1) == expected.argmax(1)).mean()),
        shape=run.shape,
        scale=run.scale,
        zero_point=run.zero_point,
        mean=mean,
        std=std,
    )


def _inputs(
    architecture: Architecture,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    calibration: Path | None,
    count: int,
) -> list[Floats]:
    """Network inputs, each (1, height, width, channels): the user's images, or noise."""
    side, channels = architecture.resolution, architecture.channels
    if calibration is None:
        noise = np.random.default_rng(0).standard_normal((_NOISE, 1, side, side, channels))
        return list(noise.astype(np.float32))
    pixels = sample(calibration, side, count).astype(np.float32)
    if channels == 1:
        pixels = pixels @ np.array([[0.299], [0.587], [0.114]], np.float32)  # ITU-R 601, as Pillow
    scaled = (pixels - np.array(mean, np.float32)) / np.array(std, np.float32)
    return list(scaled[:, None])
