from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import NORMAL, NOTATED_ACTS, REDUCTION, cells
from pocketnas.arch import Block, ConvBlock, MBConv, SepConv
from pocketnas.arch.blocks import FusedMBConv
from pocketnas.arch.blockstring import GATES, KINDS, BlockString, parse
from pocketnas.arch.cells import Cell, CellStem
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.errors import ArchitectureError

V3 = {"se_act": "relu", "gate": "hsigmoid"}
EFFICIENT = {"se_act": "swish", "gate": "sigmoid"}


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
        ("dsa_c16_nr6_noskip", 16, [SepConv(3, 1, 16, "relu6", linear=False)]),
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
        (
            "er_r2_k3_s2_e8_c32_nsw",
            24,
            [
                FusedMBConv(3, 2, 192, 32, "swish"),
                FusedMBConv(3, 1, 256, 32, "swish", skip="identity"),
            ],
        ),
        ("er_x96_c24_noskip", 24, [FusedMBConv(3, 1, 96, 24)]),
        # SE is a share of the input's filters, rounded down, at least 1.
        ("ir_e1_c8_se0.25", 7, [MBConv(3, 1, 7, 8, se=1)]),
        ("ir_e1_c8_se0.25", 3, [MBConv(3, 1, 3, 8, se=1)]),
        ("ir_e6_c8_se1", 8, [MBConv(3, 1, 48, 8, se=8, skip="identity")]),
        # MobileNetV3's is a share of the expanded ones, a multiple of 8 (1905.02244, section 5.3).
        ("ir_k5_s2_e3_c40_sx0.25_ghs", 24, [MBConv(5, 2, 72, 40, se=24, **V3)]),
        ("ir_k5_e6_c40_sx0.25_ghs_nhs", 16, [MBConv(5, 1, 96, 40, "hswish", 24, **V3)]),
        ("cn_c8_sx0.25", 64, [ConvBlock(3, 1, 8, se=16)]),
        ("ir_e4_c8_se0.25_gsw_nsw", 16, [MBConv(3, 1, 64, 8, "swish", 4, **EFFICIENT)]),
        ("ir_e4_c8_sq3_gre", 16, [MBConv(3, 1, 64, 8, se=3)]),
        ("ir_e4_c8_gsw", 16, [MBConv(3, 1, 64, 8)]),
        # A ratio with a fraction gives a multiple of 8: V3-Large's 184 and 200 of 80 filters.
        ("ir_e2.3_c80", 80, [MBConv(3, 1, 184, 80, skip="identity")]),
        ("ir_e2.5_c80", 80, [MBConv(3, 1, 200, 80, skip="identity")]),
        ("ir_e1.1_c8", 10, [MBConv(3, 1, 16, 8)]),  # 8 would be less than 90 % of 11
        ("ir_e0.01_c8", 3, [MBConv(3, 1, 8, 8)]),
        ("ir_e6_c8_nsw", 4, [MBConv(3, 1, 24, 8, "swish")]),
        ("  ir_e6_c8\n", 4, [MBConv(3, 1, 24, 8)]),
        ("cp_k7_s2_c64", 3, [PoolStem(7, 2, 64)]),
        ("ba_r2_s2_c128", 64, [BasicBlock(2, 128), BasicBlock(1, 128)]),
        (
            "bo_r2_s2_e0.5_c512",
            256,
            [Bottleneck(2, 128, 512), Bottleneck(1, 256, 512)],
        ),
        ("bo_r2_s2_x128_c512_nsw", 256, [Bottleneck(s, 128, 512, "swish") for s in (2, 1)]),
        ("cs_k3_s2_c32", 3, [CellStem(3, 2, 32)]),
        ("cs_c96_same", 3, [CellStem(3, 1, 96, "same")]),
        ("cs_c96_symmetric", 3, [CellStem(3, 1, 96, "symmetric")]),
        (f"ce_s2_c88_{REDUCTION}", 264, [Cell(REDUCTION, 88, 2)]),
        (f"ce_r2_c8_b3_{NORMAL}", 4, [Cell(NORMAL, 8, reach=3), Cell(NORMAL, 8)]),
    ],
)
def test_blocks_golden(text: str, channels: int, expected: list[Block]) -> None:
    assert list(parse(text).blocks(channels)) == expected


def test_the_callers_activation_and_gate_are_only_defaults() -> None:
    assert parse("ir_e6_c8", act="swish").act == "swish"
    assert parse("ir_e6_c8_nre", act="swish").act == "relu"
    assert parse("ir_e6_c8_sq2", gate="ghs").gate == "ghs"
    assert parse("ir_e6_c8_sq2_gsw", gate="ghs").gate == "gsw"
    assert parse("cs_c8", act="swish", gate="ghs") == BlockString("cs", 8), "has neither"


