from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import NORMAL, REDUCTION, architectures
from pocketnas.arch import Architecture, ConvBlock, Head, MBConv, SepConv
from pocketnas.arch.blocks import FusedMBConv
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellHead, CellStem
from pocketnas.arch.notation import from_lines, stages, to_lines
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.errors import ArchitectureError

MIN_HEAD = "hd_c64_n10_d0.2"

A1 = """\
in_p224_c3
cn_r1_k3_s2_c32
ds_r1_k3_s1_c16
ir_r2_k3_s2_e6_c24
ir_r3_k5_s2_e3_c40_se0.25
ir_r4_k3_s2_e6_c80
ir_r2_k3_s1_e6_c112_se0.25
ir_r3_k5_s2_e6_c160_se0.25
ir_r1_k3_s1_e6_c320
hd_c1280_n1000_d0.2"""

V3_SMALL = """\
in_p224_c3
cn_r1_k3_s2_c16_nhs
ds_r1_k3_s2_c16_sx0.25_ghs
ir_r1_k3_s2_e4.5_c24 ir_r1_k3_s1_x88_c24
ir_r1_k5_s2_e4_c40_sx0.25_nhs_ghs ir_r2_k5_s1_e6_c40_sx0.25_nhs_ghs
hd_c576_n1000_d0.2_h1024_nhs"""

RESNET = """\
in_p224_c1_symmetric_eps1e-05
cp_r1_k7_s2_c64
ba_r2_s1_c64
bo_r2_s1_x128_c512
bo_r3_s2_e0.5_c1024_nsw
hd_c0_n1000_d0.0"""

EFFICIENT_V2 = """\
in_p300_c3
cn_r1_k3_s2_c24_nsw
cn_r2_k3_s1_c24_nsw
er_r4_k3_s2_e4_c48_nsw
ir_r1_k3_s2_e4_c128_se0.25_nsw_gsw
hd_c1280_n1000_d0.2_nsw"""

NASNET = f"""\
in_p224_c3
cs_r1_k3_s2_c32
ce_r1_s2_c11_{REDUCTION} ce_r1_s2_c22_{REDUCTION}
ce_r4_s1_c44_{NORMAL}
ce_r1_s2_c88_{REDUCTION} ce_r4_s1_c88_{NORMAL}_b3
ch_n1000_d0.5
ax_a1_c128_h768_n1000"""


@pytest.mark.parametrize("text", [A1, V3_SMALL, RESNET, EFFICIENT_V2, NASNET])
def test_lines_read_back_as_themselves(text: str) -> None:
    assert to_lines(from_lines(text.splitlines())) == text.splitlines()


def test_lines_golden() -> None:
    found = from_lines(RESNET.splitlines())
    assert found == Architecture(
        224,
        PoolStem(7, 2, 64),
        (
            (BasicBlock(1, 64), BasicBlock(1, 64)),
            (Bottleneck(1, 128, 512), Bottleneck(1, 128, 512)),
            tuple(Bottleneck(s, w, 1024, "swish") for s, w in ((2, 256), (1, 512), (1, 512))),
        ),
        Head(0, 1000, 0.0),
        channels=1,
        padding="symmetric",
        epsilon=1e-5,
    )
    found = from_lines(V3_SMALL.splitlines())
    hard = {"se_act": "relu", "gate": "hsigmoid"}
    assert found.stages[0] == (SepConv(3, 2, 16, se=8, **hard),)
    assert found.stages[1] == (MBConv(3, 2, 72, 24), MBConv(3, 1, 88, 24, skip="identity"))
    assert found.stages[2][0] == MBConv(5, 2, 96, 40, "hswish", 24, **hard)
    assert found.head == Head(576, 1000, 0.2, "hswish", 1024)
    found = from_lines(EFFICIENT_V2.splitlines())
    assert found.stages[0] == (ConvBlock(3, 1, 24, "swish", skip="identity"),) * 2
    assert found.stages[1][1] == FusedMBConv(3, 1, 192, 48, "swish", skip="identity")
    found = from_lines(NASNET.splitlines())
    assert found.stem == CellStem(3, 2, 32)
    normal = Cell(NORMAL, 88)
    assert found.stages[2] == (Cell(REDUCTION, 88, 2), replace(normal, reach=3), *[normal] * 3)
    assert found.head == CellHead(1000)
    assert found.auxiliary == AuxiliaryHead(1, 1000, 128, 768)


