from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder
from pocketnas.graph.ops import (
    KINDS,
    PADDINGS,
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
    MaxPool,
    Multiply,
    Op,
    Padding,
    Shape,
    Shift,
    infer,
    pads,
    weights,
)

SIZES = st.integers(1, 300)
KERNELS = st.integers(1, 9)
STRIDES = st.integers(1, 4)
DILATIONS = st.integers(1, 3)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "expected"),
    [
        # TensorFlow's SAME: the odd row is the last one.
        (224, 3, 2, "same", (0, 1)),
        (224, 5, 2, "same", (1, 2)),
        (225, 3, 2, "same", (1, 1)),
        (112, 3, 1, "same", (1, 1)),
        (7, 5, 1, "same", (2, 2)),
        (7, 1, 1, "same", (0, 0)),
        (8, 1, 2, "same", (0, 0)),  # the rule's -1 is no padding
        (1, 3, 2, "same", (1, 1)),
        (5, 2, 1, "same", (0, 1)),
        (224, 3, 2, "symmetric", (1, 1)),
        (224, 5, 2, "symmetric", (2, 2)),
        (224, 7, 2, "symmetric", (3, 3)),
        (224, 5, 2, "valid", (0, 0)),
    ],
)
def test_pads_golden(
    size: int, kernel: int, stride: int, padding: Padding, expected: tuple[int, int]
) -> None:
    assert pads(size, kernel, stride, padding) == expected


def test_dilation_widens_the_reach() -> None:
    assert pads(28, 3, 1, "same", dilation=2) == pads(28, 5, 1, "same") == (2, 2)
    assert pads(28, 3, 1, "symmetric", dilation=3) == (3, 3)
    assert infer(Conv(8, (3, 3), padding="valid", dilation=2), ((28, 28, 4),)) == (24, 24, 8)


