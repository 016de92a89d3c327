import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from pocketnas.graph import Builder, madds, parameters
from pocketnas.graph.count import node_madds, node_parameters, peak_memory
from pocketnas.graph.fold import fold
from pocketnas.graph.ops import (
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    GlobalAvgPool,
    Kind,
    MaxPool,
    Op,
    Shift,
)
from pocketnas.tflite import write
from pocketnas.tflite.runner import quiet
from pocketnas.zoo import entry


@pytest.mark.parametrize(
    ("op", "expected_parameters", "expected_madds"),
    [
        # Over a map of 10 x 8 x 6.
        (Conv(12, (3, 3)), 12 * 6 * 9, 10 * 8 * 12 * 6 * 9),
        (Conv(12, (3, 3), bias=True), 12 * 6 * 9 + 12, 10 * 8 * 12 * 6 * 9),
        (Conv(12, (3, 5), 2), 12 * 6 * 15, 5 * 4 * 12 * 6 * 15),
        (Conv(12, (3, 3), padding="valid"), 12 * 6 * 9, 8 * 6 * 12 * 6 * 9),
        (Conv(12, (3, 3), groups=3), 12 * 2 * 9, 10 * 8 * 12 * 2 * 9),
        (Conv(12, (3, 3), dilation=2), 12 * 6 * 9, 10 * 8 * 12 * 6 * 9),
        (Depthwise((5, 5)), 6 * 25, 10 * 8 * 6 * 25),
        (Depthwise((5, 5), 2, bias=True), 6 * 25 + 6, 5 * 4 * 6 * 25),
        (Dense(7), 7 * 480 + 7, 7 * 480),
        (Dense(7, bias=False), 7 * 480, 7 * 480),
        (BatchNorm(), 12, 0),
        (Activation("swish"), 0, 0),
        (MaxPool(3, 2), 0, 0),
        (AvgPool(3), 0, 0),
        (GlobalAvgPool(), 0, 0),
        (Dropout(0.2), 0, 0),
        (DropPath(0.2), 0, 0),
        (Shift(), 0, 0),
    ],
)
def test_one_op(op: Op, expected_parameters: int, expected_madds: int) -> None:
    net = Builder((10, 8, 6))
    graph = net.graph(net.add("op", op, net.input))
    assert node_parameters(graph.node("op")) == expected_parameters
    assert node_madds(graph.node("op")) == expected_madds
    assert parameters(graph) == expected_parameters
    assert madds(graph) == expected_madds


def test_madds_of_a_convolution_by_doing_it() -> None:
    """Counts the multiplications of a naive loop, those with padding included."""
    height, width, channels, filters, kernel, stride = 5, 4, 3, 2, 3, 2
    done = 0
    for _ in range(0, height, stride):
        for _ in range(0, width, stride):
            for _ in range(filters):
                done += channels * kernel * kernel
    net = Builder((height, width, channels))
    x = net.add("conv", Conv(filters, (kernel, kernel), stride), net.input)
    assert madds(net.graph(x)) == done


def test_a_graph_counts_all_its_nodes() -> None:
    net = Builder((8, 8, 3))
    x = net.conv(net.input, "a", 4, 3, act="relu")
    y = net.depthwise(x, "b", 3)
    y = net.add("add", Add(), x, y)
    graph = net.graph(net.add("dense", Dense(10), net.add("pool", GlobalAvgPool(), y)))
    assert parameters(graph) == (4 * 27 + 8) + (4 * 9 + 8) + (40 + 10)
    assert madds(graph) == 64 * 4 * 27 + 64 * 4 * 9 + 40


def test_peak_memory_by_hand() -> None:
    net = Builder((8, 8, 3))
    x = net.conv(net.input, "a", 4, 3, act="relu")  # 256 values beside the image's 192
    y = net.depthwise(x, "b", 3)  # 256 more, since a is read again
    y = net.add("add", Add(), x, y)  # over one of them
    y = net.conv(y, "c", 8, 1, 2)  # 128
    graph = net.graph(net.add("pool", GlobalAvgPool(), y))
    assert peak_memory(graph) == peak_memory(fold(graph)) == 4 * (192 + 256 + 256)
    assert peak_memory(graph, bytes_a_value=1) == 192 + 256 + 256


@pytest.mark.parametrize(
    ("act", "values"),
    [("relu6", 192 + 256), ("hswish", 192 + 256 + 256), ("swish", 192 + 256 + 256)],
)
def test_peak_memory_of_an_activation(act: Kind, values: int) -> None:
    """A clamp is the convolution's own; others read one map and write another."""
    net = Builder((8, 8, 3))
    graph = net.graph(net.conv(net.input, "a", 4, 3, act=act))
    assert peak_memory(graph) == 4 * values


def test_what_nobody_reads_is_freed_at_once() -> None:
    net = Builder((8, 8, 3))
    net.add("unread", Conv(4, (1, 1)), net.input)
    graph = net.graph(net.add("read", Conv(2, (1, 1)), net.input))
    assert peak_memory(graph) == 4 * (192 + 256)


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet_v2",
        "mnasnet_a1",
        "mobilenet_v3_large",
        "mobilenet_v3_small",
        "efficientnet_b0",
        "resnet18",
        "resnet50",
    ],
)
def test_peak_memory_is_litert_s_arena(name: str) -> None:
    """At full size LiteRT's 6,468 KiB of MnasNet-A1 or 9,996 of EfficientNet-B0 are ours, too."""
    graph = entry(name).architecture(resolution=64).graph()
    assert arena(write(graph)) == pytest.approx(peak_memory(fold(graph)), rel=0.001)


def test_litert_s_arena_has_few_gaps_in_a_cell() -> None:
    graph = entry("nasnet_a_mobile").architecture(resolution=64).graph()
    assert 1 <= arena(write(graph)) / peak_memory(fold(graph)) < 1.1


def arena(model: bytes) -> int:
    """Bytes from the first to the last map where LiteRT's reference kernels have them."""
    with quiet():
        interpreter = Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )
    interpreter.allocate_tensors()
    maps = {detail["index"] for detail in interpreter.get_input_details()}
    for op in interpreter._get_ops_details():
        maps |= set(op["outputs"].tolist())
    spans = []
    for index in maps:
        view = interpreter.tensor(index)()
        begin = view.__array_interface__["data"][0]
        spans.append((begin, begin + view.nbytes))
    return max(end for _, end in spans) - min(begin for begin, _ in spans)
