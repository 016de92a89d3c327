"""EfficientNetV2 (2104.00298, table 4; google/automl) in block strings."""

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.scaling import build
from pocketnas.errors import SettingError
from pocketnas.zoo.published import Published, by_member

S = (
    "cn_r2_k3_s1_c24",
    "er_r4_k3_s2_e4_c48",
    "er_r4_k3_s2_e4_c64",
    "ir_r6_k3_s2_e4_c128_se0.25",
    "ir_r9_k3_s1_e6_c160_se0.25",
    "ir_r15_k3_s2_e6_c256_se0.25",
)
M = (
    "cn_r3_k3_s1_c24",
    "er_r5_k3_s2_e4_c48",
    "er_r5_k3_s2_e4_c80",
    "ir_r7_k3_s2_e4_c160_se0.25",
    "ir_r14_k3_s1_e6_c176_se0.25",
    "ir_r18_k3_s2_e6_c304_se0.25",
    "ir_r5_k3_s1_e6_c512_se0.25",
)
L = (
    "cn_r4_k3_s1_c32",
    "er_r7_k3_s2_e4_c64",
    "er_r7_k3_s2_e4_c96",
    "ir_r10_k3_s2_e4_c192_se0.25",
    "ir_r19_k3_s1_e6_c224_se0.25",
    "ir_r25_k3_s2_e6_c384_se0.25",
    "ir_r7_k3_s1_e6_c640_se0.25",
)

# Stages, filters of the stem, resolution that the paper tests at, dropout.
MEMBERS = {"s": (S, 24, 384, 0.2), "m": (M, 24, 480, 0.3), "l": (L, 32, 480, 0.4)}


def efficientnet_v2(
    member: str = "s", *, resolution: int | None = None, classes: int = 1000, channels: int = 3
) -> Architecture:
    """EfficientNetV2-S, -M and -L: fused blocks early, SE late; S has 21,458,488 parameters."""
    if member not in MEMBERS:
        raise SettingError(f"no member is called {member!r}; there are {', '.join(MEMBERS)}")
    lines, stem, size, dropout = MEMBERS[member]
    return build(
        lines,
        resolution=size if resolution is None else resolution,
        classes=classes,
        channels=channels,
        act="swish",
        gate="gsw",
        stem=stem,
        dropout=dropout,
    )


_SOURCE = "google/automl, efficientnetv2/README.md; parameters: timm 1.0.31"
ENTRIES = by_member(
    "efficientnet_v2",
    "efficientnet_v2_{}",
    efficientnet_v2,
    {
        "s": Published(83.9, 21_458_488, 8_400_000_000, {}, _SOURCE),
        "m": Published(85.2, 54_139_356, 24_700_000_000, {}, _SOURCE),
        "l": Published(85.7, 118_515_272, 56_300_000_000, {}, _SOURCE),
    },
)
