"""Networks whose layers were searched one by one: ProxylessNAS (1812.00332), Single-Path NAS
(1904.02877). Both are points of their spaces, `pocketnas.spaces.layerwise`.
"""

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.scaling import build
from pocketnas.zoo.published import Entry, Published

PROXYLESSNAS_MOBILE = (
    "ds_r1_k3_s1_c16",
    "ir_r1_k5_s2_e3_c32 ir_r1_k3_s1_e3_c32",
    "ir_r1_k7_s2_e3_c40 ir_r1_k3_s1_e3_c40 ir_r2_k5_s1_e3_c40",
    "ir_r1_k7_s2_e6_c80 ir_r3_k5_s1_e3_c80",
    "ir_r1_k5_s1_e6_c96 ir_r3_k5_s1_e3_c96",
    "ir_r2_k7_s2_e6_c192 ir_r2_k7_s1_e3_c192",
    "ir_r1_k7_s1_e6_c320",
)
SINGLEPATH_NAS = (
    "ds_r1_k3_s1_c16",
    "ir_r3_k3_s2_e3_c24",
    "ir_r1_k5_s2_e6_c40 ir_r3_k3_s1_e3_c40",
    "ir_r1_k5_s2_e6_c80 ir_r3_k3_s1_e3_c80",
    "ir_r1_k5_s1_e6_c96 ir_r3_k5_s1_e3_c96",
    "ir_r4_k5_s2_e6_c192",
    "ir_r1_k3_s1_e6_c320",
)


def proxylessnas_mobile(
    *, resolution: int = 224, classes: int = 1000, channels: int = 3
) -> Architecture:
    """ProxylessNAS for the Pixel 1: 4,080,512 parameters, 320 M MAdds at 224 pixels."""
    return build(
        PROXYLESSNAS_MOBILE,
        resolution=resolution,
        classes=classes,
        channels=channels,
        act="relu6",
        dropout=0.0,
    )


def singlepath_nas(
    *, resolution: int = 224, classes: int = 1000, channels: int = 3
) -> Architecture:
    """Single-Path NAS for the Pixel 1: 4,421,616 parameters."""
    return build(SINGLEPATH_NAS, resolution=resolution, classes=classes, channels=channels)


ENTRIES = (
    Entry(
        "proxylessnas_mobile",
        "proxylessnas",
        224,
        proxylessnas_mobile,
        Published(
            74.6,
            4_080_512,
            320_000_000,
            {"Pixel 1": 78.0},
            "mit-han-lab/proxylessnas README; parameters: osmr/imgclsmob's tests",
        ),
    ),
    Entry(
        "singlepath_nas",
        "singlepath_nas",
        224,
        singlepath_nas,
        Published(
            74.96,
            4_421_616,
            None,
            {"Pixel 1": 79.0},
            "1904.02877; parameters: timm 1.0.31, spnasnet_100",
        ),
    ),
)
