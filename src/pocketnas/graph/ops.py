"""The primitive ops: plain values, their output shapes and their weights.

Consumers (count, network, tflite, drawing) `match` on the union `Op`, so a type checker names every
consumer that a new op still has to reach. A shape is (height, width, channels), without the batch.
Weights have PyTorch's layout: convolutions (out, in / groups, height, width), dense (out, in).
"""

from dataclasses import dataclass, fields
from typing import Literal, assert_never

from pocketnas.errors import ArchitectureError

Shape = tuple[int, int, int]
Padding = Literal["same", "valid", "symmetric"]
Kind = Literal["relu", "relu6", "hswish", "hsigmoid", "swish", "sigmoid"]

PADDINGS: tuple[Padding, ...] = ("same", "valid", "symmetric")
_SIZES = ("shape", "filters", "kernel", "stride", "groups", "dilation", "units")
KINDS: tuple[Kind, ...] = ("relu", "relu6", "hswish", "hsigmoid", "swish", "sigmoid")


@dataclass(frozen=True, slots=True)
class Input:
    """The image."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution; a depthwise one is `Depthwise`."""

    filters: int
    kernel: tuple[int, int]
    stride: int = 1
    padding: Padding = "same"
    groups: int = 1
    bias: bool = False
    dilation: int = 1


@dataclass(frozen=True, slots=True)
class Depthwise:
    """A convolution of each channel by its own kernel (channel multiplier 1)."""

    kernel: tuple[int, int]
    stride: int = 1
    padding: Padding = "same"
    bias: bool = False
    dilation: int = 1


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Normalization by running statistics; `momentum` is TensorFlow's (the share that is kept)."""

    momentum: float = 0.99
    epsilon: float = 1e-3


@dataclass(frozen=True, slots=True)
class Activation:
    """A pointwise nonlinearity."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of two equal shapes."""


@dataclass(frozen=True, slots=True)
class Multiply:
    """The product of a map with one of its shape, or with one value a channel (1, 1, C)."""


@dataclass(frozen=True, slots=True)
class Concat:
    """Inputs of one height and width, joined along the channels."""


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest value under the window; padding never wins."""

    kernel: int
    stride: int = 1
    padding: Padding = "same"


@dataclass(frozen=True, slots=True)
class AvgPool:
    """The mean under the window; padding is not counted."""

    kernel: int
    stride: int = 1
    padding: Padding = "same"


@dataclass(frozen=True, slots=True)
class GlobalAvgPool:
    """The mean of each channel, as (1, 1, C)."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A fully connected layer over the flattened input, as (1, 1, units)."""

    units: int
    bias: bool = True