def test_stages_pass_their_filters_on() -> None:
    found = stages(["ds_c16 ir_e6_c24", "ir_e2_c24"], 32)
    assert found == (
        (SepConv(3, 1, 16), MBConv(3, 1, 96, 24)),
        (MBConv(3, 1, 48, 24, skip="identity"),),
    )


def test_blocks_that_differ_stand_side_by_side() -> None:
    architecture = Architecture(
        32,
        ConvBlock(3, 2, 8),
        ((MBConv(3, 2, 17, 9), MBConv(3, 1, 18, 9, skip="identity")), ()),
        Head(64, 10),
    )
    lines = ["in_p32_c3", "cn_r1_k3_s2_c8", "ir_r1_k3_s2_x17_c9 ir_r1_k3_s1_e2_c9", "", MIN_HEAD]
    assert to_lines(architecture) == lines
    assert from_lines(lines) == architecture


@given(architectures())
def test_lines_give_the_architecture_back(architecture: Architecture) -> None:
    lines = to_lines(architecture)
    found = from_lines(lines)
    assert found == architecture
    assert found.digest == architecture.digest
    assert to_lines(found) == lines


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "an architecture has at least 3 lines, got 0"),
        (["ax_a0_c8_h8_n10"], "an architecture has at least 3 lines, got 0"),
        (["in_p32", "cn_c8", MIN_HEAD], "the first line must read like in_p224_c3, got 'in_p32'"),
        (["in_p32_c3_c3", "cn_c8", MIN_HEAD], "the first line must read like in_p224_c3, got"),
        (["in_p1e-3_c3", "cn_c8", MIN_HEAD], "the first line must read like in_p224_c3, got"),
        (["in_p32_c3_valid", "cn_c8", MIN_HEAD], "the first line must read like in_p224_c3, got"),
        (["in_p32_c3_same_same", "cn_c8", MIN_HEAD], "the first line must read like in_p224_c3"),
        (["in_p0_c3", "cn_c8", MIN_HEAD], "architecture: resolution must be a whole number from 1"),
        (["in_p9_c3_eps1.5", "cn_c8", MIN_HEAD], r"epsilon must be between 0 and 1, got 1\.5"),
        (["in_p32_c3", "cn_c8", "hd_c64"], "the last line must read like hd_c1280_n1000_d0.2"),
        (["in_p32_c3", "cn_c8", MIN_HEAD + "_nxx"], "the last line must read like .* got 'hd_c64"),
        (["in_p32_c3", "cn_c8", MIN_HEAD + "_nre_nsw"], "the last line must read like hd_c1280_"),
        (["in_p32_c3", "cn_c8", "hd_c64_n10_d1.5"], r"Head: dropout must be in \[0, 1\), got 1\.5"),
        (["in_p32_c3", "cn_c8", "ch_n10"], "the last line must read like ch_n1000_d0.5, got 'ch_"),
        (["in_p32_c3", "cn_c8", "ch_n0_d0.5"], "CellHead: classes must be a whole number from 1"),
        (["in_p32_c3", "cn_r2_c8", MIN_HEAD], "the stem must be one layer, got 'cn_r2_c8'"),
        (["in_p32_c3", "cn_c8 cn_c8", MIN_HEAD], "block string 'cn_c8 cn_c8': cannot read 'c8 cn'"),
        (["in_p32_c3", "xx_c8", MIN_HEAD], "block string 'xx_c8': must begin with"),
        (["in_p32_c3", "cn_c8", "ir_c8", MIN_HEAD], "block string 'ir_c8': needs either e or x"),
        (["in_p32_c3", "cn_c8", "ir_k2_e2_c8", MIN_HEAD], "ir_r1_k2_s1_e2_c8: .* must be odd"),
        (
            ["in_p32_c3", "cn_c8", "ba_c8", MIN_HEAD, "ax_a0_c8_h8"],
            "the auxiliary line must read like ax_a2_c128_h768_n1000, got 'ax_a0_c8_h8'",
        ),
        (
            ["in_p32_c3", "cn_c8", "ba_c8", MIN_HEAD, "ax_a1_c8_h8_n10"],
            "auxiliary: after must be below 1, the number of stages, got 1",
        ),
    ],
)
def test_lines_that_cannot_be_read_are_named(lines: list[str], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        from_lines(lines)


@st.composite
def _mutated(draw: st.DrawFn) -> list[str]:
    """The lines of an architecture, in which tokens or letters are lost, moved or replaced."""
    lines = to_lines(draw(architectures()))
    for _ in range(draw(st.integers(1, 4))):
        i = draw(st.integers(0, len(lines) - 1))
        tokens = lines[i].split("_")
        j = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(("token", "letter", "line", "drop"))):
            case "token":
                tokens[j] = draw(st.sampled_from((*TOKENS, *tokens)))
            case "letter" if tokens[j]:
                k = draw(st.integers(0, len(tokens[j]) - 1))
                letter = draw(st.sampled_from("0123456789.-+|()_ acdehknprsx") | st.characters())
                tokens[j] = tokens[j][:k] + letter + tokens[j][k + 1 :]
            case "line":
                tokens = draw(st.sampled_from(lines)).split("_")
            case "drop":
                del tokens[j]
        lines[i] = "_".join(tokens)
    return lines


