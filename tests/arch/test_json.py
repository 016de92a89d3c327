"""An architecture as JSON: what is written, what is read back, what is refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import MANY, NORMAL, TINY, architectures
from pocketnas.arch import Architecture, from_lines, to_lines
from pocketnas.arch.architecture import BLOCKS
from pocketnas.errors import ArchitectureError


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


def test_json_of_the_other_kinds_golden() -> None:
    cell = "sep3(0)+id(1)|avg3(2)+max3(0)|concat(0,3)"
    assert MANY.to_dict() == {
        "resolution": 64,
        "channels": 3,
        "padding": "symmetric",
        "epsilon": 1e-5,
        "stem": {"block": "PoolStem", "kernel": 3, "stride": 2, "filters": 8, "act": "swish"},
        "stages": [
            [
                {"block": "BasicBlock", "stride": 1, "filters": 8, "act": "relu"},
                {"block": "Bottleneck", "stride": 2, "width": 4, "filters": 16, "act": "relu"},
            ],
            [
                _block(
                    *("FusedMBConv",), kernel=3, stride=1, expanded=32, filters=16, se=2,
                    se_act="swish", skip="identity",
                ),
            ],
            [
                {"block": "CellStem", "kernel": 1, "stride": 1, "filters": 6},
                {"block": "Cell", "cell": cell, "filters": 6, "stride": 2, "reach": 3},
            ],
        ],
        "head": {"block": "CellHead", "classes": 10, "dropout": 0.5},
        "auxiliary": {
            "block": "AuxiliaryHead", "after": 1, "classes": 10, "filters": 4, "hidden": 5,
        },
    }  # fmt: skip
    assert MANY.graph().outputs == ("head.classifier",)


@given(architectures())
def test_json_gives_the_architecture_back(architecture: Architecture) -> None:
    found = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert found == architecture
    assert hash(found) == hash(architecture)
    assert found.digest == architecture.digest


def _changed(*path: str | int, to: Any, of: Architecture = TINY) -> dict[str, Any]:
    value = json.loads(json.dumps(of.to_dict()))
    place = value
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return value


CELL_HEAD = {"block": "CellHead", "classes": 10}


def _many(*path: str | int, to: Any) -> dict[str, Any]:
    return _changed(*path, to=to, of=MANY)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "architecture: needs an object with resolution, channels, stem, stages and head"),
        ([], "architecture: needs an object"),
        ("{}", "architecture: needs an object"),
        ({}, "architecture: 'resolution' is missing"),
        (_changed("depth", to=3), "architecture: there is no field 'depth'"),
        (_changed("block", to="Head"), "architecture: there is no field 'block'"),
        (_changed("resolution", to="16"), "resolution must be a whole number from 1, got '16'"),
        (_changed("stages", to=None), "architecture: stages must be a list of lists of blocks"),
        (_changed("stages", to=[3]), "architecture: stages must be a list of lists of blocks"),
        (_changed("stages", to=""), "architecture: stages must be a list of lists of blocks"),
        (_changed("stages", to={}), "architecture: stages must be a list of lists of blocks"),
        (_changed("stages", to=[{}]), "architecture: stages must be a list of lists of blocks"),
        (_changed("stages", 0, 0, to=None), r"stages\.0\.0: must be an object, got None"),
        (_changed("stem", to="ConvBlock"), "stem: must be an object, got 'ConvBlock'"),
        (
            _changed("stem", "block", to="MB"),
            f"stem: block must be one of {', '.join(BLOCKS)}; got 'MB'",
        ),
        (_changed("stem", "block", to=["MBConv"]), r"stem: block must .*; got \['MBConv'\]"),
        (_changed("stages", 1, 0, "kernel", to=4), r"stages\.1\.0: MBConv: kernel must be odd"),
        (_changed("stages", 1, 1, "ratio", to=4), r"stages\.1\.1: MBConv has no field 'ratio'"),
        (_changed("stages", 1, 1, "", to=4), r"stages\.1\.1: MBConv has no field ''"),
        (
            _changed("stages", 0, 0, to={"block": "SepConv"}),
            r"stages\.0\.0: SepConv: 'kernel' is missing",
        ),
        (_changed("head", "dropout", to="0.2"), r"head: Head: dropout must be in \[0, 1\)"),
        (_changed("head", "hidden", to=None), "head: Head: hidden must be a whole .* 0, got None"),
        (_many("padding", to="valid"), "padding must be one of same, symmetric; got 'valid'"),
        (_many("epsilon", to="1e-5"), "epsilon must be between 0 and 1, got '1e-5'"),
        (_many("stages", 2, 1, "cell", to="sep3(0)"), r"stages\.2\.1: cell 'sep3\(0\)': a pair"),
        (_many("stages", 2, 1, "cell", to=[1]), r"stages\.2\.1: Cell: cell must be a string"),
        (_many("auxiliary", to=[]), r"auxiliary: must be an object, got \[\]"),
        (_many("auxiliary", "block", to="Head"), "auxiliary: Head has no field 'after'"),
        (
            _many("auxiliary", to=CELL_HEAD),
            "auxiliary: must be an AuxiliaryHead, got CellHead",
        ),
        (_many("auxiliary", "after", to=3), "auxiliary: after must be below 3, .*, got 3"),
    ],
)
def test_json_that_is_no_architecture_says_where(value: Any, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        Architecture.from_dict(value)


WORDS = st.sampled_from(
    ("", "relu", "hsigmoid", "valid", "identity", "0.2", "id(0)+id(1)", NORMAL, *BLOCKS)
)
NUMBERS = st.sampled_from((0, 1, 2, -1, 3.0, 0.5, 1e308, 10**30)) | st.integers() | st.floats()
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def _mutated(draw: st.DrawFn) -> Any:
    """The JSON of an architecture in which something is missing, added or something else."""
    value = json.loads(json.dumps(draw(architectures() | st.just(MANY)).to_dict()))
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(list(_places(value)) or [(None, None)]))
        match draw(st.sampled_from(("remove", "replace", "add"))):
            case "remove" if container:
                del container[key]
            case "replace" if container:
                container[key] = draw(JSON)
            case "add" if isinstance(container, dict):
                container[draw(WORDS | st.sampled_from(("se", "hidden", "act")))] = draw(JSON)
            case "add" if isinstance(container, list):
                container.insert(key, draw(JSON | st.just(container[key])))
    return value


def _places(value: Any) -> Any:
    """Every container inside `value` with each of its keys."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


@given(_mutated())
def test_any_json_is_an_architecture_or_refused(value: Any) -> None:
    with suppress(ArchitectureError):
        found = Architecture.from_dict(value)
        assert Architecture.from_dict(json.loads(json.dumps(found.to_dict()))) == found
        found.graph(drop_path=0.1, auxiliary=True)
        assert from_lines(to_lines(found)) == found
