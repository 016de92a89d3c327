"""Batch norm and the activation behind it, as one operation where a processor trains."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from pocketnas.graph.ops import Kind
from pocketnas.train.norm_kernels import (
    HSWISH,
    NONE,
    RELU,
    RELU6,
    gradient_sums,
    input_gradient,
    input_gradient_in_place,
    moments,
    normalize,
)
from pocketnas.train.threads import in_parts

FUSED: dict[Kind | None, int] = {None: NONE, "relu": RELU, "relu6": RELU6, "hswish": HSWISH}

_WIDE = 128  # numbers in a row at least: shorter ones fill no vector registers
_WORTH_A_THREAD = 1 << 18  # numbers

Floats = NDArray[np.float32]


def batch_norm(
    x: Tensor, weights: Any, momentum: float, epsilon: float, kind: Kind | None
) -> Tensor:
    """The activation `kind`, one of `FUSED`, of the normalized map, and in training new statistics.

    Args:
        x: (N, C, H, W).
        weights: holds weight, bias, running_mean, running_var and training.
        momentum: share of the new in the running statistics.
        epsilon: added to the variance.
        kind: of the activation; None leaves it out.
    """
    ours = weights.training and x.device.type == "cpu" and x.dtype == torch.float32
    # With several threads torch's own are faster to wake than ours.
    ours = ours and torch.get_num_threads() == 1
    if ours and torch.is_grad_enabled() and x.numel() > 2 * x.shape[1]:
        y: Tensor = _Norm.apply(  # type: ignore[no-untyped-call]
            *(x, weights.weight, weights.bias, weights.running_mean, weights.running_var),
            *(momentum, epsilon, FUSED[kind]),
        )
        return y
    y = F.batch_norm(
        *(x, weights.running_mean, weights.running_var, weights.weight, weights.bias),
        *(weights.training, momentum, epsilon),
    )
    match kind:
        case "relu":
            return torch.relu_(y)
        case "relu6":
            return F.relu6(y, inplace=True)
        case "hswish":
            return F.hardswish(y)
        case _:
            return y


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        epsilon: float,
        kind: int,
    ) -> Tensor:
        rows, repeats = _rows(x)
        count, channels = rows.size // len(weight), len(weight)
        near = rows[0, :channels].copy()
        first, second = _summed(moments, rows, np.tile(near, repeats))
        first, second = (sums.reshape(repeats, channels).sum(0) / count for sums in (first, second))
        mean, variance = first + near, np.maximum(second - first * first, 0.0)
        running_mean.lerp_(torch.from_numpy(mean.astype(np.float32)), momentum)
        unbiased = variance * (count / (count - 1))
        running_var.lerp_(torch.from_numpy(unbiased.astype(np.float32)), momentum)
        inverse = 1 / np.sqrt(variance + epsilon)
        scale = weight.detach().numpy() * inverse
        shift = bias.detach().numpy() - mean * scale
        wide = [np.tile(each.astype(np.float32), repeats) for each in (scale, shift, mean)]
        y = torch.empty_like(x, memory_format=torch.channels_last)
        out, _ = _rows(y)
        in_parts(
            len(rows),
            rows.size,
            lambda part: normalize(rows[part], out[part], wide[0], wide[1], kind),
            _WORTH_A_THREAD,
        )
        ctx.save_for_backward(x)
        ctx.wide, ctx.inverse, ctx.kind, ctx.count = wide, inverse, kind, count
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        scale, shift, mean = ctx.wide
        rows, repeats = _rows(x)
        given, _ = _rows(dy)
        dx = torch.empty_like(x, memory_format=torch.channels_last)
        out, _ = _rows(dx)
        gradient = given if ctx.kind == NONE else out
        first, second = _summed(gradient_sums, rows, given, gradient, mean, scale, shift, ctx.kind)
        channels = rows.shape[1] // repeats
        first, second = (sums.reshape(repeats, channels).sum(0) for sums in (first, second))
        means = first / ctx.count, second * ctx.inverse**2 / ctx.count
        small = [np.tile(each.astype(np.float32), repeats) for each in means]

        def some(part: slice) -> None:
            if ctx.kind == NONE:
                input_gradient(rows[part], given[part], out[part], mean, scale, *small)
            else:
                input_gradient_in_place(rows[part], out[part], mean, scale, *small)

        in_parts(len(rows), rows.size, some, _WORTH_A_THREAD)
        of_weight = torch.from_numpy((second * ctx.inverse).astype(np.float32))
        of_bias = torch.from_numpy(first.astype(np.float32))
        return dx, of_weight, of_bias, None, None, None, None, None


def _rows(x: Tensor) -> tuple[Floats, int]:
    """The map as (rows, width), and how many pixels a row holds; a view where channels are last."""
    pixels = x.detach().permute(0, 2, 3, 1).contiguous()
    channels = pixels.shape[3]
    count, repeats = pixels.numel() // channels, 1
    while channels * repeats < _WIDE and count % (2 * repeats) == 0:
        repeats *= 2
    return pixels.view(count // repeats, repeats * channels).numpy(), repeats


def _summed(kernel: Any, *given: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a kernel adds up over the rows of its maps; all else it is given goes to every part."""
    rows, width = given[0].shape

    def some(part: slice) -> NDArray[np.float64]:
        sums = np.zeros((2, width))
        kernel(*(x[part] if np.ndim(x) == 2 else x for x in given), sums[0], sums[1])
        return sums

    total = np.sum(in_parts(rows, rows * width, some, _WORTH_A_THREAD), 0)
    return total[0], total[1]