@given(SIZES, KERNELS, STRIDES, DILATIONS)
def test_same_gives_the_ceiling_with_the_least_padding(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    before, after = pads(size, kernel, stride, "same", dilation)
    assert 0 <= before <= after <= before + 1
    outputs = -(-size // stride)
    reach = (kernel - 1) * dilation + 1
    assert _windows(size + before + after, reach, stride) == outputs
    if before + after:
        assert _windows(size + before + after - 1, reach, stride) == outputs - 1


@given(SIZES, KERNELS, STRIDES, DILATIONS, st.sampled_from(PADDINGS))
def test_infer_counts_the_windows(
    size: int, kernel: int, stride: int, dilation: int, padding: Padding
) -> None:
    reach = (kernel - 1) * dilation + 1
    expected = _windows(size + sum(pads(size, kernel, stride, padding, dilation)), reach, stride)
    ops: list[Op] = [
        Conv(8, (kernel, kernel), stride, padding, dilation=dilation),
        Depthwise((kernel, kernel), stride, padding, dilation=dilation),
    ]
    if dilation == 1:
        ops += [MaxPool(kernel, stride, padding), AvgPool(kernel, stride, padding)]
    for op in ops:
        if expected:
            assert infer(op, ((size, size, 8),)) == (expected, expected, 8)
        else:
            with pytest.raises(ArchitectureError, match=f"a window of {reach} does not fit"):
                infer(op, ((size, size, 8),))


def _windows(size: int, reach: int, stride: int) -> int:
    """How many windows fit, by laying them out."""
    return len(range(0, size - reach + 1, stride))


@pytest.mark.parametrize(
    ("op", "inputs", "expected"),
    [
        (Input((28, 20, 3)), [], (28, 20, 3)),
        (Conv(16, (3, 3), 2), [(225, 224, 3)], (113, 112, 16)),
        (Conv(16, (1, 7)), [(5, 5, 8)], (5, 5, 16)),
        (Conv(16, (1, 7), padding="valid"), [(5, 9, 8)], (5, 3, 16)),
        (Conv(16, (3, 3), 2, "symmetric"), [(224, 225, 3)], (112, 113, 16)),
        (Conv(16, (3, 3), groups=4), [(5, 5, 8)], (5, 5, 16)),
        (Depthwise((5, 5), 2), [(7, 8, 24)], (4, 4, 24)),
        (BatchNorm(), [(7, 8, 24)], (7, 8, 24)),
        (Dropout(0.2), [(1, 1, 24)], (1, 1, 24)),
        (DropPath(0.2), [(7, 8, 24)], (7, 8, 24)),
        (Shift(), [(7, 8, 24)], (7, 8, 24)),
        (GlobalAvgPool(), [(7, 8, 24)], (1, 1, 24)),
        (Dense(10), [(7, 8, 24)], (1, 1, 10)),
        (Add(), [(7, 8, 24), (7, 8, 24)], (7, 8, 24)),
        (Multiply(), [(7, 8, 24), (1, 1, 24)], (7, 8, 24)),
        (Multiply(), [(7, 8, 24), (7, 8, 24)], (7, 8, 24)),
        (Concat(), [(7, 8, 24), (7, 8, 3), (7, 8, 1)], (7, 8, 28)),
        (MaxPool(3, 2), [(7, 8, 24)], (4, 4, 24)),
        (AvgPool(3, 2, "valid"), [(7, 8, 24)], (3, 3, 24)),
        *((Activation(kind), [(7, 8, 24)], (7, 8, 24)) for kind in KINDS),
    ],
)
def test_infer_golden(op: Op, inputs: Sequence[Shape], expected: Shape) -> None:
    assert infer(op, tuple(inputs)) == expected


@pytest.mark.parametrize(
    ("op", "inputs", "message"),
    [
        (Conv(8, (3, 3)), [], "Conv: needs one input, got 0"),
        (Dense(8), [(1, 1, 2)] * 2, "Dense: needs one input, got 2"),
        (Shift(), [(7, 8, 24)] * 2, "Shift: needs one input, got 2"),
        (DropPath(0.2), [], "DropPath: needs one input, got 0"),
        (Conv(8, (3, 3), groups=3), [(5, 5, 6)], "groups must divide 6 inputs and 8 filters"),
        (Conv(9, (3, 3), groups=3), [(5, 5, 8)], "groups must divide 8 inputs and 9 filters"),
        (Conv(0, (3, 3)), [(5, 5, 8)], "filters must be a whole number from 1, got 0"),
        (Conv(8, (6, 1), padding="valid"), [(5, 5, 8)], "a window of 6 does not fit a map of 5"),
        (Add(), [(7, 7, 8)], r"add: needs two equal shapes, got \[\(7, 7, 8\)\]"),
        (Add(), [(7, 7, 8), (7, 7, 9)], "add: needs two equal shapes"),
        (Add(), [(7, 7, 8), (1, 1, 8)], "add: needs two equal shapes"),
        (Multiply(), [(7, 7, 8), (1, 1, 9)], "multiply: needs"),
        (Multiply(), [(1, 1, 8), (7, 7, 8)], "multiply: needs"),
        (Concat(), [], "concat: needs one height and width"),
        (Concat(), [(7, 7, 8), (7, 6, 8)], "concat: needs one height and width"),
    ],
)
def test_what_does_not_fit_is_refused(op: Op, inputs: Sequence[Shape], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        infer(op, tuple(inputs))


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (Conv(16, (3, 5)), {"weight": (16, 8, 3, 5)}),
        (Conv(16, (3, 5), groups=4, bias=True), {"weight": (16, 2, 3, 5), "bias": (16,)}),
        (Depthwise((3, 5)), {"weight": (8, 1, 3, 5)}),
        (Depthwise((3, 5), bias=True), {"weight": (8, 1, 3, 5), "bias": (8,)}),
        (BatchNorm(), {"weight": (8,), "bias": (8,)}),
        (Dense(10), {"weight": (10, 7 * 6 * 8), "bias": (10,)}),
        (Dense(10, bias=False), {"weight": (10, 7 * 6 * 8)}),
        (MaxPool(3), {}),
        (GlobalAvgPool(), {}),
        (Activation("relu"), {}),
        (Dropout(0.2), {}),
        (DropPath(0.2), {}),
        (Shift(), {}),
    ],
)
def test_weights_have_the_layout_of_torch(op: Op, expected: dict[str, tuple[int, ...]]) -> None:
    assert weights(op, ((7, 6, 8),)) == expected


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (Conv(0, (3, 3)), "Conv: filters must be a whole number from 1, got 0"),
        (Conv(8, (3, 0)), r"Conv: kernel must be a whole number from 1, got \(3, 0\)"),
        (Depthwise((3, 3), stride=0), "Depthwise: stride must be a whole number from 1, got 0"),
        (Depthwise((3, 3), dilation=-1), "dilation must be a whole number from 1, got -1"),
        (MaxPool(2, padding="full"), "padding must be one of same, valid, symmetric; got 'full'"),
        (Activation("tanh"), "kind must be one of relu, .*; got 'tanh'"),
        (Dense(0), "Dense: units must be a whole number from 1, got 0"),
        (Dropout(1.0), r"Dropout: rate must be in \[0, 1\), got 1\.0"),
        (DropPath(-0.1), r"DropPath: rate must be in \[0, 1\), got -0\.1"),
        (DropPath(float("nan")), r"DropPath: rate must be in \[0, 1\), got nan"),
    ],
)
def test_a_size_or_word_out_of_range_is_named(op: Op, words: str) -> None:
    with pytest.raises(ArchitectureError, match=words):
        infer(op, ((8, 8, 4),))


def test_a_scope_ends_with_an_error_too() -> None:
    net = Builder((8, 8, 3))
    with pytest.raises(ArchitectureError), net.scope("broken"):
        net.conv(net.input, "conv", 0)
    assert net.add("relu", Activation("relu"), net.input).name == "relu"
