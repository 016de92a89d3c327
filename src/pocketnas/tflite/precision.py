"""What a file computes in: float32, or 8-bit integers that are good for its latency only.

An integer q stands for scale * (q - zero). Real scales come from images (`tflite.quantize`); but a
kernel takes its time whatever they are, so that made-up ones do for measuring.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

Code = schema.BuiltinOperator

SCALE = 1 / 32  # of activations: values of about 1, as batch norm makes them, fill the 8 bits

# XNNPACK refuses a scale that is zero or denormal; a filter of zeros would have one.
_LEAST_SCALE = np.float32(2**-30)

# What hands values on as they are: the format wants one scale on both sides.
MOVING = (Code.MAX_POOL_2D, Code.AVERAGE_POOL_2D, Code.PAD, Code.PADV2, Code.SLICE, Code.RESHAPE)

# From TensorFlow's `op_version.cc`: the first version that takes int8, 2 unless listed.
_INT8_VERSIONS = {
    Code.CONV_2D: 3,
    Code.DEPTHWISE_CONV_2D: 3,
    Code.FULLY_CONNECTED: 4,
    Code.HARD_SWISH: 1,
    Code.QUANTIZE: 1,
    Code.RESHAPE: 1,
}


class Tensor(NamedTuple):
    """What a tensor holds: the type of its numbers, their quantization, a constant's values."""

    kind: int
    quantization: Any = None
    data: NDArray[Any] | None = None


class Precision(Protocol):
    """How values become tensors."""

    def value(self) -> Tensor:
        """A value given at run time."""

    def result(self, code: int, quantization: Any) -> Tensor:
        """What the operator `code` makes of a first input of `quantization`."""

    def constant(self, value: NDArray[Any]) -> Tensor:
        """An operand of arithmetic."""

    def layer(
        self, source: Any, kernel: NDArray[Any], bias: NDArray[Any], order: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """A kernel (filters first), its axes in another `order`, and the bias.

        `source` is the quantization of what the kernel is applied to.
        """

    def version(self, code: int, version: int) -> int:
        """The version of an operator whose float32 form has `version`."""


class Float32:
    """Values as they are."""

    def value(self) -> Tensor:
        return Tensor(schema.TensorType.FLOAT32)

    def result(self, code: int, quantization: Any) -> Tensor:
        return self.value()

    def constant(self, value: NDArray[Any]) -> Tensor:
        return Tensor(schema.TensorType.FLOAT32, data=value.astype(np.float32, copy=False))

    def layer(
        self, source: Any, kernel: NDArray[Any], bias: NDArray[Any], order: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        return self.constant(kernel.transpose(order)), self.constant(bias)

    def version(self, code: int, version: int) -> int:
        return version


class Int8:
    """Activations on one scale, kernels on one a filter, biases as 32-bit integers."""

    def __init__(self) -> None:
        # Zero in the middle: some of LiteRT's kernels branch on the sign of what they sum.
        self._usual = _quantization([SCALE])
        self._logistic = _quantization([1 / 256], zero=-128)  # as the format prescribes

    def value(self) -> Tensor:
        return Tensor(schema.TensorType.INT8, self._usual)

    def result(self, code: int, quantization: Any) -> Tensor:
        if code == Code.LOGISTIC:
            return Tensor(schema.TensorType.INT8, self._logistic)
        return Tensor(schema.TensorType.INT8, quantization if code in MOVING else self._usual)

    def constant(self, value: NDArray[Any]) -> Tensor:
        steps = np.clip(np.rint(value / SCALE), -128, 127)
        return self.value()._replace(data=steps.astype(np.int8))

    def layer(
        self, source: Any, kernel: NDArray[Any], bias: NDArray[Any], order: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        rows = kernel.reshape(len(kernel), -1)
        largest = np.maximum(rows.max(1), -rows.min(1)).astype(np.float32)
        scales = np.maximum(largest / 127, _LEAST_SCALE)
        steps = np.rint(rows / scales[:, None]).astype(np.int8).reshape(kernel.shape)
        weight = _quantization(scales, axis=order.index(0))
        products = source.scale.astype(np.float64) * scales
        sums = np.clip(np.rint(bias / products), -(2**31), 2**31 - 1).astype(np.int32)
        return (
            Tensor(schema.TensorType.INT8, weight, steps.transpose(order)),
            Tensor(schema.TensorType.INT32, _quantization(products), sums),
        )

    def version(self, code: int, version: int) -> int:
        return max(version, _INT8_VERSIONS.get(code, 2))


def _quantization(scales: Any, zero: int = 0, axis: int = 0) -> Any:
    return schema.QuantizationParametersT(
        scale=np.asarray(scales, np.float32),
        zeroPoint=np.full(len(scales), zero, np.int64),
        quantizedDimension=axis,
    )
