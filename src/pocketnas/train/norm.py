"""Batch norm and the activation behind it, trained as one operation on a processor."""

from typing import Any

import numpy as np
import torch
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

FUSED: dict[Kind | None, int] = {None: NONE, "relu": RELU, "relu6": RELU6, "hswish": HSWISH}

_WIDE = 128  # numbers in a row at least: shorter ones fill no vector registers

Floats = NDArray[np.float32]


def usable(x: Tensor, weights: Any) -> bool:
    """Whether `batch_norm` is for this map; with several threads torch's own are sooner awake."""
    trains = weights.training and torch.is_grad_enabled() and torch.get_num_threads() == 1
    return trains and x.device.type == "cpu" and x.dtype == torch.float32 and _count(x) > 1


def batch_norm(
    x: Tensor, weights: Any, momentum: float, epsilon: float, kind: Kind | None
) -> Tensor:
    """The activation `kind`, one of `FUSED`, of the normalized map, and new running statistics.

    Args:
        x: (N, C, H, W).
        weights: holds weight, bias, running_mean and running_var.
        momentum: share of the new in the running statistics.
        epsilon: added to the variance.
        kind: of the activation; None leaves it out.
    """
    y: Tensor = _Norm.apply(  # type: ignore[no-untyped-call]
        *(x, weights.weight, weights.bias, weights.running_mean, weights.running_var),
        *(momentum, epsilon, FUSED[kind]),
    )
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
        count, channels = _count(x), len(weight)
        near = rows[0, :channels].copy()
        first, second = np.zeros((2, rows.shape[1]))
        moments(rows, np.tile(near, repeats), first, second)
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
        normalize(rows, out, wide[0], wide[1], kind)
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
        first, second = np.zeros((2, rows.shape[1]))
        gradient_sums(rows, given, gradient, mean, scale, shift, ctx.kind, first, second)
        channels = rows.shape[1] // repeats
        first, second = (sums.reshape(repeats, channels).sum(0) for sums in (first, second))
        means = first / ctx.count, second * ctx.inverse**2 / ctx.count
        small = [np.tile(each.astype(np.float32), repeats) for each in means]
        if ctx.kind == NONE:
            input_gradient(rows, given, out, mean, scale, *small)
        else:
            input_gradient_in_place(rows, out, mean, scale, *small)
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


def _count(x: Tensor) -> int:
    """Values of each channel."""
    return x.numel() // x.shape[1]
