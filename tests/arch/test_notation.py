from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import architectures
from pocketnas.arch import Architecture, Block, ConvBlock, Head, MBConv, SepConv
from pocketnas.arch.notation import BlockString, from_lines, parse, stages, to_lines
from pocketnas.errors import ArchitectureError
from pocketnas.zoo import mnasnet_a1, mnasnet_small, mobilenet_v2

MNASNET_A1 = """\
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


@pytest.mark.parametrize(
    ("text", "channels", "expected"),
    [
        ("cn_c8", 3, [ConvBlock(3, 1, 8)]),
        ("cn_k5_s2_c8_nhs", 8, [ConvBlock(5, 2, 8, "hswish")]),
        ("ds_r1_k3_s1_c16_noskip", 32, [SepConv(3, 1, 16)]),
        ("ds_c16", 16, [SepConv(3, 1, 16, skip="identity")]),
        ("ds_c16_noskip", 16, [SepConv(3, 1, 16)]),
        ("ds_s2_c16", 16, [SepConv(3, 2, 16)]),
        ("ds_s2_c16_pool", 16, [SepConv(3, 2, 16, skip="pool")]),
        ("ds_s2_c16_pool", 17, [SepConv(3, 2, 16)]),
        (
            "ir_r3_k5_s2_e3_c40_se0.25",
            24,
            [
                MBConv(5, 2, 72, 40, se=6),
                MBConv(5, 1, 120, 40, se=10, skip="identity"),
                MBConv(5, 1, 120, 40, se=10, skip="identity"),
            ],
        ),
        (
            "ir_r2_x72_c40_sq7_pool_nr6",
            24,
            [
                MBConv(3, 1, 72, 40, "relu6", 7),
                MBConv(3, 1, 72, 40, "relu6", 7, "pool"),
            ],
        ),
        # SE is a share of the input's filters, rounded down, at least 1.
        ("ir_e1_c8_se0.25", 7, [MBConv(3, 1, 7, 8, se=1)]),
        ("ir_e1_c8_se0.25", 3, [MBConv(3, 1, 3, 8, se=1)]),
        ("ir_e6_c8_se1", 8, [MBConv(3, 1, 48, 8, se=8, skip="identity")]),
        # A ratio is a decimal, not the float next to it: 1.1 * 10 is not 11.
        ("ir_e1.1_c8", 10, [MBConv(3, 1, 11, 8)]),
        ("ir_e0.5_c8", 10, [MBConv(3, 1, 5, 8)]),
        ("ir_e6_c8_nsw", 4, [MBConv(3, 1, 24, 8, "swish")]),
        ("  ir_e6_c8\n", 4, [MBConv(3, 1, 24, 8)]),
    ],
)
def test_blocks_golden(text: str, channels: int, expected: list[Block]) -> None:
    assert list(parse(text).blocks(channels)) == expected


def test_the_callers_activation_is_only_a_default() -> None:
    assert parse("ir_e6_c8", act="swish").act == "swish"
    assert parse("ir_e6_c8_nre", act="swish").act == "relu"


def test_stages_pass_their_filters_on() -> None:
    found = stages(["ds_c16 ir_e6_c24", "ir_e2_c24"], 32)
    assert found == (
        (SepConv(3, 1, 16), MBConv(3, 1, 96, 24)),
        (MBConv(3, 1, 48, 24, skip="identity"),),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"block string '': must begin with cn, ds, ir; got ''"),
        ("mb_e6_c8", "must begin with cn, ds, ir; got 'mb'"),
        ("ir_e6", "block string 'ir_e6': the filters are missing, such as c40"),
        ("ir_c8", "block string 'ir_c8': needs either e or x"),
        ("ir_e6_x48_c8", "needs either e or x"),
        ("cn_e6_c8", "cn takes no expansion"),
        ("ds_x48_c8", "ds takes no expansion"),
        ("ir_e6_c8_se0.25_sq2", "takes se or sq, not both"),
        ("ir_e6_c8_c9", "'c9' gives filters a second time"),
        ("ir_e6_c8_noskip_pool", "'pool' gives skip a second time"),
        ("ir_e6_c8_nre_nsw", "'nsw' gives act a second time"),
        ("ir_e6_c8_zz", "cannot read 'zz'; fields are r, k, s, c, x, sq with a whole number"),
        ("ir_e6_c8_", "cannot read ''"),
        ("ir_e6_c0", "cannot read 'c0'"),
        ("ir_e6_c8.5", r"cannot read 'c8\.5'"),
        ("ir_e0_c8", "cannot read 'e0'"),
        ("ir_e-6_c8", "cannot read 'e-6'"),
        ("ir_e6_c8 ds_c8", "cannot read 'c8 ds'"),
        ("ir_e6_c" + "9" * 5000, "cannot read 'c9"),
        ("ir_e" + "9" * 400 + "_c8", "cannot read 'e9"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        parse(text)


def test_a_string_that_gives_no_blocks_is_named() -> None:
    with pytest.raises(
        ArchitectureError,
        match=r"^ir_r1_k3_s1_e1\.5_c8: expansion 1\.5 of 7 filters is not a whole number;"
        r" write the width itself, such as x10$",
    ):
        parse("ir_e1.5_c8").blocks(7)
    with pytest.raises(ArchitectureError, match=r"of 3 filters is not .* such as x1$"):
        parse("ir_e0.01_c8").blocks(3)
    with pytest.raises(
        ArchitectureError, match=r"^ds_r1_k4_s1_c8: SepConv: kernel must be odd, got 4$"
    ):
        parse("ds_k4_c8").blocks(7)


def test_mnasnet_a1_golden() -> None:
    assert to_lines(mnasnet_a1()) == MNASNET_A1.splitlines()
    assert from_lines(MNASNET_A1.splitlines()) == mnasnet_a1()


def test_lines_say_what_differs_from_the_defaults() -> None:
    lines = to_lines(mobilenet_v2(resolution=96, channels=1, classes=10, width=0.5))
    assert lines[:3] == ["in_p96_c1", "cn_r1_k3_s2_c16_nr6", "ds_r1_k3_s1_c8_nr6"]
    assert lines[-1] == "hd_c1280_n10_d0.2_nr6"
    assert to_lines(mnasnet_small())[-1] == "hd_c1280_n1000_d0.0"


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


MIN_HEAD = "hd_c64_n10_d0.2"


@given(architectures())
def test_lines_give_the_architecture_back(architecture: Architecture) -> None:
    lines = to_lines(architecture)
    found = from_lines(lines)
    assert found == architecture
    assert found.digest == architecture.digest
    assert to_lines(found) == lines


RATIOS = st.floats(1e-6, 100) | st.sampled_from((0.25, 0.5, 1.0, 3.0, 6.0))


@st.composite
def _block_strings(draw: st.DrawFn) -> BlockString:
    kind = draw(st.sampled_from(("cn", "ds", "ir")))
    ratio = kind == "ir" and draw(st.booleans())
    squeezed = draw(st.sampled_from(("", "se", "sq")))
    return BlockString(
        kind=kind,
        filters=draw(st.integers(1, 10**6)),
        repeats=draw(st.integers(1, 20)),
        kernel=draw(st.integers(1, 11)),
        stride=draw(st.integers(1, 4)),
        expansion=draw(RATIOS) if ratio else 0,
        expanded=draw(st.integers(1, 10**6)) if kind == "ir" and not ratio else 0,
        se=draw(RATIOS) if squeezed == "se" else 0,
        squeeze=draw(st.integers(1, 10**4)) if squeezed == "sq" else 0,
        skip=draw(st.sampled_from(("", "pool", "noskip"))),
        act=draw(st.sampled_from(("relu", "relu6", "hswish", "swish"))),
    )


@given(_block_strings())
def test_a_block_string_reads_back_as_itself(block_string: BlockString) -> None:
    assert parse(str(block_string)) == block_string


LETTERS = st.sampled_from(("cn", "ds", "ir", "r", "k", "s", "e", "x", "c", "se", "sq", "d"))
NUMBERS = st.sampled_from(("", "0", "1", "3", "17", "0.25", "1e-3", "٣", ".5", "-1"))
TOKENS = st.builds(str.__add__, LETTERS, NUMBERS) | st.sampled_from(("noskip", "pool", "nsw"))


@given(st.text(max_size=8) | st.lists(TOKENS, max_size=7).map("_".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ArchitectureError):
        assert parse(text).blocks(16)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "an architecture has at least 3 lines, got 0"),
        (["in_p32", "cn_c8", MIN_HEAD], "the first line must read like in_p224_c3, got 'in_p32'"),
        (["in_p0_c3", "cn_c8", MIN_HEAD], "architecture: resolution must be a whole number from 1"),
        (["in_p32_c3", "cn_c8", "hd_c64"], "the last line must read like hd_c1280_n1000_d0.2"),
        (["in_p32_c3", "cn_c8", MIN_HEAD + "_nxx"], "the last line must read like .* got 'hd_c64"),
        (["in_p32_c3", "cn_c8", "hd_c64_n10_d1.5"], r"Head: dropout must be in \[0, 1\), got 1\.5"),
        (["in_p32_c3", "cn_r2_c8", MIN_HEAD], "the stem must be one layer, got 'cn_r2_c8'"),
        (["in_p32_c3", "xx_c8", MIN_HEAD], "block string 'xx_c8': must begin with"),
        (["in_p32_c3", "cn_c8", "ir_c8", MIN_HEAD], "block string 'ir_c8': needs either e or x"),
        (["in_p32_c3", "cn_c8", "ir_k2_e2_c8", MIN_HEAD], "ir_r1_k2_s1_e2_c8: .* must be odd"),
    ],
)
def test_lines_that_cannot_be_read_are_named(lines: list[str], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        from_lines(lines)


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(32, ConvBlock(3, 2, 8, "sigmoid"), (), Head(64, 10)),
        Architecture(32, Head(8, 8), (), Head(64, 10)),
        Architecture(32, ConvBlock(3, 2, 8), (), ConvBlock(1, 1, 8)),
        Architecture(32, ConvBlock(3, 2, 8), (), Head(64, 10, act="sigmoid")),
        Architecture(32, ConvBlock(3, 2, 3, skip="identity"), (), Head(64, 10)),
        Architecture(32, ConvBlock(3, 1, 8, skip="pool"), (), Head(64, 10)),
    ],
)
def test_what_has_no_notation_says_so(architecture: Architecture) -> None:
    with pytest.raises(ArchitectureError, match="has no block string"):
        to_lines(architecture)
