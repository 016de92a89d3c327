import json
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given

from architectures import architectures
from pocketnas.arch import Architecture, ConvBlock, Head, MBConv, SepConv
from pocketnas.errors import ArchitectureError
from pocketnas.zoo import mnasnet_a1

TINY = Architecture(
    resolution=16,
    stem=ConvBlock(3, 2, 8, "hswish"),
    stages=(
        (SepConv(3, 1, 8, skip="identity"),),
        (MBConv(5, 2, 24, 12, se=2), MBConv(5, 1, 37, 12, "relu6", skip="pool")),
    ),
    head=Head(32, 10, 0.1),
    channels=1,
)


def test_json_golden() -> None:
    assert TINY.to_dict() == {
        "resolution": 16,
        "channels": 1,
        "stem": _block("ConvBlock", kernel=3, stride=2, filters=8, act="hswish"),
        "stages": [
            [_block("SepConv", kernel=3, stride=1, filters=8, skip="identity")],
            [
                _block("MBConv", kernel=5, stride=2, expanded=24, filters=12, se=2),
                _block(
                    *("MBConv",), kernel=5, stride=1, expanded=37, filters=12, act="relu6",
                    skip="pool",
                ),
            ],
        ],
        "head": {"block": "Head", "filters": 32, "classes": 10, "dropout": 0.1, "act": "relu"},
    }  # fmt: skip


def _block(kind: str, **values: Any) -> dict[str, Any]:
    return {"block": kind, "act": "relu", "se": 0, "skip": "none"} | values


def test_digests_never_change() -> None:
    """They name networks in study files: these literals may only change with the format."""
    assert TINY.digest == "2a935bffbb4d3d8e6f1551105d3de81bceeb9bb3d2dbb9d72dbb1515987405cb"
    assert mnasnet_a1().digest == (
        "8f8f727b706040963e47f0d4236e648fe9fd75dd70434125588a94c4f38f7790"
    )


def test_equal_architectures_have_one_digest() -> None:
    for dropout in (0, 0.0, -0.0):
        twin = replace(TINY, head=Head(32, 10, dropout))
        assert twin == replace(TINY, head=Head(32, 10, 0.0))
        assert twin.digest == replace(TINY, head=Head(32, 10, 0.0)).digest


@given(architectures())
def test_json_gives_the_architecture_back(architecture: Architecture) -> None:
    found = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert found == architecture
    assert hash(found) == hash(architecture)
    assert found.digest == architecture.digest


@given(architectures(), architectures())
def test_the_digest_tells_architectures_apart(one: Architecture, other: Architecture) -> None:
    assert (one.digest == other.digest) == (one == other)


@given(architectures())
def test_every_architecture_has_a_graph(architecture: Architecture) -> None:
    graph = architecture.graph()
    assert graph.input.shape == (architecture.resolution,) * 2 + (architecture.channels,)
    head = architecture.head
    assert isinstance(head, Head)
    assert graph.node(graph.outputs[0]).shape == (1, 1, head.classes)


def test_the_graph_is_named_by_stage_and_block() -> None:
    graph = TINY.graph()
    assert graph.outputs == ("head.classifier",)
    places = ["input", "stem.", "stages.0.0.", "stages.1.0.", "stages.1.1.", "head."]
    found = [place for node in graph.nodes for place in places if node.name.startswith(place)]
    assert len(found) == len(graph.nodes)
    assert list(dict.fromkeys(found)) == places
    assert graph.node("stages.1.0.expand.conv").inputs == ("stages.0.0.add",)
    assert graph.node("head.features.conv").inputs == ("stages.1.1.add",)


def test_a_block_that_does_not_fit_is_named_by_its_path() -> None:
    wrong = MBConv(3, 2, 24, 12, skip="identity")
    with pytest.raises(ArchitectureError, match=r"^stages\.1\.0\.add: add: needs two equal shapes"):
        replace(TINY, stages=(TINY.stages[0], (wrong,))).graph()


def test_it_is_a_value() -> None:
    assert hash(replace(TINY)) == hash(TINY)
    assert pickle.loads(pickle.dumps(TINY)) == TINY  # noqa: S301 (as worker processes get it)
    with pytest.raises(FrozenInstanceError):
        TINY.resolution = 32  # type: ignore[misc]


@pytest.mark.parametrize("value", [0, -1, 1.5, "16", True, None])
@pytest.mark.parametrize("name", ["resolution", "channels"])
def test_its_own_numbers_are_checked(name: str, value: Any) -> None:
    message = f"architecture: {name} must be a whole number from 1, got {value!r}"
    with pytest.raises(ArchitectureError, match=message):
        replace(TINY, **{name: value})


def _changed(*path: str | int, to: Any) -> dict[str, Any]:
    value = json.loads(json.dumps(TINY.to_dict()))
    place = value
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "architecture: needs an object with resolution, channels, stem, stages and head"),
        ([], "architecture: needs an object"),
        ({}, "architecture: 'resolution' is missing"),
        (_changed("depth", to=3), "architecture: there is no field 'depth'"),
        (_changed("resolution", to="16"), "resolution must be a whole number from 1, got '16'"),
        (_changed("stages", to=None), "architecture: needs an object"),
        (_changed("stages", to=[3]), "architecture: needs an object"),
        (_changed("stem", to=3), "stem: block must be one of ConvBlock, SepConv, MBConv, Head;"),
        (_changed("stem", "block", to="MB"), "stem: block must be one of .*; got 'MB'"),
        (_changed("stages", 1, 0, "kernel", to=4), r"stages\.1\.0: MBConv: kernel must be odd"),
        (_changed("stages", 1, 1, "ratio", to=4), r"stages\.1\.1: MBConv has no field 'ratio'"),
        (_changed("stages", 0, 0, to={"block": "SepConv"}), r"stages\.0\.0: SepConv needs kernel"),
        (_changed("head", "dropout", to="0.2"), r"head: Head: dropout must be in \[0, 1\)"),
    ],
)
def test_json_that_is_no_architecture_says_where(value: Any, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        Architecture.from_dict(value)
