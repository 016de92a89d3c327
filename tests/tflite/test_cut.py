from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.tiny_models import conv_stack, with_custom_operator
from pocketnas.arch import Architecture, ConvBlock, Head, MBConv
from pocketnas.errors import ModelError
from pocketnas.tflite import write
from pocketnas.tflite.cut import Piece, cut
from pocketnas.tflite.runner import quiet

PTQ = Path("/work/shared/data/tf2_mobilenet_v2_1.0_224_ptq.tflite")
Values = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def _litert_says_nothing() -> Any:
    with quiet():
        yield


def network() -> Architecture:
    """Squeeze-and-excite, both kinds of skip connection, and two equal blocks."""
    block = MBConv(kernel=3, stride=1, expanded=24, filters=8, se=4, act="hswish", skip="identity")
    return Architecture(
        resolution=16,
        stem=ConvBlock(kernel=3, stride=2, filters=8, act="hswish"),
        stages=((block, block), (MBConv(kernel=5, stride=2, expanded=24, filters=12, act="relu"),)),
        head=Head(filters=16, classes=10, dropout=0.0, act="swish"),
    )


def invoke(model: bytes, given: Values) -> Values:
    """The outputs by name, for inputs by name among others."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], given[tensor["name"]])
    interpreter.invoke()
    outputs = interpreter.get_output_details()
    return {tensor["name"]: interpreter.get_tensor(tensor["index"]) for tensor in outputs}


def noise(model: bytes) -> Values:
    interpreter = Interpreter(model_content=model)
    [tensor] = interpreter.get_input_details()
    draw = np.random.default_rng(0)
    if tensor["dtype"] == np.float32:
        return {tensor["name"]: draw.standard_normal(tensor["shape"], np.float32)}
    limits = np.iinfo(tensor["dtype"])
    image = draw.integers(limits.min, limits.max, tensor["shape"], tensor["dtype"])
    return {tensor["name"]: image}


def assert_chained(model: bytes) -> list[Piece]:
    """The pieces fed with each other's outputs compute what the whole computes, to the last bit."""
    values = noise(model)
    expected = invoke(model, values)
    pieces = cut(model)
    for piece in pieces:
        values |= invoke(piece.model, values)
    for name, value in expected.items():
        assert np.ptp(value.astype(np.float64)) > 0
        np.testing.assert_array_equal(values[name], value)
    return pieces


@pytest.mark.parametrize("quantize", [False, True])
def test_the_pieces_in_a_row_compute_what_the_whole_computes(quantize: bool) -> None:
    model = write(network().graph(), quantize=quantize)
    pieces = assert_chained(model)
    assert pieces[0].name == "stem.conv.conv"
    assert pieces[0].op == "CONV_2D"
    assert pieces[0].inputs == ((1, 16, 16, 3),)
    assert pieces[0].outputs == ((1, 8, 8, 8),)
    assert {piece.op for piece in pieces} >= {"DEPTHWISE_CONV_2D", "MEAN", "MUL", "ADD"}
    assert all(len(Interpreter(model_content=piece.model)._get_ops_details()) for piece in pieces)


@pytest.mark.skipif(not PTQ.exists(), reason="the file is not here")
def test_a_quantized_file_of_tensorflow_is_cut_as_well() -> None:
    pieces = assert_chained(PTQ.read_bytes())
    assert [piece.op for piece in pieces][:2] == ["QUANTIZE", "CONV_2D"]
    assert len(pieces) == 68


def test_equal_layers_are_equal_work_whatever_their_weights() -> None:
    pieces = cut(conv_stack(4))
    assert len({piece.work for piece in pieces}) == 1
    assert len({piece.model for piece in pieces}) == 4


def test_equal_blocks_are_equal_work_and_unlike_layers_are_not() -> None:
    pieces = {piece.name: piece for piece in cut(write(network().graph()))}
    for name in ("expand.conv", "depthwise.act", "se.reduce", "se.expand", "project.conv"):
        assert pieces[f"stages.0.0.{name}"].work == pieces[f"stages.0.1.{name}"].work
    convolutions = [
        piece.work
        for name, piece in pieces.items()
        if "CONV" in piece.op and not name.startswith("stages.0.1")
    ]
    assert len(set(convolutions)) == len(convolutions) == 10


