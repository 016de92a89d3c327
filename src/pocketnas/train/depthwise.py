"""The depthwise convolution, with gradients that take about as long as the convolution itself."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from pocketnas.train.depthwise_kernels import (
    input_gradient,
    weight_gradient,
    weight_gradient_by_rows,
)
from pocketnas.train.threads import in_parts

Pads = tuple[int, int, int, int]  # top, bottom, left, right

_FEW = 24  # channels: fewer fill no vector registers
_WORTH_A_THREAD = 1 << 20  # multiply-adds


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, pads: Pads) -> Tensor:
    """Each channel by its own kernel.

    Args:
        x: (N, C, H, W).
        weight: (C, 1, height, width).
        bias: (C,) or None.
        stride: of both axes.
        pads: zeros around the map: top, bottom, left, right.
    """
    if torch.is_grad_enabled() and x.device.type == "cpu" and x.dtype == torch.float32:
        y: Tensor = _Depthwise.apply(x, weight, stride, pads)  # type: ignore[no-untyped-call]
        return y if bias is None else y + bias[:, None, None]
    return _forward(x, weight, bias, stride, pads)


def _forward(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, pads: Pads) -> Tensor:
    top, bottom, left, right = pads
    if (top, left) == (bottom, right):
        return torch.conv2d(x, weight, bias, stride, (top, left), 1, len(weight))
    return torch.conv2d(
        F.pad(x, [left, right, top, bottom]), weight, bias, stride, 0, 1, len(weight)
    )


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, pads: Pads) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.pads = stride, pads
        return _forward(x, weight, None, stride, pads)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight = ctx.needs_input_grad[:2]
        dx = _of_input(dy, weight, x.shape, ctx.stride, ctx.pads) if of_x else None
        dw = _of_weight(x, dy, weight.shape, ctx.stride, ctx.pads) if of_weight else None
        return dx, dw, None, None


def _of_input(dy: Tensor, weight: Tensor, shape: torch.Size, stride: int, pads: Pads) -> Tensor:
    height, width = weight.shape[2:]
    top, bottom, left, right = pads
    if stride == 1 and max(top, bottom) < height and max(left, right) < width:
        back = height - 1 - top, height - 1 - bottom, width - 1 - left, width - 1 - right
        return _forward(dy, weight.flip(2, 3), None, 1, back)
    n, channels, rows, columns = shape
    dx = np.zeros((n, rows, columns, channels), np.float32)
    d, w = _last(dy), _last(weight.transpose(0, 1))[0]

    def some(part: slice) -> None:
        input_gradient(d[part], w, dx[part], stride, top, left)

    in_parts(n, dy.numel() * height * width, some, _WORTH_A_THREAD)
    return torch.from_numpy(dx).permute(0, 3, 1, 2)


def _of_weight(x: Tensor, dy: Tensor, shape: torch.Size, stride: int, pads: Pads) -> Tensor:
    channels, _, height, width = shape
    top, bottom, left, right = pads
    even = (top, left) == (bottom, right)
    if stride == 1 and even and max(height, width) <= 3 <= min(x.shape[2:]):  # has its own kernel
        found = torch.ops.aten.convolution_backward(
            *(dy, x, x.new_empty(shape), None, [1, 1], [top, left], [1, 1]),
            *(False, [0, 0], channels, [False, True, False]),
        )
        dw: Tensor = found[1]
        return dw
    v, d = _last(x), _last(dy)
    n, columns = len(v), d.shape[2]

    def some(part: slice) -> NDArray[np.float32]:
        if stride == 1 and channels < _FEW:
            sums = np.zeros((height, width, columns * channels), np.float32)
            flat = (
                array[part].reshape(-1, array.shape[1], array.shape[2] * channels)
                for array in (v, d)
            )
            weight_gradient_by_rows(*flat, sums, channels, top, left)
            kept: NDArray[np.float32] = sums.reshape(height, width, columns, channels).sum(2)
            return kept
        sums = np.zeros((height, width, channels), np.float32)
        weight_gradient(v[part], d[part], sums, stride, top, left)
        return sums

    total = sum(in_parts(n, dy.numel() * height * width, some, _WORTH_A_THREAD))
    return torch.from_numpy(total).permute(2, 0, 1)[:, None]


def _last(x: Tensor) -> NDArray[np.float32]:
    """A view with the channels last, or a copy where they are not last in memory."""
    return np.ascontiguousarray(x.detach().permute(0, 2, 3, 1).numpy())
