"""Properties of whatever graph: LiteRT computes what torch computes, and it runs in int8, too."""

import importlib.util
from typing import TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flatbuffer import operators, read
from parity import assert_parity, partitions, random_image
from pocketnas.errors import ArchitectureError
from pocketnas.graph import Builder, Graph, Value
from pocketnas.graph.ops import (
    KINDS,
    PADDINGS,
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    GlobalAvgPool,
    MaxPool,
    Multiply,
    Op,
    Shift,
)
from pocketnas.tflite import write
from pocketnas.tflite.quantize import quantize
from pocketnas.tflite.runner import Runner

T = TypeVar("T")

strides, paddings, widths = st.integers(1, 2), st.sampled_from(PADDINGS), st.integers(1, 6)
kernels = st.tuples(st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 3, 4]))
ops: st.SearchStrategy[Op] = st.one_of(
    st.builds(Conv, widths, kernels, strides, paddings, bias=st.booleans()),
    st.builds(Depthwise, kernels, strides, paddings, bias=st.booleans()),
    st.builds(MaxPool, st.integers(1, 3), st.just(1), paddings),
    st.builds(AvgPool, st.integers(1, 3), st.just(1), paddings),
    st.builds(Activation, st.sampled_from(KINDS)),
    st.sampled_from([BatchNorm(), Dropout(0.3), DropPath(0.3), GlobalAvgPool(), Dense(4), Shift()]),
    st.sampled_from([Add(), Multiply(), Concat()]),
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A chain of ops, some of which also read any earlier value; ops that do not fit drop out."""
    side = st.integers(1, 9)
    net = Builder((draw(side), draw(side), draw(widths)))
    values = [net.input]
    for i, op in enumerate(draw(st.lists(ops, min_size=1, max_size=8))):
        inputs: list[Value] = [values[-1]]
        if isinstance(op, Add | Multiply | Concat):
            inputs.append(draw(st.sampled_from(values)))
        try:
            values.append(net.add(f"n{i}", op, *inputs))
        except ArchitectureError:
            continue
    return net.graph(
        *draw(st.lists(st.sampled_from(values[1:] or values), min_size=1, max_size=2, unique=True))
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(graphs())
def test_random_graphs(graph: Graph) -> None:
    assert_parity(graph)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(graphs())
def test_random_graphs_in_integers(graph: Graph) -> None:
    model = write(graph, quantize=True)
    whole, tensors = read(model)
    assert len(tensors) == len(whole.subgraphs[0].tensors), "names are unique"
    run = Runner(model)
    assert run.is_integer
    run(random_image(graph))


@pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_quantizer") is None, reason="needs the extra `int8`"
)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(graphs())
def test_random_graphs_have_the_operators_of_the_quantizer(graph: Graph) -> None:
    reads = graph.consumers()
    assume(all(reads[node.name] for node in graph.nodes))  # it stumbles over what nobody reads
    direct = write(graph, quantize=True)
    quantized = quantize(write(graph), [random_image(graph)])
    assert operators(direct) == operators(quantized)
    assert partitions(direct) == partitions(quantized)