@dataclass(frozen=True, slots=True)
class Shift:
    """The map moved up and left by one pixel; zeros enter below and on the right."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """Zeroes a share `rate` of the values in training, nothing afterwards."""

    rate: float


@dataclass(frozen=True, slots=True)
class DropPath:
    """Zeroes the whole map of a share `rate` of the images in training, nothing afterwards."""

    rate: float


Op = (
    Input
    | Conv
    | Depthwise
    | BatchNorm
    | Activation
    | Add
    | Multiply
    | Concat
    | MaxPool
    | AvgPool
    | GlobalAvgPool
    | Dense
    | Shift
    | Dropout
    | DropPath
)


def pads(
    size: int, kernel: int, stride: int, padding: Padding, dilation: int = 1
) -> tuple[int, int]:
    """Rows of padding (before, after) along one axis of length `size`.

    TensorFlow's SAME puts the odd row last, so a stride of 2 pads bottom and right.
    """
    reach = (kernel - 1) * dilation + 1
    match padding:
        case "same":
            total = max((-(-size // stride) - 1) * stride + reach - size, 0)
            return total // 2, total - total // 2
        case "symmetric":
            return (reach - 1) // 2, (reach - 1) // 2
        case "valid":
            return 0, 0


def infer(op: Op, inputs: tuple[Shape, ...]) -> Shape:
    """The output shape of `op`.

    Raises:
        ArchitectureError: the inputs do not fit the op.
    """
    _check(op)
    match op:
        case Input(shape):
            return shape
        case Conv():
            (h, w, c), kernel = _only(op, inputs), op.kernel
            if op.filters < 1 or op.groups < 1 or c % op.groups or op.filters % op.groups:
                raise ArchitectureError(
                    f"conv: groups must divide {c} inputs and {op.filters} filters, got {op.groups}"
                )
            return (*_slide(h, w, kernel, op.stride, op.padding, op.dilation), op.filters)
        case Depthwise():
            h, w, c = _only(op, inputs)
            return (*_slide(h, w, op.kernel, op.stride, op.padding, op.dilation), c)
        case MaxPool() | AvgPool():
            h, w, c = _only(op, inputs)
            return (*_slide(h, w, (op.kernel, op.kernel), op.stride, op.padding), c)
        case BatchNorm() | Activation() | Shift() | Dropout() | DropPath():
            return _only(op, inputs)
        case GlobalAvgPool():
            return (1, 1, _only(op, inputs)[2])
        case Dense():
            _only(op, inputs)
            return (1, 1, op.units)
        case Add():
            if len(inputs) != 2 or inputs[0] != inputs[1]:
                raise ArchitectureError(f"add: needs two equal shapes, got {list(inputs)}")
            return inputs[0]
        case Multiply():
            if len(inputs) != 2 or inputs[1] not in (inputs[0], (1, 1, inputs[0][2])):
                raise ArchitectureError(
                    f"multiply: needs (H, W, C) and the same or (1, 1, C), got {list(inputs)}"
                )
            return inputs[0]
        case Concat():
            if not inputs or len({shape[:2] for shape in inputs}) != 1:
                raise ArchitectureError(
                    f"concat: needs one height and width in all inputs, got {list(inputs)}"
                )
            return (*inputs[0][:2], sum(shape[2] for shape in inputs))
        case _:
            assert_never(op)


def weights(op: Op, inputs: tuple[Shape, ...]) -> dict[str, tuple[int, ...]]:
    """The trained weights of `op` by name, with their shapes."""
    match op:
        case Conv():
            c = inputs[0][2]
            found = {"weight": (op.filters, c // op.groups, *op.kernel)}
            return found | ({"bias": (op.filters,)} if op.bias else {})
        case Depthwise():
            c = inputs[0][2]
            return {"weight": (c, 1, *op.kernel)} | ({"bias": (c,)} if op.bias else {})
        case BatchNorm():
            c = inputs[0][2]
            return {"weight": (c,), "bias": (c,)}
        case Dense():
            h, w, c = inputs[0]
            return {"weight": (op.units, h * w * c)} | ({"bias": (op.units,)} if op.bias else {})
        case _:
            return {}


def _check(op: Op) -> None:
    """Refuses sizes below 1, rates outside [0, 1), unknown paddings and nonlinearities."""
    for field in fields(op):
        value = getattr(op, field.name)
        if field.name in _SIZES:
            sizes = value if isinstance(value, tuple) else (value,)
            if any(not isinstance(size, int) or size < 1 for size in sizes):
                raise ArchitectureError(
                    f"{type(op).__name__}: {field.name} must be a whole number from 1,"
                    f" got {value!r}"
                )
        if field.name == "rate" and not 0 <= value < 1:
            raise ArchitectureError(f"{type(op).__name__}: rate must be in [0, 1), got {value!r}")
        allowed = {"padding": PADDINGS, "kind": KINDS}.get(field.name)
        if allowed and value not in allowed:
            raise ArchitectureError(
                f"{type(op).__name__}: {field.name} must be one of {', '.join(allowed)};"
                f" got {value!r}"
            )


def _only(op: Op, inputs: tuple[Shape, ...]) -> Shape:
    if len(inputs) != 1:
        raise ArchitectureError(f"{type(op).__name__}: needs one input, got {len(inputs)}")
    return inputs[0]


def _slide(
    h: int, w: int, kernel: tuple[int, int], stride: int, padding: Padding, dilation: int = 1
) -> tuple[int, int]:
    sizes = []
    for size, k in zip((h, w), kernel, strict=True):
        reach = (k - 1) * dilation + 1
        length = (size + sum(pads(size, k, stride, padding, dilation)) - reach) // stride + 1
        if length < 1:
            raise ArchitectureError(
                f"a window of {reach} does not fit a map of {size} without padding"
            )
        sizes.append(length)
    return sizes[0], sizes[1]
