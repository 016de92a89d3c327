"""Gradients of depthwise convolutions on a processor, compiled by Numba when first called.

oneDNN (torch 2.13) has no kernel of its own for two of them: the gradient of a 5x5's weights takes
about ten times as long as the convolution, and that of a strided one's input likewise. Here the
channels come last in memory, so that the innermost loops run over neighbours. The compiled code is
kept beside this file, or in the user's cache where that cannot be written.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_compiled: Any = njit(fastmath=True, nogil=True, cache=True, error_model="numpy")


@_compiled  # type: ignore[untyped-decorator]
def weight_gradient(
    x: Floats, dy: Floats, dw: Floats, stride: int, top: int, left: int
) -> None:  # pragma: no cover
    """Adds to `dw`.

    Args:
        x: the input, (N, H, W, C).
        dy: the output's gradient, (N, H', W', C).
        dw: the weights' gradient, (kernel height, kernel width, C).
        stride: of the convolution.
        top: rows of padding above.
        left: columns of padding on the left.
    """
    images, height, width, channels = x.shape
    _, rows, columns, _ = dy.shape
    for n in range(images):
        for row in range(rows):
            for i in range(dw.shape[0]):
                y = row * stride - top + i
                if y < 0 or y >= height:
                    continue
                for j in range(dw.shape[1]):
                    first = max(0, (left - j + stride - 1) // stride)
                    end = min(columns, (width - 1 + left - j) // stride + 1)
                    sums = dw[i, j]
                    column = first
                    while column + 4 <= end:  # four products for each load and store of a sum
                        at = column * stride - left + j
                        x0, x1 = x[n, y, at], x[n, y, at + stride]
                        x2, x3 = x[n, y, at + 2 * stride], x[n, y, at + 3 * stride]
                        d0, d1 = dy[n, row, column], dy[n, row, column + 1]
                        d2, d3 = dy[n, row, column + 2], dy[n, row, column + 3]
                        for c in range(channels):
                            sums[c] += x0[c] * d0[c] + x1[c] * d1[c] + x2[c] * d2[c] + x3[c] * d3[c]
                        column += 4
                    while column < end:
                        x0, d0 = x[n, y, column * stride - left + j], dy[n, row, column]
                        for c in range(channels):
                            sums[c] += x0[c] * d0[c]
                        column += 1


@_compiled  # type: ignore[untyped-decorator]
def weight_gradient_by_rows(
    x: Floats, dy: Floats, sums: Floats, channels: int, top: int, left: int
) -> None:  # pragma: no cover
    """Likewise of stride 1, for few channels: whole rows of pixels are the innermost loop.

    Args:
        x: the input, (N, H, W x C).
        dy: the output's gradient, (N, H', W' x C).
        sums: is added to, (kernel height, kernel width, W' x C); over W' it sums up to `dw`.
        channels: C.
        top: rows of padding above.
        left: columns of padding on the left.
    """
    images, height, _ = x.shape
    width, columns = x.shape[2] // channels, dy.shape[2] // channels
    for n in range(images):
        for row in range(dy.shape[1]):
            for i in range(sums.shape[0]):
                y = row - top + i
                if y < 0 or y >= height:
                    continue
                for j in range(sums.shape[1]):
                    first, end = max(0, left - j), min(columns, width + left - j)
                    if first >= end:
                        continue
                    a = sums[i, j, first * channels : end * channels]
                    d = dy[n, row, first * channels : end * channels]
                    v = x[n, y, (first - left + j) * channels : (end - left + j) * channels]
                    for c in range(len(a)):
                        a[c] += v[c] * d[c]


@_compiled  # type: ignore[untyped-decorator]
def input_gradient(
    dy: Floats, w: Floats, dx: Floats, stride: int, top: int, left: int
) -> None:  # pragma: no cover
    """Adds to `dx`, which begins as zeros.

    Args:
        dy: the output's gradient, (N, H', W', C).
        w: the weights, (kernel height, kernel width, C).
        dx: the input's gradient, (N, H, W, C).
        stride: of the convolution.
        top: rows of padding above.
        left: columns of padding on the left.
    """
    images, height, width, channels = dx.shape
    _, rows, columns, _ = dy.shape
    for n in range(images):
        for row in range(rows):
            for i in range(w.shape[0]):
                y = row * stride - top + i
                if y < 0 or y >= height:
                    continue
                for column in range(columns):
                    d = dy[n, row, column]
                    for j in range(w.shape[1]):
                        at = column * stride - left + j
                        if at < 0 or at >= width:
                            continue
                        sums, v = dx[n, y, at], w[i, j]
                        for c in range(channels):
                            sums[c] += d[c] * v[c]
