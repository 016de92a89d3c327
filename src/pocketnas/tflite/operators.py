"""Primitive op → TensorFlow Lite operators.

Inside, every value is a map (1, height, width, channels), of float32 or of int8. Kernels are
transposed from PyTorch's order; missing biases are written as zeros, because older delegates insist
on one.
"""

from typing import Any, assert_never

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from pocketnas.graph.fold import Weights
from pocketnas.graph.graph import Node
from pocketnas.graph.ops import (
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    GlobalAvgPool,
    Input,
    Kind,
    MaxPool,
    Multiply,
    Padding,
    Shift,
    pads,
)
from pocketnas.tflite.assembly import Assembly
from pocketnas.tflite.neighbours import Neighbours

Code = schema.BuiltinOperator

FUSED: dict[Kind | None, int] = {
    None: schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}


def lower(net: Assembly, node: Node, weights: Weights, near: Neighbours) -> None:
    """Adds the operators of one node of a folded graph; the last computes the tensor `node.name`.

    `weights` are those of the whole graph.
    """
    shape, inputs, act = (1, *node.shape), node.inputs, FUSED[near.clamp]
    match node.op:
        case Input():
            net.tensor(node.name, shape)
        case Conv(_, kernel, stride, padding, groups, _, dilation):
            x, scheme = _padded(net, node, kernel, stride, padding, dilation)
            w, b = _kernel(net, node, weights, (0, 2, 3, 1))
            options = schema.Conv2DOptionsT(scheme, stride, stride, act, dilation, dilation)
            version = 6 if groups > 1 else 1
            net.operator(Code.CONV_2D, (x, w, b), node.name, shape, options, version)
        case Depthwise(kernel, stride, padding, _, dilation):
            x, scheme = _padded(net, node, kernel, stride, padding, dilation)
            w, b = _kernel(net, node, weights, (1, 2, 3, 0))
            options = schema.DepthwiseConv2DOptionsT(
                scheme, stride, stride, 1, act, dilation, dilation
            )
            version = 2 if dilation > 1 else 1
            net.operator(Code.DEPTHWISE_CONV_2D, (x, w, b), node.name, shape, options, version)
        case Dense(units):
            _dense(net, node, weights, act, units, flat=near.is_end)
        case BatchNorm(_, epsilon):
            scale, shift = _normalization(node, weights, epsilon)
            scale_name = net.constant(f"{node.name}/scale", scale)
            shift_name = net.constant(f"{node.name}/shift", shift)
            scaled = _multiply(net, (inputs[0], scale_name), f"{node.name}/scaled", shape)
            _add(net, (scaled, shift_name), node.name, shape, act)
        case Activation(kind):
            _activation(net, kind, inputs[0], node.name, shape)
        case Add():
            _add(net, inputs, node.name, shape, act)
        case Multiply():
            _multiply(net, inputs, node.name, shape, act)
        case Concat():
            options, parts = schema.ConcatenationOptionsT(axis=3), [net.rescaled(x) for x in inputs]
            net.operator(Code.CONCATENATION, parts, node.name, shape, options)
        case Dropout() | DropPath() | MaxPool(1, 1) | AvgPool(1, 1):
            # XNNPACK makes a clamp of a 1x1 pool, and wrong values of three clamps in a row.
            net.alias(node.name, inputs[0])
        case MaxPool(kernel, stride, padding):
            fill = 0 if near.is_positive else -np.inf  # XNNPACK has no padding but with zeros
            x, scheme = _padded(net, node, (kernel, kernel), stride, padding, fill=fill)
            options = schema.Pool2DOptionsT(scheme, stride, stride, kernel, kernel)
            net.operator(Code.MAX_POOL_2D, (x,), node.name, shape, options)
        case AvgPool(kernel, stride, padding):
            x, scheme = _padded(net, node, (kernel, kernel), stride, padding)
            options = schema.Pool2DOptionsT(scheme, stride, stride, kernel, kernel)
            if x == inputs[0]:
                net.operator(Code.AVERAGE_POOL_2D, (x,), node.name, shape, options)
            else:  # the zeros of an explicit padding were counted
                mean = net.operator(Code.AVERAGE_POOL_2D, (x,), f"{node.name}/mean", shape, options)
                area = net.constant(f"{node.name}/area", _area(node, kernel, stride, padding))
                _multiply(net, (mean, area), node.name, shape)
        case GlobalAvgPool():
            axes = net.constant("/axes", np.array([1, 2], np.int32))
            options = schema.ReducerOptionsT(keepDims=True)
            net.operator(Code.MEAN, (inputs[0], axes), node.name, shape, options)
        case Shift():
            _shift(net, node)
        case _:
            assert_never(node.op)


def reshape(net: Assembly, x: str, output: str, shape: tuple[int, ...]) -> str:
    """The same values in another shape."""
    target = net.constant(f"{output}/shape", np.array(shape, np.int32))
    options = schema.ReshapeOptionsT(newShape=list(shape))
    return net.operator(Code.RESHAPE, (x, target), output, shape, options)


