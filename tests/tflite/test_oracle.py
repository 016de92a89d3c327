"""The file against the one that Google's converter makes of the same torch network."""

import importlib.util

import numpy as np
import pytest
import torch

from parity import random_image, randomized, run_tflite
from pocketnas.graph import Builder, Graph
from pocketnas.graph.ops import Activation, Add, AvgPool, Conv, Dense, GlobalAvgPool, Multiply
from pocketnas.tflite import write
from pocketnas.train.network import weights_of

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        importlib.util.find_spec("litert_torch") is None, reason="needs the extra `converter`"
    ),
    pytest.mark.filterwarnings("ignore"),  # the converter's own, dozens of them
]


def bottleneck() -> Graph:
    """One block with most of what MnasNet and MobileNetV3 have, on an odd map."""
    net = Builder((9, 9, 3))
    x = net.conv(net.input, "stem", 8, 3, act="hswish")
    y = net.conv(x, "expand", 16, act="relu")
    y = net.depthwise(y, "depthwise", 5, 2, act="relu6")
    gate = net.add("se.reduce", Conv(4, (1, 1), bias=True), net.add("se.pool", GlobalAvgPool(), y))
    gate = net.add("se.expand", Conv(16, (1, 1), bias=True), gate)
    y = net.add("se.scale", Multiply(), y, net.add("se.gate", Activation("hsigmoid"), gate))
    x = net.add("add", Add(), net.conv(y, "project", 8), net.add("pool", AvgPool(3, 2), x))
    return net.graph(net.add("logits", Dense(10), net.add("mean", GlobalAvgPool(), x)))


def test_the_converter_agrees() -> None:
    import litert_torch

    graph = bottleneck()
    network = randomized(graph)
    image = random_image(graph)
    pixels = torch.from_numpy(image.transpose(0, 3, 1, 2).copy())
    expected = np.asarray(litert_torch.convert(network, (pixels,))(pixels))
    found = run_tflite(write(graph, weights_of(network)), image)["logits"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
