"""The file as a whole: names, signature, alignment, determinism, refusals and speed."""

from time import perf_counter

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import pocketnas
from parity import partitions, random_image, randomized, run_tflite
from pocketnas.errors import ModelError
from pocketnas.graph import Builder, Graph
from pocketnas.graph.ops import Activation, Add, Conv, Dense, GlobalAvgPool, Multiply
from pocketnas.tflite import write
from pocketnas.train.network import weights_of


def mobile(blocks: int, width: int = 16, size: int = 16) -> Graph:
    """A MobileNetV2-like network with squeeze-and-excite and residuals."""
    net = Builder((size, size, 3))
    x = net.conv(net.input, "stem", width, 3, 2, act="relu")
    for i in range(blocks):
        with net.scope(f"stages.0.{i}"):
            y = net.conv(x, "expand", 6 * width, act="relu6")
            y = net.depthwise(y, "depthwise", 3, act="relu6")
            gate = net.add("se.pool", GlobalAvgPool(), y)
            gate = net.add("se.reduce", Conv(width // 4, (1, 1), bias=True), gate)
            gate = net.add("se.act", Activation("relu"), gate)
            gate = net.add("se.expand", Conv(6 * width, (1, 1), bias=True), gate)
            y = net.add("se.scale", Multiply(), y, net.add("se.gate", Activation("sigmoid"), gate))
            x = net.add("add", Add(), x, net.conv(y, "project", width))
    x = net.add("pool", GlobalAvgPool(), net.conv(x, "head", 4 * width, act="relu"))
    return net.graph(net.add("logits", Dense(10), x))


def read(model: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))


def test_the_same_arguments_give_the_same_bytes() -> None:
    graph = mobile(2)
    weights = weights_of(randomized(graph))
    assert write(graph) == write(graph)
    assert write(graph, weights) == write(graph, dict(reversed(weights.items())))
    assert write(graph, weights) != write(graph)


def test_names_and_description() -> None:
    model = read(write(mobile(1)))
    assert model.description.decode() == f"PocketNAS {pocketnas.__version__}"
    names = {tensor.name.decode() for tensor in model.subgraphs[0].tensors}
    assert {"input", "stem.conv", "stages.0.0.se.gate", "stages.0.0.add", "logits"} <= names
    assert model.metadata[0].name == b"min_runtime_version"
    assert bytes(model.buffers[model.metadata[0].buffer].data) == b"2.0.0"


def test_names_are_unique_where_a_dense_layer_is_an_output_and_read() -> None:
    net = Builder((2, 2, 3))
    x = net.add("dense", Dense(4), net.input)
    whole = read(write(net.graph(x, net.add("logits", Dense(5), x))))
    names = [tensor.name for tensor in whole.subgraphs[0].tensors]
    assert len(set(names)) == len(names)


def test_one_output_is_called_logits() -> None:
    graph = mobile(1)
    found = run_tflite(write(graph), random_image(graph))
    assert {name: value.shape for name, value in found.items()} == {"logits": (1, 10)}


def test_taps_are_outputs_in_order() -> None:
    net = Builder((8, 8, 3))
    x = net.conv(net.input, "a", 4, 3, 2, act="relu")
    y = net.conv(x, "b", 5, 3, 2, act="hswish")
    z = net.add("pool", GlobalAvgPool(), y)
    graph = net.graph(x, y, z)
    found = run_tflite(write(graph), random_image(graph))
    shapes = {name: value.shape for name, value in found.items()}
    assert shapes == {"output_0": (1, 4, 4, 4), "output_1": (1, 2, 2, 5), "output_2": (1, 5)}


def test_weights_are_aligned_and_the_first_buffer_is_empty() -> None:
    model = write(mobile(1))
    root = schema.Model.GetRootAs(model)
    assert root.Buffers(0).DataIsNone()
    base = np.frombuffer(model, np.uint8).ctypes.data
    buffers = [root.Buffers(i) for i in range(1, root.BuffersLength())]
    offsets = [buffer.DataAsNumpy().ctypes.data - base for buffer in buffers]
    assert [offset % 16 for offset in offsets] == [0] * len(offsets)


def test_operator_codes() -> None:
    codes = {(c.builtinCode, c.version): c for c in read(write(mobile(1))).operatorCodes}
    for (code, _), item in codes.items():
        assert item.deprecatedBuiltinCode == code
    assert (schema.BuiltinOperator.CONV_2D, 1) in codes
    assert (schema.BuiltinOperator.RELU6, 1) not in codes, "all of them are fused"


def test_an_inverted_bottleneck_network_is_one_partition() -> None:
    assert partitions(write(mobile(3))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stem.conv.weight": None}, "missing stem.conv.weight"),
        ({"stem.conv.wait": np.zeros(3)}, "unknown stem.conv.wait"),
        ({"stem.bn.bias": np.zeros(3)}, r"mis-shaped stem.bn.bias \(got \(3,\), needs \(16,\)\)"),
    ],
)
def test_weights_that_do_not_fit(change: dict[str, np.ndarray | None], message: str) -> None:
    graph = mobile(1)
    changed = weights_of(randomized(graph)) | change
    weights = {key: value for key, value in changed.items() if value is not None}
    with pytest.raises(ModelError, match=message):
        write(graph, weights)


def test_counters_of_foreign_checkpoints_are_passed_over() -> None:
    graph = mobile(1)
    weights = weights_of(randomized(graph))
    counted = weights | {"stem.bn.num_batches_tracked": np.array(7)}
    assert write(graph, counted) == write(graph, weights)


def test_double_precision_weights_are_stored_as_float32() -> None:
    graph = mobile(1)
    weights = weights_of(randomized(graph))
    doubles = {key: value.astype(np.float64) for key, value in weights.items()}
    image = random_image(graph)
    single, double = (run_tflite(write(graph, w), image)["logits"] for w in (weights, doubles))
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-5)


def test_filled_weights_keep_a_deep_network_away_from_zero_and_infinity() -> None:
    graph = mobile(40, width=8)
    logits = run_tflite(write(graph), random_image(graph))["logits"]
    assert 1e-3 < logits.std() < 1e6


def test_a_network_of_mnasnet_size_is_written_and_loaded_fast() -> None:
    """Measured: 0.05 s to write and 0.01 s to load; the limit allows for a busy machine."""
    graph = mobile(16, width=64)
    seconds = []
    for _ in range(3):
        start = perf_counter()
        Interpreter(model_content=write(graph), num_threads=1).allocate_tensors()
        seconds.append(perf_counter() - start)
    assert min(seconds) < 0.25
