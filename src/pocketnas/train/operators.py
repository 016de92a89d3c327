"""Primitive op → the torch function that computes it on (N, C, H, W) maps.

A function takes the module that holds its node's weights, then its inputs. All are partials of
module-level functions that capture numbers only, so a network can be deep-copied and pickled.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

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
from pocketnas.train.depthwise import Pads, depthwise
from pocketnas.train.norm import batch_norm, usable

Run = Callable[..., Tensor]


def operator(node: Node, *, inplace: bool) -> Run:
    """What computes `node`.

    Args:
        node: the node.
        inplace: whether the first input may be overwritten.
    """
    match node.op:
        case Input():
            return _identity
        case Conv(_, (1, 1), stride, groups=1) if stride > 1 and node.input_shapes[0][2] < 8:
            return partial(_subsampled_conv, stride)
        case Conv(_, kernel, stride, padding, groups, _, dilation):
            fill, own = _padding(node, kernel, stride, padding, dilation)
            return partial(_conv, fill, (stride, own, dilation, groups))
        case Depthwise(kernel, stride, padding, _, 1):
            height, width, _ = node.input_shapes[0]
            rows, columns = (
                pads(height, kernel[0], stride, padding),
                pads(width, kernel[1], stride, padding),
            )
            return partial(_depthwise, stride, (*rows, *columns))
        case Depthwise(kernel, stride, padding, _, dilation):
            fill, own = _padding(node, kernel, stride, padding, dilation)
            return partial(_conv, fill, (stride, own, dilation, node.shape[2]))
        case BatchNorm():
            return norm(node.op, None)
        case Activation(kind):
            return partial(_activation, _nonlinearity(kind, inplace=inplace))
        case Add():
            return _add
        case Multiply():
            return _multiply
        case Concat():
            return _concat
        case MaxPool(kernel, stride, padding):
            fill, own = _padding(node, (kernel, kernel), stride, padding)
            return partial(_max_pool, fill, kernel, stride, own)
        case AvgPool(kernel, stride, padding):
            fill, own = _padding(node, (kernel, kernel), stride, padding)
            return partial(_avg_pool, fill, kernel, stride, own)
        case GlobalAvgPool():
            return _global_avg_pool
        case Dense():
            return _dense
        case Shift():
            return _shift
        case Dropout(rate):
            return partial(_dropout, rate)
        case DropPath(rate):
            return partial(_drop_path, rate)
        case _:
            assert_never(node.op)


def _padding(
    node: Node,
    kernel: tuple[int, int],
    stride: int,
    padding: Padding,
    dilation: int = 1,
) -> tuple[list[int] | None, tuple[int, int]]:
    """How to pad: beforehand (`F.pad`) if the sides differ, else by the op itself."""
    height, width, _ = node.input_shapes[0]
    top, bottom = pads(height, kernel[0], stride, padding, dilation)
    left, right = pads(width, kernel[1], stride, padding, dilation)
    if (top, left) == (bottom, right):
        return None, (top, left)
    return [left, right, top, bottom], (0, 0)


def _nonlinearity(kind: Kind, *, inplace: bool) -> Callable[[Tensor], Tensor]:
    # Only relu and relu6 gain by overwriting: the gradients of the others need the input.
    match kind:
        case "relu":
            return torch.relu_ if inplace else torch.relu
        case "relu6":
            return partial(F.relu6, inplace=inplace)
        case "hswish":
            return F.hardswish
        case "hsigmoid":
            return F.hardsigmoid
        case "swish":
            return F.silu
        case "sigmoid":
            return torch.sigmoid


def _identity(_: Any, x: Tensor) -> Tensor:
    return x


def _conv(fill: list[int] | None, options: tuple[Any, ...], weights: Any, x: Tensor) -> Tensor:
    if fill is not None:
        x = F.pad(x, fill)
    return torch.conv2d(x, weights.weight, weights.bias, *options)


def _subsampled_conv(stride: int, weights: Any, x: Tensor) -> Tensor:
    # Left to itself, oneDNN (torch 2.13) writes past its memory in the gradient of a strided 1x1
    # convolution of 2 to 7 channels that come last: sooner or later the process aborts.
    return torch.conv2d(x[:, :, ::stride, ::stride], weights.weight, weights.bias)


def _depthwise(stride: int, around: Pads, weights: Any, x: Tensor) -> Tensor:
    return depthwise(x, weights.weight, weights.bias, stride, around)


def norm(op: BatchNorm, kind: Kind | None) -> Run:
    """Batch norm with the activation `kind` behind it, one of `FUSED`."""
    after = None if kind is None else _nonlinearity(kind, inplace=True)
    new = 1 - op.momentum  # torch's momentum
    return partial(_batch_norm, new, op.epsilon, kind, after)


def _batch_norm(
    momentum: float,
    epsilon: float,
    kind: Kind | None,
    after: Callable[[Tensor], Tensor] | None,
    weights: Any,
    x: Tensor,
) -> Tensor:
    if usable(x, weights):
        return batch_norm(x, weights, momentum, epsilon, kind)
    y = F.batch_norm(
        *(x, weights.running_mean, weights.running_var, weights.weight, weights.bias),
        *(weights.training, momentum, epsilon),
    )
    return y if after is None else after(y)


def _activation(function: Callable[[Tensor], Tensor], _: Any, x: Tensor) -> Tensor:
    return function(x)


def _add(_: Any, x: Tensor, y: Tensor) -> Tensor:
    return x + y


def _multiply(_: Any, x: Tensor, y: Tensor) -> Tensor:
    return x * y


def _concat(_: Any, *xs: Tensor) -> Tensor:
    return torch.cat(xs, 1)


def _max_pool(
    fill: list[int] | None, kernel: int, stride: int, own: tuple[int, int], _: Any, x: Tensor
) -> Tensor:
    if fill is not None:
        x = F.pad(x, fill, value=-torch.inf)
    return torch.max_pool2d(x, kernel, stride, own)


def _avg_pool(
    fill: list[int] | None, kernel: int, stride: int, own: tuple[int, int], _: Any, x: Tensor
) -> Tensor:
    if fill is None:
        return F.avg_pool2d(x, kernel, stride, own, count_include_pad=False)
    real = x.new_ones(1, 1, *x.shape[2:])  # its padded mean is the share of real pixels
    x, real = (F.avg_pool2d(F.pad(value, fill), kernel, stride) for value in (x, real))
    return x / real


def _global_avg_pool(_: Any, x: Tensor) -> Tensor:
    return x.mean((2, 3), keepdim=True)


def _dense(weights: Any, x: Tensor) -> Tensor:
    if x.shape[2:] != (1, 1):
        x = x.permute(0, 2, 3, 1)  # weights count (H, W, C), as LiteRT flattens its maps
    y: Tensor = F.linear(x.flatten(1), weights.weight, weights.bias)
    return y[:, :, None, None]


def _dropout(rate: float, weights: Any, x: Tensor) -> Tensor:
    return F.dropout(x, rate, weights.training)


def _shift(_: Any, x: Tensor) -> Tensor:
    return F.pad(x, (-1, 1, -1, 1))


def _drop_path(rate: float, weights: Any, x: Tensor) -> Tensor:
    if not weights.training:
        return x
    dropped = rate * weights.drop_path_share
    kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= dropped
    scale: Tensor = kept / (1 - dropped)
    return x * scale
