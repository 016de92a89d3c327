"""Folding batch norm: the same function, fewer nodes."""

import numpy as np
import torch

from parity import assert_parity, randomized
from pocketnas.graph import Builder, Graph
from pocketnas.graph.fold import fold, fold_weights
from pocketnas.graph.ops import (
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    DropPath,
    Shift,
)
from pocketnas.graph.state import check_state
from pocketnas.train.network import Network, load_weights, weights_of


def example() -> Graph:
    net = Builder((8, 8, 3), norm=BatchNorm(0.9, 1e-2))
    x = net.conv(net.input, "conv", 6, 3, act="relu")
    x = net.depthwise(x, "depthwise", 5, 2, act="hswish")
    x = net.add("biased", Conv(8, (1, 1), groups=2, bias=True), x)
    x = net.add("bn", BatchNorm(), net.add("act", Activation("relu"), x))
    x = net.add("dropout", Dropout(0.3), x)
    x = net.add("add.path", Add(), x, net.add("path", DropPath(0.3), net.conv(x, "side", 8)))
    halves = net.add("even", Conv(4, (1, 1)), x), net.add("shift", Shift(), x)
    x = net.add("joined", BatchNorm(), net.add("concat", Concat(), *halves))
    x = net.add("narrow", Conv(8, (1, 1)), x)
    shared = net.add("shared", Conv(8, (1, 1)), x)
    x = net.add("add", Add(), shared, net.add("alone", BatchNorm(), shared))
    return net.graph(net.conv(x, "end", 4), x)


def test_only_norms_of_their_own_convolution_disappear() -> None:
    folded = fold(example())
    left = {node.name for node in folded.nodes}
    assert {"conv.bn", "depthwise.bn", "side.bn", "end.bn"}.isdisjoint(left)
    assert {"alone", "bn"} <= left, "the convolution is read twice; a relu stands between"
    assert "joined" in left, "a factorized reduction's: it normalizes two convolutions"
    assert folded.outputs == ("end.conv", "add")


def test_what_only_training_does_disappears() -> None:
    folded = fold(example())
    assert not any(isinstance(node.op, Dropout | DropPath) for node in folded.nodes)
    assert folded.node("add.path").inputs == ("bn", "side.conv")


def test_shapes_and_names_of_the_rest_stay() -> None:
    graph, folded = example(), fold(example())
    for node in folded.nodes:
        before = graph.node(node.name)
        assert (node.shape, node.input_shapes) == (before.shape, before.input_shapes)
    assert fold(folded) == folded


def test_what_branches_repeat_is_computed_once() -> None:
    net = Builder((8, 8, 4))
    x = net.conv(net.input, "conv", 4)
    branches = [
        net.add(f"{name}.conv", Conv(4, (1, 1)), net.add(f"{name}.act", Activation(kind), x))
        for name, kind in (("a", "relu"), ("b", "relu"), ("c", "swish"))
    ]
    pools = [net.add(f"pool{i}", AvgPool(3), x) for i in range(2)]
    graph = net.graph(net.add("end", Concat(), *branches, net.add("add", Add(), *pools)))
    folded = fold(graph)
    assert {n.name for n in graph.nodes} - {n.name for n in folded.nodes} == {
        *("conv.bn", "b.act", "pool1"),
    }
    assert folded.node("b.conv").inputs == ("a.act",)
    assert folded.node("add").inputs == ("pool0", "pool0")
    assert_parity(graph)
    outputs = net.graph(*pools)
    assert fold(outputs).outputs == ("pool0", "pool1"), "each output keeps a tensor of its own"


def test_an_output_that_is_also_normalized_is_not_folded() -> None:
    net = Builder((4, 4, 3))
    tap = net.add("conv", Conv(4, (1, 1)), net.input)
    graph = net.graph(tap, net.add("act", Activation("relu"), net.add("bn", BatchNorm(), tap)))
    assert fold(graph) == graph


def test_folded_computes_the_same() -> None:
    network = randomized(example())
    weights = fold_weights(network.graph, weights_of(network))
    folded = Network(fold(network.graph)).eval()
    check_state(folded.graph, {key: value.shape for key, value in weights.items()})
    load_weights(folded, weights)
    image = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for ours, theirs in zip(folded(image), network(image), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=0, atol=1e-5)
