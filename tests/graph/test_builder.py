import pytest

from pocketnas.errors import ArchitectureError
from pocketnas.graph import Builder, Graph, Node, Value
from pocketnas.graph.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv,
    Depthwise,
    DropPath,
    GlobalAvgPool,
    Input,
    MaxPool,
    Multiply,
)


def test_every_node_has_the_name_of_its_path() -> None:
    net = Builder((8, 8, 3))
    with net.scope("stem"):
        x = net.conv(net.input, "conv", 4, 3, 2, act="relu")
    with net.scope("stages.0"), net.scope("1"):
        y = net.depthwise(x, "depthwise", 5)
        y = net.add("add", Add(), x, y)
    graph = net.graph(net.add("pool", GlobalAvgPool(), y))
    assert [node.name for node in graph.nodes] == [
        "input",
        "stem.conv.conv",
        "stem.conv.bn",
        "stem.conv.act",
        "stages.0.1.depthwise.conv",
        "stages.0.1.depthwise.bn",
        "stages.0.1.add",
        "pool",
    ]
    assert graph.outputs == ("pool",)
    assert graph.node("stages.0.1.add").inputs == ("stem.conv.act", "stages.0.1.depthwise.bn")


def test_nodes_carry_op_and_shapes() -> None:
    net = Builder((9, 8, 3))
    x = net.conv(net.input, "conv", 4, (3, 1), 2, padding="symmetric")
    node = net.graph(x).node("conv.conv")
    assert node == Node(
        "conv.conv", Conv(4, (3, 1), 2, "symmetric"), ("input",), ((9, 8, 3),), (5, 4, 4)
    )
    assert x == Value("conv.bn", (5, 4, 4))
    assert x.channels == 4


def test_layers_are_conv_norm_and_an_activation_if_asked_for() -> None:
    norm = BatchNorm(momentum=0.9, epsilon=1e-5)
    net = Builder((8, 8, 4), norm=norm)
    x = net.conv(net.input, "a", 8, groups=2, act="hswish")
    x = net.depthwise(x, "b", (1, 3), 2, padding="valid", act="relu6")
    ops = [node.op for node in net.graph(net.conv(x, "c", 2)).nodes]
    assert ops == [
        Input((8, 8, 4)),
        Conv(8, (1, 1), groups=2),
        norm,
        Activation("hswish"),
        Depthwise((1, 3), 2, "valid"),
        norm,
        Activation("relu6"),
        Conv(2, (1, 1)),
        norm,
    ]


def test_the_norm_is_mnasnets_by_default() -> None:
    net = Builder((8, 8, 3))
    graph = net.graph(net.conv(net.input, "conv", 4))
    assert graph.node("conv.bn").op == BatchNorm(momentum=0.99, epsilon=1e-3)


def test_the_padding_of_the_network_is_only_a_default() -> None:
    net = Builder((8, 8, 4), padding="symmetric")
    x = net.conv(net.input, "a", 8, 3)
    x = net.depthwise(x, "b", 3)
    x = net.conv(x, "c", 8, 3, padding="valid")
    graph = net.graph(net.depthwise(x, "d", 3, padding="same"))
    found = [op.padding for node in graph.nodes if isinstance(op := node.op, Conv | Depthwise)]
    assert found == ["symmetric", "symmetric", "valid", "same"]
    assert net.padding == "symmetric", "for pools"


def test_a_norm_by_itself() -> None:
    net = Builder((8, 8, 3), norm=BatchNorm(epsilon=1e-5))
    with net.scope("a"):
        x = net.norm(net.norm(net.input), "second")
    assert [node.name for node in net.graph(x).nodes[1:]] == ["a.bn", "a.second"]
    assert net.graph(x).nodes[1].op == BatchNorm(epsilon=1e-5)


def test_paths_drop_more_often_the_deeper_they_lie() -> None:
    net = Builder((8, 8, 3), drop_path=0.2)
    assert net.drop_path(net.input, "first", 0.0) == net.input, "nothing to drop"
    x = net.drop_path(net.input, "half", 0.5)
    graph = net.graph(net.drop_path(x, "last", 1.0))
    assert [node.op for node in graph.nodes[1:]] == [DropPath(0.1), DropPath(0.2)]
    plain = Builder((8, 8, 3))
    assert plain.drop_path(plain.input, "none", 1.0) == plain.input


def test_an_error_begins_with_the_path() -> None:
    net = Builder((8, 8, 3))
    with net.scope("stages.2"), net.scope("0"):
        small = net.add("pool", GlobalAvgPool(), net.input)
        with pytest.raises(ArchitectureError, match=r"^stages\.2\.0\.add: add: needs two equal"):
            net.add("add", Add(), net.input, small)
        with pytest.raises(ArchitectureError, match=r"^stages\.2\.0\.max: a window of 9 does not"):
            net.add("max", MaxPool(9, padding="valid"), net.input)
    with pytest.raises(ArchitectureError, match=r"^scale: multiply: needs"):
        net.add("scale", Multiply(), small, net.input)


def test_a_graph_has_several_outputs() -> None:
    net = Builder((8, 8, 3))
    a = net.conv(net.input, "a", 4, stride=2)
    b = net.conv(a, "b", 5, stride=2)
    graph = net.graph(a, b, a)
    assert graph.outputs == ("a.bn", "b.bn", "a.bn")
    assert graph.consumers() == {"input": 1, "a.conv": 1, "a.bn": 3, "b.conv": 1, "b.bn": 1}


def test_two_nodes_cannot_share_a_name() -> None:
    net = Builder((8, 8, 3))
    net.conv(net.input, "conv", 4)
    x = net.conv(net.input, "conv", 4)
    with pytest.raises(ArchitectureError, match=r"two nodes are called 'conv\.conv'"):
        net.graph(x)


def test_a_value_of_another_builder_is_refused() -> None:
    other = Builder((8, 8, 3))
    stranger = other.conv(other.input, "elsewhere", 4)
    net = Builder((8, 8, 3))
    x = net.conv(stranger, "conv", 4)
    with pytest.raises(ArchitectureError, match=r"conv\.conv: reads 'elsewhere\.bn'"):
        net.graph(x)
    with pytest.raises(ArchitectureError, match=r"the output 'elsewhere\.bn' is not a node"):
        Builder((8, 8, 3)).graph(stranger)


def test_a_graph_has_one_input_and_it_comes_first() -> None:
    image = Node("image", Input((8, 8, 3)), (), (), (8, 8, 3))
    second = Node("second", Input((8, 8, 3)), (), (), (8, 8, 3))
    with pytest.raises(ArchitectureError, match="second: a graph has one input"):
        Graph((image, second), ("second",))
    assert Graph((image,), ("image",)).input is image


def test_an_unknown_node_is_named() -> None:
    net = Builder((8, 8, 3))
    with pytest.raises(ArchitectureError, match=r"the graph has no node 'stages\.9'"):
        net.graph(net.input).node("stages.9")
