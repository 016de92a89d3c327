"""A TensorFlow Lite model under construction: tensors and operators by name, then the file.

The file is written with the schema that `ai-edge-litert` ships, not converted: a converter traces
and lowers for about 20 s per network, whatever its size, and that is what a search would wait for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from pocketnas.tflite.precision import Precision, Tensor

# XNNPACK and other delegates read weights in place and want them aligned as malloc would.
ALIGNMENT = 16

# From TensorFlow's `runtime_version.cc`, what came after 2.0 of the operators that we write:
# grouped convolutions and RELU in int8.
_RUNTIMES = {
    (schema.BuiltinOperator.CONV_2D, 6): b"2.9.0",
    (schema.BuiltinOperator.RELU, 2): b"2.1.0",
}


class Assembly:
    """Collects the tensors and operators of one network, in float32 or int8."""

    def __init__(self, precision: Precision) -> None:
        self._precision = precision
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[tuple[int, int], int] = {}
        # The format wants the first buffer empty: it stands for "computed at run time".
        self._buffers = [_Buffer(np.empty(0, np.uint8))]
        self._index: dict[str, int] = {}

    def tensor(self, name: str, shape: Sequence[int]) -> str:
        """Adds a value that is given at run time; returns its name."""
        return self._add(name, shape, self._precision.value())

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Adds a constant (whole numbers stay what they are, as int32); returns its name.

        A name known already is the same constant: it is shared.
        """
        if name in self._index:
            return name
        if np.issubdtype(value.dtype, np.integer):
            stored = Tensor(schema.TensorType.INT32, data=value.astype(np.int32))
        else:
            stored = self._precision.constant(value)
        return self._add(name, value.shape, stored)

    def layer(
        self, owner: str, x: str, kernel: NDArray[Any], bias: NDArray[Any], order: tuple[int, ...]
    ) -> tuple[str, str]:
        """Adds the weights of a layer on `x` as `<owner>.weight` and `<owner>.bias`.

        `kernel` has its filters first and is stored with its axes in another `order`. Returns the
        two names.
        """
        weight, offset = self._precision.layer(self._quantization(x), kernel, bias, order)
        shape = [kernel.shape[axis] for axis in order]
        return (
            self._add(f"{owner}.weight", shape, weight),
            self._add(f"{owner}.bias", bias.shape, offset),
        )

    def operator(
        self,
        code: int,
        inputs: Sequence[str],
        output: str,
        shape: Sequence[int],
        options: Any = None,
        version: int = 1,
    ) -> str:
        """Adds an operator that computes the tensor `output`; returns that name.

        Args:
            code: a `schema.BuiltinOperator`.
            inputs: names of tensors there already.
            output: the name of the new tensor.
            shape: its shape, with the batch.
            options: the operator's table of options, if it has one.
            version: as TensorFlow's `op_version.cc` gives it for what the options ask in float32.
        """
        item = schema.OperatorT()
        key = code, self._precision.version(code, version)
        item.opcodeIndex = self._codes.setdefault(key, len(self._codes))
        item.inputs = [self._index[name] for name in inputs]
        made = self._precision.result(code, self._quantization(inputs[0]))
        item.outputs = [self._index[self._add(output, shape, made)]]
        if options is not None:
            table = type(options).__name__.removesuffix("T")
            item.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            item.builtinOptions = options
        self._operators.append(item)
        return output

    def rescaled(self, name: str) -> str:
        """The tensor `name` on the scale of most others: a copy, if it has a scale of its own."""
        copy = f"{name}/rescaled"
        if self._quantization(name) is self._precision.value().quantization:
            return name
        if copy in self._index:
            return copy
        options = schema.QuantizeOptionsT()
        code = schema.BuiltinOperator.QUANTIZE
        return self.operator(code, (name,), copy, self.shape(name), options)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the tensor `name`."""
        return tuple(self._tensors[self._index[name]].shape)

    def alias(self, name: str, existing: str) -> None:
        """Makes `name` another name of the tensor `existing`."""
        self._index[name] = self._index[existing]

    def finish(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str], description: str
    ) -> bytes:
        """The file; its signature `serving_default` has `inputs` and `outputs` (name: tensor)."""
        graph = schema.SubGraphT()
        graph.name = "main"
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs = [self._index[name] for name in inputs.values()]
        graph.outputs = [self._index[name] for name in outputs.values()]

        model = schema.ModelT()
        model.version = 3
        model.description = description
        model.subgraphs = [graph]
        model.operatorCodes = [_operator_code(*key) for key in self._codes]
        model.signatureDefs = [self._signature(inputs, outputs)]
        model.buffers = [*self._buffers, _Buffer(np.frombuffer(self._oldest_runtime(), np.uint8))]
        model.metadata = [schema.MetadataT("min_runtime_version", len(self._buffers))]
        room = sum(buffer.size + 64 for buffer in model.buffers)  # growing would copy every time
        builder = flatbuffers.Builder(room + 512 * (len(self._tensors) + len(self._operators)))
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(memoryview(builder.Bytes)[builder.Head() :])

    def _oldest_runtime(self) -> bytes:
        return max([b"2.0.0", *(_RUNTIMES[key] for key in self._codes if key in _RUNTIMES)])

    def _add(self, name: str, shape: Sequence[int], stored: Tensor) -> str:
        buffer = 0
        if stored.data is not None:
            buffer = len(self._buffers)
            self._buffers.append(_Buffer(np.ascontiguousarray(stored.data)))
        self._index[name] = len(self._tensors)
        self._tensors.append(
            schema.TensorT(
                name=name,
                shape=list(shape),
                type=stored.kind,
                buffer=buffer,
                quantization=stored.quantization,
            )
        )
        return name

    def _quantization(self, name: str) -> Any:
        return self._tensors[self._index[name]].quantization

    def _signature(self, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Any:
        def maps(names: Mapping[str, str]) -> list[Any]:
            return [
                schema.TensorMapT(name=name, tensorIndex=self._index[tensor])
                for name, tensor in names.items()
            ]

        return schema.SignatureDefT(
            inputs=maps(inputs), outputs=maps(outputs), signatureKey="serving_default"
        )


class _Buffer:
    """Stands in for `schema.BufferT`, whose `Pack` copies twice and aligns to single bytes."""

    def __init__(self, data: NDArray[Any]) -> None:
        self._data = data.reshape(-1).view(np.uint8).data
        self.size = self._data.nbytes

    def Pack(self, builder: Any) -> int:
        vector = 0
        if self.size:
            builder.StartVector(1, self.size, ALIGNMENT)
            builder.head -= self.size
            builder.Bytes[builder.head : builder.head + self.size] = self._data
            builder.vectorNumElems = self.size
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


def _operator_code(code: int, version: int) -> Any:
    # Runtimes from before 2020 know only the first 127 operators, in a field of one byte.
    return schema.OperatorCodeT(
        builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=version
    )
