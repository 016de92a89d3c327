import json
import pickle
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import NORMAL, architectures, fitting, mixtures
from pocketnas.arch import Architecture, ConvBlock, Head, MBConv, SepConv, from_lines, to_lines
from pocketnas.arch.architecture import BLOCKS
from pocketnas.arch.blocks import FusedMBConv
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellHead, CellStem
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import BatchNorm, Conv, DropPath

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


MANY = Architecture(
    resolution=64,
    stem=PoolStem(3, 2, 8, "swish"),
    stages=(
        (BasicBlock(1, 8), Bottleneck(2, 4, 16)),
        (FusedMBConv(3, 1, 32, 16, se=2, se_act="swish", skip="identity"),),
        (CellStem(1, 1, 6), Cell("sep3(0)+id(1)|avg3(2)+max3(0)|concat(0,3)", 6, 2, 3)),
    ),
    head=CellHead(10),
    padding="symmetric",
    epsilon=1e-5,
    auxiliary=AuxiliaryHead(1, 10, 4, 5),
)


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


def test_one_cell_has_one_digest() -> None:
    """Two strings of one cell are equal, and so are their networks."""
    said, implied = (
        replace(MANY, stages=((Cell(f"sep3(0)+id(1){end}", 6),),), auxiliary=None)
        for end in ("|concat(2)", "")
    )
    assert said == implied
    assert said.digest == implied.digest


A1 = """in_p224_c3
cn_k3_s2_c32
ds_r1_k3_s1_c16_noskip
ir_r2_k3_s2_e6_c24
ir_r3_k5_s2_e3_c40_se0.25
ir_r4_k3_s2_e6_c80
ir_r2_k3_s1_e6_c112_se0.25
ir_r3_k5_s2_e6_c160_se0.25
ir_r1_k3_s1_e6_c320
hd_c1280_n1000_d0.2""".splitlines()


def test_digests_never_change() -> None:
    """They name networks in study files: these literals may only change with the format."""
    assert TINY.digest == "2a935bffbb4d3d8e6f1551105d3de81bceeb9bb3d2dbb9d72dbb1515987405cb"
    assert from_lines(A1).digest == (
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


@given(fitting())
def test_every_architecture_has_a_graph(architecture: Architecture) -> None:
    graph = architecture.graph()
    assert graph.input.shape == (architecture.resolution,) * 2 + (architecture.channels,)
    head = architecture.head
    assert isinstance(head, Head | CellHead)
    assert graph.node(graph.outputs[0]).shape == (1, 1, head.classes)


@given(mixtures())
def test_blocks_that_do_not_fit_say_where(architecture: Architecture) -> None:
    try:
        architecture.graph(drop_path=0.2, auxiliary=True)
    except ArchitectureError as error:
        place = str(error).partition(".")[0]
        assert place in ("stem", "stages", "head", "auxiliary")


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


def test_padding_and_epsilon_are_those_of_all_layers() -> None:
    graph = MANY.graph(auxiliary=True)
    norms = {node.op for node in graph.nodes if isinstance(node.op, BatchNorm)}
    assert norms == {BatchNorm(momentum=0.99, epsilon=1e-5)}
    wide = {
        node.name: node.op.padding
        for node in graph.nodes
        if isinstance(node.op, Conv) and node.op.kernel != (1, 1)
    }
    assert wide.pop("auxiliary.hidden.conv") == "valid"
    assert set(wide.values()) == {"symmetric"}


def test_drop_path_rises_linearly_from_the_first_block() -> None:
    """EfficientNet's rule (reference code): the share times the number of the block over all."""
    graph = from_lines(A1).graph(drop_path=0.2)
    rates = {node.name: node.op.rate for node in graph.nodes if isinstance(node.op, DropPath)}
    numbers = {"1.1": 2, "2.1": 4, "2.2": 5, "3.1": 7, "3.2": 8, "3.3": 9, "4.1": 11}
    numbers |= {"5.1": 13, "5.2": 14}
    expected = {f"stages.{place}.drop": 0.2 * n / 16 for place, n in numbers.items()}
    assert rates == pytest.approx(expected)
    assert graph.node("stages.1.1.add").inputs == ("stages.1.0.project.bn", "stages.1.1.drop")


def test_drop_path_of_residual_blocks_is_on_the_computed_branch() -> None:
    graph = replace(MANY, stages=(MANY.stages[0],), auxiliary=None).graph(drop_path=0.5)
    drops = {node.name: node.op for node in graph.nodes if isinstance(node.op, DropPath)}
    assert drops == {"stages.0.1.drop": DropPath(0.25)}, "the first block keeps all"
    inputs = ("stages.0.1.downsample.bn", "stages.0.1.drop")
    assert graph.node("stages.0.1.add").inputs == inputs


def test_without_drop_path_there_is_no_node_for_it() -> None:
    assert not any(isinstance(node.op, DropPath) for node in MANY.graph().nodes)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_drops_nothing_or_all_is_refused(share: float) -> None:
    with pytest.raises(
        ArchitectureError, match=r"stages\..*drop: DropPath: rate must be in \[0, 1"
    ):
        replace(MANY, padding="same").graph(drop_path=share)


def test_it_is_a_value() -> None:
    assert hash(replace(TINY)) == hash(TINY)
    assert pickle.loads(pickle.dumps(TINY)) == TINY  # noqa: S301 (as worker processes get it)
    with pytest.raises(FrozenInstanceError):
        TINY.resolution = 32  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"padding": "valid"}, "architecture: padding must be one of same, symmetric; got 'valid'"),
        ({"padding": None}, "architecture: padding must be one of same, symmetric; got None"),
        ({"epsilon": 0.0}, r"architecture: epsilon must be between 0 and 1, got 0\.0"),
        ({"epsilon": 1}, "architecture: epsilon must be between 0 and 1, got 1"),
        ({"epsilon": float("nan")}, "architecture: epsilon must be between 0 and 1, got nan"),
        ({"stages": ()}, "auxiliary: after must be below 0, the number of stages, got 1"),
        ({"resolution": 10**9}, "architecture: resolution must be at most 999999999, got 10000"),
    ],
)
def test_its_other_fields_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        replace(MANY, **changes)


@pytest.mark.parametrize("value", [0, -1, 1.5, "16", True, None])
@pytest.mark.parametrize("name", ["resolution", "channels"])
def test_its_own_numbers_are_checked(name: str, value: Any) -> None:
    message = f"architecture: {name} must be a whole number from 1, got {value!r}"
    with pytest.raises(ArchitectureError, match=message):
        replace(TINY, **{name: value})


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
