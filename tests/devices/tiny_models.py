"""Small valid float flatbuffers, built without the package's own writer: that has its own tests."""

from copy import copy

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


def conv_stack(layers: int, *, channels: int = 8, side: int = 16) -> bytes:
    """A `.tflite` of `layers` 3x3 SAME convolutions on a side x side image of `channels`."""
    model = schema.ModelT()
    model.version = 3
    model.description = f"{layers} convolutions"
    model.operatorCodes = [_operator_code(schema.BuiltinOperator.CONV_2D)]
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.name = "main"
    graph.tensors, graph.operators = [], []
    weights = np.random.default_rng(0)

    def tensor(name: str, shape: list[int], data: np.ndarray | None = None) -> int:
        value = schema.TensorT()
        value.name, value.shape, value.type = name, shape, schema.TensorType.FLOAT32
        value.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.astype("<f4").tobytes(), np.uint8)
            model.buffers.append(buffer)
            value.buffer = len(model.buffers) - 1
        graph.tensors.append(value)
        return len(graph.tensors) - 1

    image = [1, side, side, channels]
    x = tensor("input", image)
    graph.inputs = [x]
    for layer in range(layers):
        kernel = weights.uniform(-0.1, 0.1, (channels, 3, 3, channels))
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = 1
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        operator = schema.OperatorT()
        operator.opcodeIndex = 0
        operator.inputs = [
            x,
            tensor(f"kernel{layer}", list(kernel.shape), kernel),
            tensor(f"bias{layer}", [channels], np.zeros(channels)),
        ]
        x = tensor(f"output{layer}", image)
        operator.outputs = [x]
        operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
        operator.builtinOptions = options
        graph.operators.append(operator)
    graph.outputs = [x]
    model.subgraphs = [graph]
    return _packed(model)


def with_custom_operator(model: bytes) -> bytes:
    """The same file with its first operator renamed to a custom one that no runtime knows."""
    changed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    code = changed.operatorCodes[0]
    code.builtinCode = schema.BuiltinOperator.CUSTOM
    code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "NoSuchOperator"
    for operator in changed.subgraphs[0].operators:
        operator.builtinOptionsType, operator.builtinOptions = 0, None
    return _packed(changed)


def with_operator_left(model: bytes) -> bytes:
    """A stack with a LOG_SOFTMAX, which XNNPACK lacks, between its first two convolutions."""
    changed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    graph = changed.subgraphs[0]
    first, second = graph.operators[:2]
    changed.operatorCodes.append(_operator_code(schema.BuiltinOperator.LOG_SOFTMAX))
    tensor = copy(graph.tensors[first.outputs[0]])
    tensor.name = "between"
    graph.tensors.append(tensor)
    operator = schema.OperatorT()
    operator.opcodeIndex = 1
    operator.inputs, operator.outputs = [first.outputs[0]], [len(graph.tensors) - 1]
    operator.builtinOptionsType = schema.BuiltinOptions.LogSoftmaxOptions
    operator.builtinOptions = schema.LogSoftmaxOptionsT()
    second.inputs = [len(graph.tensors) - 1, *second.inputs[1:]]
    graph.operators.insert(1, operator)
    return _packed(changed)


def _operator_code(builtin: int) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    return code


def _packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
