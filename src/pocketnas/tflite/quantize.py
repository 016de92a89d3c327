"""Float `.tflite` → full-integer `.tflite`, with ranges from images."""

import warnings
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from pocketnas.errors import ModelError
from pocketnas.tflite.precision import MOVING
from pocketnas.tflite.runner import Runner

_MISSING = "int8: needs ai-edge-quantizer: pip install 'pocketnas[int8]'"

# Tensor → its smallest ("min") and largest ("max") value, each as an array of one number.
Ranges = dict[str, dict[str, NDArray[Any]]]


def quantize(model: bytes, images: Iterable[NDArray[np.float32]]) -> bytes:
    """The full-integer form of a float network from `write`: int8 in, int8 out, int8 inside.

    Weights have a scale for each filter, activations one for each tensor, from the smallest and
    the largest value that the images bring about (ai-edge-quantizer, recipe `static_wi8_ai8`, which
    takes a moving average over the images). The scales of input and output are in their tensors.
    The same arguments give the same bytes.

    Args:
        model: as `write` gives it.
        images: what the network will see, normalized, each (1, H, W, C). Some dozens do.

    Raises:
        ModelError: no image or one of another shape, a model that is no float `.tflite`, or
            ai-edge-quantizer is not installed.
    """
    network = Runner(model)
    if network.is_integer:
        raise ModelError("int8: the model must have a float input, this one is quantized already")
    samples = []
    for image in images:
        if image.shape != network.shape:
            raise ModelError(
                f"int8: images must have the shape {network.shape}, got one of {image.shape}"
            )
        samples.append({"image": image.astype(np.float32)})
    if not samples:
        raise ModelError("int8: the ranges of the values are found with images, got none")
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        return _quantized(model, samples)


def check_quantizer() -> None:
    """Says it at once, and not when everything else is done, if int8 cannot be written.

    Raises:
        ModelError: ai-edge-quantizer is not installed.
    """
    if find_spec("ai_edge_quantizer") is None:
        raise ModelError(_MISSING)


def _quantized(model: bytes, samples: list[dict[str, NDArray[np.float32]]]) -> bytes:
    try:
        from ai_edge_quantizer import quantizer, recipe
    except ImportError:
        raise ModelError(_MISSING) from None
    try:
        work = quantizer.Quantizer(model, recipe.static_wi8_ai8())
        ranges = work.calibrate({"serving_default": samples}, num_threads=1)
        return bytes(work.quantize(_shared(ranges, model)).quantized_model)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"int8: ai-edge-quantizer refuses the network: {error}") from None


def _shared(ranges: Ranges, model: bytes) -> Ranges:
    """The ranges, one for all values that are concatenated, so that none has to be rescaled.

    Otherwise there would be a copy on another scale of each one that is read elsewhere too, as the
    inputs of NASNet's cells are: a pass over the map, for less than a bit of precision.
    """
    network = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = network.subgraphs[0]
    groups = {name: {name} for name in ranges}
    for operator in graph.operators:
        code = network.operatorCodes[operator.opcodeIndex].builtinCode
        if code in (*MOVING, schema.BuiltinOperator.CONCATENATION):
            tensors = (
                graph.tensors[i].name.decode() for i in (*operator.inputs, *operator.outputs)
            )
            joined = set().union(*(groups[name] for name in tensors if name in groups))
            groups |= dict.fromkeys(joined, joined)
    return {name: _span(ranges, name, group) for name, group in groups.items()}


def _span(ranges: Ranges, name: str, group: set[str]) -> dict[str, NDArray[Any]]:
    """The range of all of `group`, in the shape of that of `name`."""
    least = min(ranges[member]["min"].min() for member in group)
    most = max(ranges[member]["max"].max() for member in group)
    if least == most == 0:
        most = 1  # a value that is always 0: XNNPACK refuses the scale that a width of 0 has
    own = ranges[name]
    return {"min": np.full_like(own["min"], least), "max": np.full_like(own["max"], most)}
