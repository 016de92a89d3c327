"""Quantization with images, and whether files written without any have the same operators."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import TensorType
from numpy.typing import NDArray

from flatbuffer import operators, read
from parity import random_image, randomized
from pocketnas.arch import from_lines
from pocketnas.arch.wiring import OPERATIONS
from pocketnas.devices import HostDevice
from pocketnas.errors import ModelError
from pocketnas.graph import Builder, Graph
from pocketnas.graph.ops import KINDS, Activation, Add, Concat, Kind, MaxPool, Multiply, Shift
from pocketnas.tflite import write
from pocketnas.tflite.quantize import quantize
from pocketnas.tflite.runner import Runner
from pocketnas.train.network import weights_of
from pocketnas.zoo import registry

needs_quantizer = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_quantizer") is None, reason="needs the extra `int8`"
)


def images(graph: Graph, count: int = 4) -> list[NDArray[np.float32]]:
    return [random_image(graph, seed) for seed in range(count)]


def small(name: str) -> Graph:
    return registry.architecture(name, resolution=32, classes=10).graph()


def cell(kind: Kind) -> Graph:
    """What is joined is read elsewhere, moved, a gate or padded with what never wins."""
    net = Builder((8, 8, 4))
    x = net.conv(net.input, "stem", 6, 3)
    pooled = net.add("pool", MaxPool(3, 1, "symmetric"), net.add("shift", Shift(), x))
    both = net.add("sum", Add(), net.add("act", Activation(kind), x), pooled)
    halves = net.add("max", MaxPool(3, 2, "symmetric"), x), net.add("both.max", MaxPool(3, 2), both)
    low = net.add("low", Concat(), *halves)
    gate = net.add("gate", Activation("sigmoid"), x)
    joined = net.add("joined", Concat(), x, pooled, both, net.add("gated", Multiply(), both, gate))
    return net.graph(net.conv(joined, "out", 5), net.conv(low, "low.out", 5))


@pytest.fixture(scope="module")
def device() -> Iterator[HostDevice]:
    with HostDevice(write(small("mnasnet_small")), reference_ms=1) as device:
        yield device


@needs_quantizer
@pytest.mark.parametrize(
    "name",
    [
        "mobilenet_v1_0.25",
        "mobilenet_v2_0.35",
        "mnasnet_small",
        "mobilenet_v3_small_0.35",
        "mobilenet_v3_small_minimalistic",
        "efficientnet_b0",
        "nasnet_a_cifar",
        "resnet18",
    ],
)
def test_a_family_has_the_quantizers_operators_and_partitions(
    name: str, device: HostDevice
) -> None:
    graph = small(name)
    direct, quantized = write(graph, quantize=True), quantize(write(graph), images(graph, 1))
    assert operators(direct) == operators(quantized)
    assert device.inspect(direct) == device.inspect(quantized)


@needs_quantizer
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_has_the_quantizers_operators_and_nothing_is_rescaled(kind: Kind) -> None:
    graph = cell(kind)
    quantized = quantize(write(graph), images(graph))
    assert operators(quantized) == operators(write(graph, quantize=True))
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(operators(quantized))


@needs_quantizer
@pytest.mark.parametrize("kind", KINDS)
def test_the_quantized_cell_computes_nearly_the_same(kind: Kind) -> None:
    graph = cell(kind)
    model = write(graph, weights_of(randomized(graph)))
    assert_near(model, graph)


@needs_quantizer
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_of_cells_and_concatenated_pairs_in_integers(
    operation: str, stride: int
) -> None:
    cell = f"{operation}(0)&{operation}(1)|{operation}(2)+id(0)|concat(1,2,3)"
    lines = ["in_p16_c3", "cs_k3_c8_same", f"ce_s{stride}_c8_{cell}", "ch_n10_d0.0"]
    graph = from_lines(lines).graph()
    model = write(graph, weights_of(randomized(graph)))
    assert operators(quantize(model, images(graph, 1))) == operators(write(graph, quantize=True))
    assert_near(model, graph)


@needs_quantizer
@pytest.mark.parametrize("name", ["mobilenet_v2_0.35", "mnasnet_small", "mobilenet_v3_small_0.35"])
def test_the_quantized_network_gives_nearly_the_same_logits(name: str) -> None:
    graph = small(name)
    model = write(graph, weights_of(randomized(graph)))
    assert_near(model, graph)


def assert_near(model: bytes, graph: Graph) -> None:
    """The direction of the first output is kept, on images that were not used for the ranges."""
    quantized = quantize(model, images(graph, 8))
    _, tensors = read(quantized)
    assert {tensor.type for tensor in tensors.values()} == {TensorType.INT8, TensorType.INT32}
    exact, near = Runner(model), Runner(quantized)
    assert near.is_integer
    for seed in range(100, 104):
        image = random_image(graph, seed)
        a, b = exact(image).ravel(), near(image).ravel()
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.98


@needs_quantizer
def test_the_same_images_give_the_same_bytes_in_silence_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    graph = small("mnasnet_small")  # enough operators for a progress bar
    model = write(graph)
    first = quantize(model, images(graph))
    second = quantize(model, (image.astype(np.float64) for image in images(graph)))
    assert first == second
    assert first != quantize(model, images(graph, 2))
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@needs_quantizer
def test_a_dead_layer_is_no_hindrance() -> None:
    net = Builder((8, 8, 4))
    graph = net.graph(net.conv(net.conv(net.input, "dead", 6, act="relu"), "out", 5))
    weights = weights_of(randomized(graph))
    weights["dead.bn.bias"][:] = -100
    exact = Runner(write(graph, weights))
    run = Runner(quantize(write(graph, weights), images(graph)))
    image = random_image(graph)
    np.testing.assert_allclose(run(image), exact(image), atol=0.02)


@needs_quantizer
def test_the_scale_of_the_input_spans_the_images() -> None:
    graph = small("mnasnet_small")
    image = np.linspace(-1, 3, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)
    run = Runner(quantize(write(graph), [image]))
    assert run.scale == pytest.approx(4 / 255)
    assert run.zero_point == -64


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "int8: the ranges of the values are found with images, got none"),
        ([np.zeros((1, 9, 9, 3), np.float32)], r"shape \(1, 8, 8, 4\), got one of \(1, 9, 9, 3\)"),
        ([np.zeros((9, 9, 4), np.float32)], r"got one of \(9, 9, 4\)"),
    ],
)
def test_images_that_do_not_fit(given: list[NDArray[np.float32]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        quantize(write(cell("relu")), given)


def test_a_model_that_is_not_float() -> None:
    graph = cell("relu")
    with pytest.raises(ModelError, match="must have a float input, this one is quantized already"):
        quantize(write(graph, quantize=True), images(graph))
    with pytest.raises(ModelError, match="LiteRT refuses the model"):
        quantize(b"no model", images(graph))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    graph = cell("relu")
    with pytest.raises(ModelError, match=r"pip install 'pocketnas\[int8\]'"):
        quantize(write(graph), images(graph))