TOKENS = ("", "c0", "c8", "k2", "r9", "s3", "e1.5", "x7", "sq2", "sx0.25", "ghs", "nsw", "b3")
TOKENS += ("same", "symmetric", "eps0.5", "d0.5", "h8", "a0", "n10", "p33", "r999999999", "id(0)")


@given(_mutated())
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    with suppress(ArchitectureError):
        found = from_lines(lines)
        assert from_lines(to_lines(found)) == found
        found.graph()


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(32, ConvBlock(3, 2, 8, "sigmoid"), (), Head(64, 10)),
        Architecture(32, Head(8, 8), (), Head(64, 10)),
        Architecture(32, ConvBlock(3, 2, 8), (), ConvBlock(1, 1, 8)),
        Architecture(32, ConvBlock(3, 2, 8), (), Head(64, 10, act="sigmoid")),
        Architecture(32, ConvBlock(3, 2, 3, skip="identity"), (), Head(64, 10)),
        Architecture(32, ConvBlock(3, 1, 8, skip="pool"), (), Head(64, 10)),
        Architecture(32, ConvBlock(3, 1, 8, se=2, gate="hsigmoid", se_act="swish"), (), Head(8, 9)),
        Architecture(32, BasicBlock(1, 8, "sigmoid"), (), Head(64, 10)),
        Architecture(32, CellHead(8), (), Head(64, 10)),
    ],
)
def test_what_has_no_notation_says_so(architecture: Architecture) -> None:
    with pytest.raises(ArchitectureError, match="has no block string"):
        to_lines(architecture)


def test_a_stage_of_more_layers_than_one_string_takes() -> None:
    stem = ConvBlock(3, 1, 8)
    long = (SepConv(3, 1, 8, skip="identity"),) * 1003
    architecture = Architecture(32, stem, (long,), Head(64, 10))
    lines = to_lines(architecture)
    assert lines[2] == "ds_r1000_k3_s1_c8 ds_r3_k3_s1_c8"
    assert from_lines(lines) == architecture