def _padded(
    net: Assembly,
    node: Node,
    kernel: tuple[int, int],
    stride: int,
    padding: Padding,
    dilation: int = 1,
    fill: float = 0.0,
) -> tuple[str, int]:
    """The input to slide over, padded first if no scheme of the format does it, and the scheme."""
    h, w, c = node.input_shapes[0]
    wanted, same = (
        (pads(h, kernel[0], stride, scheme, dilation), pads(w, kernel[1], stride, scheme, dilation))
        for scheme in (padding, "same")
    )
    (top, bottom), (left, right) = wanted
    if wanted == same:
        return node.inputs[0], schema.Padding.SAME
    if not any((top, bottom, left, right)):
        return node.inputs[0], schema.Padding.VALID
    shape = (1, top + h + bottom, left + w + right, c)
    margins = np.array([(0, 0), (top, bottom), (left, right), (0, 0)], np.int32)
    inputs = [node.inputs[0], net.constant(f"{node.name}/pads", margins)]
    if fill == 0:
        net.operator(Code.PAD, inputs, f"{node.name}/padded", shape, schema.PadOptionsT())
    else:
        # ai-edge-quantizer wants as many axes in the constant as in the map.
        inputs.append(net.constant("/fill", np.full((1, 1, 1, 1), fill, np.float32)))
        net.operator(Code.PADV2, inputs, f"{node.name}/padded", shape, schema.PadV2OptionsT())
    return f"{node.name}/padded", schema.Padding.VALID


def _shift(net: Assembly, node: Node) -> None:
    """A row and a column of zeros below and on the right; then all but the first of each."""
    h, w, c = node.shape
    margins = net.constant("/shift", np.array([(0, 0), (0, 1), (0, 1), (0, 0)], np.int32))
    padded, shape = f"{node.name}/padded", (1, h + 1, w + 1, c)
    net.operator(Code.PAD, (node.inputs[0], margins), padded, shape, schema.PadOptionsT())
    begin = net.constant("/shift/begin", np.array([0, 1, 1, 0], np.int32))
    size = net.constant(f"{node.name}/size", np.array([1, h, w, c], np.int32))
    options = schema.SliceOptionsT()
    net.operator(Code.SLICE, (padded, begin, size), node.name, (1, h, w, c), options)


def _kernel(net: Assembly, node: Node, weights: Weights, order: tuple[int, ...]) -> tuple[str, str]:
    """The constants for the weight, its axes in another order, and for the bias."""
    zeros = np.zeros(node.shape[2], np.float32)
    kernel, bias = weights[f"{node.name}.weight"], weights.get(f"{node.name}.bias", zeros)
    return net.layer(node.name, node.inputs[0], kernel, bias, order)


def _dense(
    net: Assembly, node: Node, weights: Weights, act: int, units: int, *, flat: bool
) -> None:
    """A fully connected operator keeps a map's dimensions only where the map is 1x1."""
    keep = not flat and node.input_shapes[0][:2] == (1, 1)
    options = schema.FullyConnectedOptionsT(act, keepNumDims=keep)
    operands = (node.inputs[0], *_kernel(net, node, weights, (0, 1)))
    if keep:
        shape = (1, 1, 1, units)
        net.operator(Code.FULLY_CONNECTED, operands, node.name, shape, options, version=5)
    elif flat:
        net.operator(Code.FULLY_CONNECTED, operands, node.name, (1, units), options)
    else:
        y = f"{node.name}/units"
        net.operator(Code.FULLY_CONNECTED, operands, y, (1, units), options)
        reshape(net, y, node.name, (1, 1, 1, units))


def _activation(net: Assembly, kind: Kind, x: str, output: str, shape: tuple[int, ...]) -> None:
    match kind:
        case "relu":
            net.operator(Code.RELU, (x,), output, shape)
        case "relu6":  # not RELU6, which ai-edge-quantizer would leave in float
            _multiply(net, (x, _scalar(net, 1)), output, shape, FUSED["relu6"])
        case "hswish":
            net.operator(Code.HARD_SWISH, (x,), output, shape, schema.HardSwishOptionsT())
        case "sigmoid":
            net.operator(Code.LOGISTIC, (x,), output, shape)
        case "swish":
            gate = net.operator(Code.LOGISTIC, (x,), f"{output}/gate", shape)
            _multiply(net, (x, gate), output, shape)
        case "hsigmoid":  # relu6(x + 3) / 6; the format has no operator for it
            raised = _add(net, (x, _scalar(net, 3)), f"{output}/raised", shape, FUSED["relu6"])
            _multiply(net, (raised, _scalar(net, 1 / 6)), output, shape)


def _add(
    net: Assembly, inputs: tuple[str, ...], output: str, shape: tuple[int, ...], act: int = 0
) -> str:
    return net.operator(Code.ADD, inputs, output, shape, schema.AddOptionsT(act))


def _multiply(
    net: Assembly, inputs: tuple[str, ...], output: str, shape: tuple[int, ...], act: int = 0
) -> str:
    return net.operator(Code.MUL, inputs, output, shape, schema.MulOptionsT(act))


def _scalar(net: Assembly, value: float) -> str:
    return net.constant(f"/{value:.6g}", np.array([value], np.float32))


def _normalization(node: Node, weights: Weights, epsilon: float) -> tuple[Any, Any]:
    """A batch norm's scale and shift at inference, from double precision."""
    gamma, beta, mean, variance = (
        weights[f"{node.name}.{key}"].astype(np.float64)
        for key in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + epsilon)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _area(node: Node, kernel: int, stride: int, padding: Padding) -> NDArray[np.float32]:
    """The window's area over the part of it on real pixels, as (1, height, width, 1)."""
    real = []
    for size, length in zip(node.input_shapes[0][:2], node.shape[:2], strict=True):
        before, _ = pads(size, kernel, stride, padding)
        first = np.arange(length) * stride - before
        real.append(np.minimum(first + kernel, size) - np.maximum(first, 0))
    area: NDArray[np.float32] = (kernel**2 / np.outer(*real)).astype(np.float32)
    return area[None, :, :, None]
