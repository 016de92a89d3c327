from collections.abc import Callable
from typing import Any

import pytest

from architectures import emitted, names
from pocketnas.arch import Head
from pocketnas.errors import ArchitectureError
from pocketnas.graph import madds, parameters
from pocketnas.graph.ops import Activation, Conv, Dense, Dropout


def test_head() -> None:
    graph = emitted(Head(40, 10, act="relu6"))
    assert names(graph) == [
        *("features.conv", "features.bn", "features.act"),
        *("pool", "dropout", "classifier"),
    ]
    assert graph.node("b.features.conv").op == Conv(40, (1, 1))
    assert graph.node("b.dropout").op == Dropout(0.2)
    assert graph.nodes[-1].shape == (1, 1, 10)
    assert "dropout" not in names(emitted(Head(40, 10, dropout=0.0)))


def test_resnet_has_nothing_before_the_pool() -> None:
    graph = emitted(Head(0, 10, dropout=0.0))
    assert names(graph) == ["pool", "classifier"]
    assert parameters(graph) == 12 * 10 + 10


def test_mobilenet_v3_has_a_hidden_layer_behind_the_pool() -> None:
    """1905.02244, table 1, last three rows, for 160 filters in: no batch norm behind the pool."""
    graph = emitted(Head(960, 1000, act="hswish", hidden=1280), channels=160, size=7)
    assert names(graph) == [
        *("features.conv", "features.bn", "features.act", "pool"),
        *("hidden.dense", "hidden.act", "dropout", "classifier"),
    ]
    assert graph.node("b.features.act").op == Activation("hswish")
    assert graph.node("b.hidden.dense").op == Dense(1280)
    assert graph.node("b.hidden.act").op == Activation("hswish")
    dense = (960 * 1280 + 1280) + (1280 * 1000 + 1000)
    assert parameters(graph) == 160 * 960 + 2 * 960 + dense
    assert madds(graph) == 49 * 160 * 960 + 960 * 1280 + 1280 * 1000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Head(-1, 10), "Head: filters must be a whole number from 0, got -1"),
        (lambda: Head(0.0, 10), r"Head: filters must be a whole number from 0, got 0\.0"),
        (lambda: Head(False, 10), "Head: filters must be a whole number from 0, got False"),
        (lambda: Head(8, 0), "Head: classes must be a whole number from 1, got 0"),
        (lambda: Head(8, 10, act="softmax"), "Head: act must be one of"),
        (lambda: Head(8, 10, hidden=-3), "Head: hidden must be a whole number from 0, got -3"),
        (lambda: Head(8, 10, 1.0), r"Head: dropout must be in \[0, 1\), got 1\.0"),
        (lambda: Head(8, 10, -0.1), r"Head: dropout must be in \[0, 1\), got -0\.1"),
        (lambda: Head(8, 10, float("nan")), r"Head: dropout must be in \[0, 1\), got nan"),
        (lambda: Head(8, 10, "0.2"), r"Head: dropout must be in \[0, 1\), got '0\.2'"),
        (lambda: Head(8, 10, False), r"Head: dropout must be in \[0, 1\), got False"),
        (lambda: Head(8, 10, None), r"dropout must be in \[0, 1\), got None"),
    ],
)
def test_what_is_out_of_range_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        make()