def changed(model: bytes, change: Callable[[Any, Any], None]) -> bytes:
    """The file after `change(whole, first subgraph)`."""
    whole = schema.ModelT.InitFromPackedBuf(model)
    change(whole, whole.subgraphs[0])
    builder = flatbuffers.Builder(len(model) + 4096)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def stride_two(whole: Any, graph: Any) -> None:
    graph.operators[-1].builtinOptions.strideW = 2
    graph.operators[-1].builtinOptions.strideH = 2
    graph.tensors[graph.outputs[0]].shape = [1, 8, 8, 8]


def bias_of_whole_numbers(whole: Any, graph: Any) -> None:
    """As in an int8 file, where these are 32 bits; it is never run."""
    for operator in graph.operators:
        graph.tensors[operator.inputs[2]].type = schema.TensorType.INT32


def test_options_tell_work_apart_and_biases_do_not() -> None:
    first, last = cut(changed(conv_stack(2), stride_two))
    assert first.work != last.work
    assert last.outputs == ((1, 8, 8, 8),)
    first, last = cut(changed(conv_stack(2, channels=32), bias_of_whole_numbers))
    assert first.work == last.work


def added(whole: Any, graph: Any, code: int, inputs: list[int], shape: list[int], **of: Any) -> int:
    """Appends an operator with one output; returns the number of that tensor."""
    tensor = schema.TensorT(name=f"added{len(graph.tensors)}", shape=shape, buffer=0, **of)
    graph.tensors.append(tensor)
    whole.operatorCodes.append(
        schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=1)
    )
    output = len(graph.tensors) - 1
    place = len(whole.operatorCodes) - 1
    graph.operators.append(schema.OperatorT(opcodeIndex=place, inputs=inputs, outputs=[output]))
    return output


def flattened_as_keras_does(whole: Any, graph: Any) -> None:
    """RESHAPE to a shape that is computed from the input's at run time."""
    code, kind = schema.BuiltinOperator, schema.TensorType.INT32
    [last] = graph.outputs
    shape = added(whole, graph, code.SHAPE, [last], [4], type=kind)
    graph.operators[-1].builtinOptionsType = schema.BuiltinOptions.ShapeOptions
    graph.operators[-1].builtinOptions = schema.ShapeOptionsT(outType=kind)
    pairs = np.array([2, 2], np.int32)
    whole.buffers.append(schema.BufferT(data=pairs.view(np.uint8)))
    graph.tensors.append(
        schema.TensorT(name="two", shape=[2], type=kind, buffer=len(whole.buffers) - 1)
    )
    two = len(graph.tensors) - 1
    shape = added(whole, graph, code.RESHAPE, [shape, two], [2, 2], type=kind)
    shape = added(whole, graph, code.REDUCE_PROD, [shape, axis(whole, graph)], [2], type=kind)
    graph.outputs = [added(whole, graph, code.RESHAPE, [last, shape], [16, 128])]


def axis(whole: Any, graph: Any) -> int:
    whole.buffers.append(schema.BufferT(data=np.array([1], np.int32).view(np.uint8)))
    place = len(whole.buffers) - 1
    graph.tensors.append(
        schema.TensorT(name="axis", shape=[1], type=schema.TensorType.INT32, buffer=place)
    )
    return len(graph.tensors) - 1


def test_arithmetic_on_shapes_becomes_a_constant() -> None:
    model = changed(conv_stack(1), flattened_as_keras_does)
    pieces = assert_chained(model)
    assert [piece.op for piece in pieces] == ["CONV_2D", "SHAPE", "RESHAPE"]
    assert pieces[-1].inputs == ((1, 16, 16, 8),)


def weights_of_half_precision(whole: Any, graph: Any) -> None:
    """Kernels as float16, each widened by a DEQUANTIZE, as TensorFlow writes them."""
    convolutions, graph.operators = graph.operators, []
    for operator in convolutions:
        kernel = graph.tensors[operator.inputs[1]]
        data = whole.buffers[kernel.buffer].data
        whole.buffers[kernel.buffer].data = data.view(np.float32).astype(np.float16).view(np.uint8)
        kernel.type = schema.TensorType.FLOAT16
        code = schema.BuiltinOperator.DEQUANTIZE
        wide = added(whole, graph, code, [int(operator.inputs[1])], kernel.shape.tolist())
        operator.inputs = [operator.inputs[0], wide, operator.inputs[2]]
        graph.operators.append(operator)


