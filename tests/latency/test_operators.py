"""What takes time in a deployed network."""

import json

import pytest

from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder
from pocketnas.graph.count import madds
from pocketnas.graph.fold import fold
from pocketnas.graph.ops import KINDS, Activation, Add, Conv, Dense, Depthwise, Input
from pocketnas.latency.operators import Operator, operators
from pocketnas.zoo.registry import entry


def of(name: str, resolution: int = 64) -> list[Operator]:
    graph = entry(name).architecture(resolution=resolution).graph()
    return [operator for _, operator in operators(graph)]


def test_each_is_told_by_its_shapes() -> None:
    said = [str(operator) for operator in of("mnasnet_a1", 224)]
    assert said[0] == "conv 3x3 s2 224x224x3 > 112x112x32"
    assert "depthwise 5x5 s2 56x56x72 > 28x28x72" in said
    assert "conv 1x1 28x28x120 > 28x28x40" in said
    assert "multiply 28x28x120 + 1x1x120 > 28x28x120" in said
    assert said[-1] == "dense 1x1x1280 > 1x1x1000"


@pytest.mark.parametrize("name", ["mnasnet_a1", "nasnet_a_mobile", "resnet50", "efficientnet_b0"])
def test_they_have_the_networks_multiply_adds(name: str) -> None:
    graph = entry(name).architecture(resolution=64).graph()
    assert sum(operator.madds for _, operator in operators(graph)) == madds(fold(graph))


def test_a_clamp_that_an_operator_ends_in_is_none() -> None:
    for kind in KINDS:
        net = Builder((8, 8, 3))
        x = net.add("conv", Conv(4, (3, 3)), net.input)
        graph = net.graph(net.add("act", Activation(kind), x))
        families = [operator.family for _, operator in operators(graph)]
        assert families == (["conv 3x3"] if kind in ("relu", "relu6") else ["conv 3x3", kind])


def test_weights_and_maps_are_counted() -> None:
    net = Builder((8, 8, 3))
    x = net.add("conv", Conv(4, (3, 3), 2), net.input)
    x = net.add("wise", Depthwise((5, 5)), x)
    x = net.add("sum", Add(), x, x)
    graph = net.graph(net.add("dense", Dense(10), x))
    conv, wise, add, dense = (operator for _, operator in operators(graph))
    assert (conv.weights, conv.maps, conv.kind) == (4 * 3 * 9, 192 + 64, "conv")
    assert (wise.weights, wise.maps, wise.kind) == (4 * 25, 64 + 64, "depthwise")
    assert (add.weights, add.maps, add.kind) == (0, 3 * 64, "add")
    assert (dense.weights, dense.maps) == (64 * 10, 64 + 10)
    assert not any(isinstance(node.op, Input) for node, _ in operators(graph))


def test_json_gives_them_back() -> None:
    for operator in of("nasnet_a_mobile"):
        assert Operator.from_dict(json.loads(json.dumps(operator.to_dict()))) == operator


@pytest.mark.parametrize(
    "bad", [{}, {"family": "add"}, {"family": "x", "inputs": [[1]], "output": [1, 1, 1]}, None]
)
def test_what_is_no_operator_is_refused(bad: object) -> None:
    with pytest.raises(ArchitectureError, match="operator"):
        Operator.from_dict(bad)  # type: ignore[arg-type]
