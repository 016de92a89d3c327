"""Full-integer files with made-up ranges: they are valid, and their weights are the weights."""

from time import perf_counter
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from flatbuffer import operators, read
from parity import partitions, random_image, randomized
from pocketnas.graph import Builder, Graph
from pocketnas.graph.ops import (
    KINDS,
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    GlobalAvgPool,
    MaxPool,
    Multiply,
    Op,
    Shift,
)
from pocketnas.tflite import write
from pocketnas.tflite.runner import Runner
from pocketnas.train.network import weights_of
from pocketnas.zoo import mnasnet_a1

Code, Type = schema.BuiltinOperator, schema.TensorType

OPS: list[Op] = [
    *(Activation(kind) for kind in KINDS),
    *(Conv(6, (3, 3), 2, padding) for padding in ("same", "valid", "symmetric")),
    *(Conv(6, (1, 7)), Conv(6, (3, 3), dilation=2), Conv(6, (3, 3), groups=2)),
    *(Depthwise((5, 5), 2), Depthwise((3, 3), 2, "symmetric"), Depthwise((3, 3), dilation=2)),
    *(MaxPool(3, 2, padding) for padding in ("same", "valid", "symmetric")),
    *(AvgPool(3, 2, padding) for padding in ("same", "valid", "symmetric")),
    *(BatchNorm(), Dropout(0.5), GlobalAvgPool(), Dense(7), Shift()),
]


def single(op: Op) -> Graph:
    """`op` on signed values that a pool keeps it from fusing with, and a convolution."""
    net = Builder((8, 8, 3))
    x = net.add("pool", MaxPool(3), net.add("before", Conv(4, (3, 3), bias=True), net.input))
    return net.graph(net.conv(net.add("op", op, x), "after", 5))


def layers() -> Graph:
    """Each kind of layer, the second convolution reading a gate."""
    net = Builder((6, 6, 3))
    x = net.conv(net.input, "conv", 5, 3)
    x = net.add("gate", Activation("sigmoid"), net.depthwise(x, "depthwise", 3))
    x = net.conv(x, "second", 4, act="relu")
    return net.graph(net.add("dense", Dense(7), net.add("pool", GlobalAvgPool(), x)))


def real(whole: Any, tensor: Any) -> np.ndarray:
    """The numbers that a constant stands for."""
    kinds = {Type.FLOAT32: np.float32, Type.INT8: np.int8, Type.INT32: np.int32}
    stored = np.frombuffer(bytes(whole.buffers[tensor.buffer].data), kinds[tensor.type])
    values = stored.reshape(tensor.shape).astype(np.float64)
    if tensor.type == Type.FLOAT32:
        return values
    return values * along(tensor)


def along(tensor: Any) -> np.ndarray:
    """The scales of a tensor, shaped so that they multiply it."""
    shape = np.ones(len(tensor.shape), int)
    shape[tensor.quantization.quantizedDimension] = -1
    return tensor.quantization.scale.astype(np.float64).reshape(shape)


@pytest.mark.parametrize("op", OPS, ids=str)
def test_every_op_runs_in_integers(op: Op) -> None:
    graph = single(op)
    model = write(graph, quantize=True)
    _, tensors = read(model)
    assert {tensor.type for tensor in tensors.values()} <= {Type.INT8, Type.INT32}
    assert operators(model) == operators(write(graph))
    run, run_float = Runner(model), Runner(write(graph))
    assert run.is_integer
    image = random_image(graph)
    assert run(image).shape == run_float(image).shape
    assert np.isfinite(run(image)).all()


def test_weights_are_theirs_within_half_a_step_of_their_filter() -> None:
    graph = layers()
    weights = weights_of(randomized(graph))
    exact, floats = read(write(graph, weights))
    whole, tensors = read(write(graph, weights, quantize=True))
    axes = {"conv.conv": 0, "depthwise.conv": 3, "second.conv": 0, "dense": 0}
    for layer, axis in axes.items():
        kernel, bias = (tensors[f"{layer}.{key}"] for key in ("weight", "bias"))
        assert (kernel.type, bias.type) == (Type.INT8, Type.INT32)
        assert kernel.quantization.quantizedDimension == axis
        assert len(kernel.quantization.scale) == kernel.shape[axis] == len(set(along(kernel).flat))
        assert not kernel.quantization.zeroPoint.any()
        wanted = real(exact, floats[f"{layer}.weight"])
        others = tuple(i for i in range(wanted.ndim) if i != axis)
        assert np.abs(wanted).max(others) / 127 == pytest.approx(kernel.quantization.scale)
        for tensor in (kernel, bias):
            gap = real(whole, tensor) - real(exact, floats[tensor.name.decode()])
            assert (np.abs(gap) <= 0.5001 * along(tensor)).all()