def test_weights_of_half_precision_come_along() -> None:
    pieces = assert_chained(changed(conv_stack(3), weights_of_half_precision))
    assert [piece.op for piece in pieces] == ["CONV_2D"] * 3
    assert len({piece.work for piece in pieces}) == 1


def whole_numbers_out(whole: Any, graph: Any) -> None:
    """The number of the strongest channel, as a segmenting network ends."""
    last = [int(graph.outputs[0]), axis(whole, graph)]
    kind = schema.TensorType.INT64
    graph.outputs = [
        added(whole, graph, schema.BuiltinOperator.ARG_MAX, last, [1, 16, 8], type=kind)
    ]
    graph.operators[-1].builtinOptionsType = schema.BuiltinOptions.ArgMaxOptions
    graph.operators[-1].builtinOptions = schema.ArgMaxOptionsT(outputType=kind)


def test_whole_numbers_that_are_the_output_are_work() -> None:
    pieces = assert_chained(changed(conv_stack(1), whole_numbers_out))
    assert [piece.op for piece in pieces] == ["CONV_2D", "ARG_MAX"]


def dense_without_names_and_bias(whole: Any, graph: Any) -> None:
    weights = np.ones((5, 2048), np.float32)
    whole.buffers.append(schema.BufferT(data=weights.view(np.uint8).ravel()))
    place = len(whole.buffers) - 1
    graph.tensors.append(schema.TensorT(shape=list(weights.shape), buffer=place))
    inputs = [int(graph.outputs[0]), len(graph.tensors) - 1, -1]
    code = schema.BuiltinOperator.FULLY_CONNECTED
    graph.outputs = [added(whole, graph, code, inputs, [1, 5])]
    graph.operators[-1].builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    graph.operators[-1].builtinOptions = schema.FullyConnectedOptionsT()
    graph.tensors[-1].name = None


def test_names_and_optional_inputs_may_be_missing() -> None:
    model = changed(conv_stack(1), dense_without_names_and_bias)
    _, piece = cut(model)
    assert (piece.name, piece.op) == ("", "FULLY_CONNECTED")
    interpreter = Interpreter(model_content=piece.model)
    interpreter.allocate_tensors()
    [tensor] = interpreter.get_input_details()
    interpreter.set_tensor(tensor["index"], np.ones((1, 16, 16, 8), np.float32))
    interpreter.invoke()
    [output] = interpreter.get_output_details()
    assert interpreter.get_tensor(output["index"]).tolist() == [[2048.0] * 5]


def test_a_custom_operator_keeps_its_name() -> None:
    assert [piece.op for piece in cut(with_custom_operator(conv_stack(1)))] == ["NoSuchOperator"]


def two_subgraphs(whole: Any, graph: Any) -> None:
    whole.subgraphs.append(graph)


def weights_outside(whole: Any, graph: Any) -> None:
    whole.buffers[-1].offset, whole.buffers[-1].size = 4096, 32


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"", "this is no .tflite: the mark"),
        (b"not a flatbuffer", "this is no .tflite: the mark"),
        (conv_stack(1)[:2000], "this is no .tflite"),
        (changed(conv_stack(1), two_subgraphs), "one subgraph can be cut, got 2"),
        (changed(conv_stack(1), weights_outside), "weights behind the model"),
    ],
    ids=["empty", "garbage", "truncated", "two subgraphs", "weights outside"],
)
def test_what_cannot_be_cut_is_refused_in_a_sentence(bad: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says) as refusal:
        cut(bad)
    assert "\n" not in str(refusal.value)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_cut_or_refused(data: st.DataObject) -> None:
    model = bytearray(conv_stack(2, channels=2, side=4))
    for _ in range(data.draw(st.integers(1, 3))):
        model[data.draw(st.integers(8, len(model) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ModelError):
        cut(bytes(model))