def test_a_cell_gives_its_filters_once_for_each_state_that_it_joins() -> None:
    assert parse(f"ce_c44_{NORMAL}").channels == 264
    assert parse(f"ce_c44_{REDUCTION}").channels == 176
    assert parse("ce_c44_id(0)+id(1)").channels == 44
    assert parse("ba_c44").channels == 44


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"block string '': must begin with {', '.join(KINDS)}; got ''"),
        ("mb_e6_c8", "must begin with cn, ds, .*; got 'mb'"),
        ("ir_e6", "block string 'ir_e6': the filters are missing, such as c40"),
        ("ir_c8", "block string 'ir_c8': needs either e or x"),
        ("bo_c8", "block string 'bo_c8': needs either e or x"),
        ("er_e6_x48_c8", "needs either e or x"),
        ("cn_e6_c8", "cn takes no e6"),
        ("ds_x48_c8", "ds takes no x48"),
        ("ba_k3_c8", "ba takes no k3"),
        ("bo_e4_c8_se0.25", "bo takes no se0.25"),
        ("ba_c8_noskip", "ba takes no noskip"),
        ("cp_c8_gsw", "cp takes no gsw"),
        ("cs_c8_nre", "cs takes no nre"),
        ("cn_c8_same", "cn takes no same"),
        ("cn_c8_b3", "cn takes no b3"),
        ("cn_c8_id(0)+id(1)", r"cn takes no id\(0\)\+id\(1\)"),
        ("ce_c8", "block string 'ce_c8': the cell is missing, see docs/notation.md"),
        ("ce_c8_id(0)+id(1)_id(0)+id(0)", r"'id\(0\)\+id\(0\)' gives cell a second time"),
        ("ir_e6_c8_se0.25_sq2", "takes se, sx or sq, not two of them"),
        ("ir_e6_c8_se0.25_sx0.25", "takes se, sx or sq, not two of them"),
        ("ir_e6_c8_c9", "'c9' gives filters a second time"),
        ("ir_e6_c8_noskip_pool", "'pool' gives skip a second time"),
        ("ir_e6_c8_nre_nsw", "'nsw' gives act a second time"),
        ("ir_e6_c8_gre_ghs", "'ghs' gives gate a second time"),
        (
            "ir_e6_c8_zz",
            "cannot read 'zz'; fields are r, k, s, c, x, sq, b with a whole number from 1, e, se,"
            " sx with a ratio, .* gsw, ghs, same, symmetric; see docs/notation.md",
        ),
        ("ir_e6_c8_", "cannot read ''"),
        ("ir_e6_c0", "cannot read 'c0'"),
        ("ir_e6_c8.5", r"cannot read 'c8\.5'"),
        ("ir_e0_c8", "cannot read 'e0'"),
        ("ir_e-6_c8", "cannot read 'e-6'"),
        ("ir_e6_c8_sx0", "cannot read 'sx0'"),
        ("ir_e6_c8_sq1e-3", "cannot read 'sq1e-3'"),
        ("ir_e6_c8 ds_c8", "cannot read 'c8 ds'"),
        ("ir_e6_c" + "9" * 5000, "cannot read 'c9"),
        ("ir_e" + "9" * 400 + "_c8", "cannot read 'e9"),
        ("cn_r1001_c8", "'cn_r1001_c8': a string has at most 1000 layers, got 1001"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ds_k4_c8", "^ds_r1_k4_s1_c8: SepConv: kernel must be odd, got 4$"),
        (
            "ir_e999999999_c8",
            "^ir_r1_k3_s1_e999999999_c8: MBConv: expanded must be at most 999999999, got",
        ),
        (
            "ce_c8_sep9(0)+id(1)",
            r"^ce_r1_s1_c8_sep9\(0\)\+id\(1\): cell 'sep9\(0\)\+id\(1\)': there is no operation",
        ),
    ],
)
def test_a_string_that_gives_no_blocks_is_named(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        parse(text).blocks(7)


RATIOS = st.floats(1e-6, 100) | st.sampled_from((0.25, 0.5, 1.0, 3.0, 6.0))
WIDTHS = st.integers(1, 10**6)


@st.composite
def _block_strings(draw: st.DrawFn) -> BlockString:
    kind = draw(st.sampled_from(tuple(KINDS)))
    takes = KINDS[kind][1]
    found: dict[str, Any] = {}
    if "expansion" in takes:
        found |= {"expansion": draw(RATIOS)} if draw(st.booleans()) else {"expanded": draw(WIDTHS)}
    match draw(st.sampled_from(("", "se", "squeeze", "se_expanded"))) if "se" in takes else "":
        case "squeeze":
            found["squeeze"] = draw(WIDTHS)
        case "se" | "se_expanded" as name:
            found[name] = draw(RATIOS)
    values: dict[str, st.SearchStrategy[Any]] = {
        "kernel": st.integers(1, 11),
        "skip": st.sampled_from(("", "pool", "noskip")),
        "act": st.sampled_from(NOTATED_ACTS),
        "gate": st.sampled_from(tuple(GATES)),
        "cell": cells(),
        "reach": st.integers(1, 5),
        "padding": st.sampled_from(("valid", "same", "symmetric")),
    }
    found |= {name: draw(values[name]) for name in values if name in takes}
    repeats, stride = draw(st.integers(1, 20)), draw(st.integers(1, 4))
    return BlockString(kind, draw(WIDTHS), repeats, stride=stride, **found)


@given(_block_strings())
def test_a_block_string_reads_back_as_itself(block_string: BlockString) -> None:
    assert parse(str(block_string)) == block_string


LETTERS = st.sampled_from((*KINDS, "r", "k", "s", "e", "x", "c", "se", "sx", "sq", "b", "d"))
NUMBERS = st.sampled_from(("", "0", "1", "3", "17", "0.25", "1e-3", "٣", ".5", "-1", "999999999"))
WORDS = st.sampled_from(("noskip", "pool", "nsw", "ghs", "same", "id(0)+id(1)", NORMAL))
TOKENS = st.builds(str.__add__, LETTERS, NUMBERS) | WORDS


@given(st.text(max_size=8) | st.lists(TOKENS, max_size=7).map("_".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ArchitectureError):
        assert parse(text).blocks(16)
