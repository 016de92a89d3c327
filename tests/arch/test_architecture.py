import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given

from architectures import MANY, TINY, architectures, fitting, mixtures
from pocketnas.arch import Architecture, Head, MBConv, from_lines
from pocketnas.arch.cells import Cell, CellHead
from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import BatchNorm, Conv, DropPath


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
    assert MANY.digest == "64407cd529c8e61a027532b5dd3579288aee591e3869e3d49e374b6643c10968"
    assert from_lines(A1).digest == (
        "8f8f727b706040963e47f0d4236e648fe9fd75dd70434125588a94c4f38f7790"
    )


def test_equal_architectures_have_one_digest() -> None:
    for dropout in (0, 0.0, -0.0):
        twin = replace(TINY, head=Head(32, 10, dropout))
        assert twin == replace(TINY, head=Head(32, 10, 0.0))
        assert twin.digest == replace(TINY, head=Head(32, 10, 0.0)).digest


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
