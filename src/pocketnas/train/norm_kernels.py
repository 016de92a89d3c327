"""Batch norm and the activation behind it in one pass, compiled by Numba when first called.

In torch each of the two reads and writes the whole map, forward and backward; on a processor that
traffic, not arithmetic, is what they cost. Maps are (rows, width): pixels one behind the other with
the channels last, and where there are few channels, several pixels in a row.

`kind` is 0 for no activation, 1 for relu, 2 for relu6, 3 for hswish.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

NONE, RELU, RELU6, HSWISH = range(4)

_compiled: Any = njit(fastmath=True, nogil=True, cache=True, error_model="numpy")
_CHUNK = 64  # rows summed in float32 before they are added to a float64


@_compiled  # type: ignore[untyped-decorator]
def moments(x: Floats, near: Floats, first: Doubles, second: Doubles) -> None:  # pragma: no cover
    """Adds the sums of x - near and of its square over the rows; near keeps them small."""
    rows, width = x.shape
    a, b = np.zeros(width, np.float32), np.zeros(width, np.float32)
    row = 0
    while row < rows:
        end = min(rows, row + _CHUNK)
        a[:], b[:] = 0, 0
        while row + 4 <= end:
            r0, r1, r2, r3 = x[row], x[row + 1], x[row + 2], x[row + 3]
            for c in range(width):
                k = near[c]
                d0, d1, d2, d3 = r0[c] - k, r1[c] - k, r2[c] - k, r3[c] - k
                a[c] += (d0 + d1) + (d2 + d3)
                b[c] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
            row += 4
        while row < end:
            r0 = x[row]
            for c in range(width):
                d0 = r0[c] - near[c]
                a[c] += d0
                b[c] += d0 * d0
            row += 1
        for c in range(width):
            first[c] += a[c]
            second[c] += b[c]


@_compiled  # type: ignore[untyped-decorator]
def normalize(
    x: Floats, y: Floats, scale: Floats, shift: Floats, kind: int
) -> None:  # pragma: no cover
    """Fills y with the activation of x * scale + shift."""
    zero, three, six = np.float32(0), np.float32(3), np.float32(6)
    sixth = np.float32(1 / 6)
    for row in range(len(x)):
        v, o = x[row], y[row]
        if kind == 1:
            for c in range(len(v)):
                o[c] = max(v[c] * scale[c] + shift[c], zero)
        elif kind == 2:
            for c in range(len(v)):
                o[c] = min(max(v[c] * scale[c] + shift[c], zero), six)
        elif kind == 3:
            for c in range(len(v)):
                z = v[c] * scale[c] + shift[c]
                o[c] = z * min(max(z + three, zero), six) * sixth
        else:
            for c in range(len(v)):
                o[c] = v[c] * scale[c] + shift[c]


@_compiled  # type: ignore[untyped-decorator]
def through_activation(
    x: Floats, dy: Floats, g: Floats, scale: Floats, shift: Floats, kind: int
) -> None:  # pragma: no cover
    """Fills g with the gradient in front of the activation, which is recomputed."""
    zero, one, three, six = np.float32(0), np.float32(1), np.float32(3), np.float32(6)
    third, half = np.float32(1 / 3), np.float32(0.5)
    for row in range(len(x)):
        v, d, o = x[row], dy[row], g[row]
        if kind == 1:
            for c in range(len(v)):
                e = d[c]  # read in any case: a branch would keep the loop from being vectorized
                o[c] = e if v[c] * scale[c] + shift[c] > zero else zero
        elif kind == 2:
            for c in range(len(v)):
                z = v[c] * scale[c] + shift[c]
                e = d[c]
                o[c] = e if (z > zero) & (z < six) else zero
        else:
            for c in range(len(v)):
                z = v[c] * scale[c] + shift[c]
                slope = z * third + half
                slope = zero if z <= -three else (one if z >= three else slope)
                o[c] = d[c] * slope


@_compiled  # type: ignore[untyped-decorator]
def gradient_sums(
    x: Floats,
    dy: Floats,
    g: Floats,
    mean: Floats,
    scale: Floats,
    shift: Floats,
    kind: int,
    first: Doubles,
    second: Doubles,
) -> None:  # pragma: no cover
    """Fills g with the gradient in front of the activation, adds the sums of g and g * (x - mean).

    Without an activation g has to be dy.
    """
    rows, width = x.shape
    a, b = np.zeros(width, np.float32), np.zeros(width, np.float32)
    for begin in range(0, rows, _CHUNK):  # of one chunk, g is still in the cache
        end = min(rows, begin + _CHUNK)
        if kind != 0:
            through_activation(x[begin:end], dy[begin:end], g[begin:end], scale, shift, kind)
        a[:], b[:] = 0, 0
        row = begin
        while row + 2 <= end:
            v0, v1, g0, g1 = x[row], x[row + 1], g[row], g[row + 1]
            for c in range(width):
                e0, e1, m = g0[c], g1[c], mean[c]
                a[c] += e0 + e1
                b[c] += e0 * (v0[c] - m) + e1 * (v1[c] - m)
            row += 2
        while row < end:
            v0, g0 = x[row], g[row]
            for c in range(width):
                a[c] += g0[c]
                b[c] += g0[c] * (v0[c] - mean[c])
            row += 1
        for c in range(width):
            first[c] += a[c]
            second[c] += b[c]


@_compiled  # type: ignore[untyped-decorator]
def input_gradient(
    x: Floats, g: Floats, dx: Floats, mean: Floats, scale: Floats, first: Floats, second: Floats
) -> None:  # pragma: no cover
    """Fills dx with scale * (g - first - (x - mean) * second)."""
    for row in range(len(x)):
        v, d, o = x[row], g[row], dx[row]
        for c in range(len(v)):
            o[c] = scale[c] * (d[c] - first[c] - (v[c] - mean[c]) * second[c])


@_compiled  # type: ignore[untyped-decorator]
def input_gradient_in_place(
    x: Floats, g: Floats, mean: Floats, scale: Floats, first: Floats, second: Floats
) -> None:  # pragma: no cover
    """Likewise over g. The same array under two names would keep the loop from being vectorized."""
    for row in range(len(x)):
        v, o = x[row], g[row]
        for c in range(len(v)):
            o[c] = scale[c] * (o[c] - first[c] - (v[c] - mean[c]) * second[c])