def test_biases_count_in_steps_of_input_times_weight() -> None:
    model = write(layers(), quantize=True)
    whole, tensors = read(model)
    graph = whole.subgraphs[0]
    sums = [op.inputs for op in graph.operators if len(op.inputs) == 3]
    assert len(sums) == 4
    for source, kernel, bias in sums:
        product = (
            graph.tensors[source].quantization.scale * graph.tensors[kernel].quantization.scale
        )
        np.testing.assert_allclose(graph.tensors[bias].quantization.scale, product, rtol=1e-6)
    assert tensors["gate"].quantization.scale == [1 / 256], "as the format prescribes"
    assert tensors["gate"].quantization.zeroPoint == [-128]


def test_what_only_moves_values_keeps_their_scale_and_a_joined_gate_is_rescaled() -> None:
    net = Builder((6, 6, 4))
    gate = net.add("gate", Activation("sigmoid"), net.conv(net.input, "conv", 4))
    pooled = net.add("pooled", MaxPool(3), gate)
    moved = net.add("moved", Shift(), pooled)
    graph = net.graph(
        net.add("concat", Concat(), net.input, moved), net.add("again", Concat(), moved, net.input)
    )
    model = write(graph, quantize=True)
    whole, tensors = read(model)
    zeros = {
        name: tensor.quantization.zeroPoint for name, tensor in tensors.items() if "/" not in name
    }
    assert zeros["gate"] == zeros["pooled"] == zeros["moved"] == [-128]
    assert zeros["concat"] == zeros["input"] == zeros["again"] == [0]
    assert operators(model).count("QUANTIZE") == 1
    assert (Code.QUANTIZE, 1) in {(code.builtinCode, code.version) for code in whole.operatorCodes}
    Runner(model)(random_image(graph))


def test_a_filter_of_zeros_does_no_harm() -> None:
    graph = layers()
    weights = weights_of(randomized(graph))
    weights["conv.conv.weight"][2] = 0
    weights["dense.weight"][0] = 1e-42
    model = write(graph, weights, quantize=True)
    assert partitions(model) == 1
    whole, tensors = read(model)
    assert not real(whole, tensors["conv.conv.weight"])[2].any()
    assert np.isfinite(Runner(model)(random_image(graph))).all()


def test_versions_say_what_a_runtime_must_know() -> None:
    net = Builder((6, 6, 4))
    x = net.add("relu", Activation("relu"), net.input)
    x = net.add("multiply", Multiply(), x, net.add("add", Add(), x, net.depthwise(x, "dw", 3)))
    x = net.conv(x, "grouped", 4, groups=2, act="hswish")
    x = net.add("dense", Dense(3), net.add("pool", GlobalAvgPool(), net.conv(x, "conv", 4)))
    whole, _ = read(write(net.graph(x), quantize=True))
    assert {(code.builtinCode, code.version) for code in whole.operatorCodes} == {
        *((Code.RELU, 2), (Code.ADD, 2), (Code.MUL, 2), (Code.MEAN, 2), (Code.HARD_SWISH, 1)),
        *((Code.CONV_2D, 3), (Code.CONV_2D, 6), (Code.DEPTHWISE_CONV_2D, 3)),
        (Code.FULLY_CONNECTED, 4),
    }
    relu, _ = read(write(single(Activation("relu")), quantize=True))
    assert bytes(whole.buffers[whole.metadata[0].buffer].data) == b"2.9.0"
    assert bytes(relu.buffers[relu.metadata[0].buffer].data) == b"2.1.0"


def test_int8_is_small_cheap_and_always_the_same() -> None:
    """Measured: 0.04 s; the limit allows for a busy machine."""
    graph = mnasnet_a1().graph()
    seconds, models = [], set()
    for _ in range(3):
        start = perf_counter()
        models.add(write(graph, quantize=True))
        seconds.append(perf_counter() - start)
    assert len(models) == 1
    assert len(models.pop()) < 0.3 * len(write(graph))
    assert min(seconds) < 0.25
