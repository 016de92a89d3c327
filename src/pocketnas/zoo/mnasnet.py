"""MnasNet (1807.11626, figure 7) in block strings, as the reference code lists them."""

from collections.abc import Sequence

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import build
from pocketnas.zoo.published import Entry, Published, by_width

A1 = (
    "ds_r1_k3_s1_c16_noskip",
    "ir_r2_k3_s2_e6_c24",
    "ir_r3_k5_s2_e3_c40_se0.25",
    "ir_r4_k3_s2_e6_c80",
    "ir_r2_k3_s1_e6_c112_se0.25",
    "ir_r3_k5_s2_e6_c160_se0.25",
    "ir_r1_k3_s1_e6_c320",
)
B1 = (
    "ds_r1_k3_s1_c16_noskip",
    "ir_r3_k3_s2_e3_c24",
    "ir_r3_k5_s2_e3_c40",
    "ir_r3_k5_s2_e6_c80",
    "ir_r2_k3_s1_e6_c96",
    "ir_r4_k5_s2_e6_c192",
    "ir_r1_k3_s1_e6_c320_noskip",
)
SMALL = (
    "ds_r1_k3_s1_c8",
    "ir_r1_k3_s2_e3_c16",
    "ir_r2_k3_s2_e6_c16",
    "ir_r4_k5_s2_e6_c32_se0.25",
    "ir_r3_k3_s1_e6_c32_se0.25",
    "ir_r3_k5_s2_e6_c88_se0.25",
    "ir_r1_k3_s1_e6_c144",
)
D1 = (
    "ir_r1_k3_s1_e9_c24",
    "ir_r3_k3_s2_e9_c36",
    "ir_r5_k3_s2_e9_c48",
    "ir_r4_k5_s2_e9_c96",
    "ir_r5_k7_s1_e3_c96",
    "ir_r3_k3_s2_e9_c80",
    "ir_r1_k7_s1_e6_c320_noskip",
)
D1_320 = (
    "ir_r3_k5_s1_e6_c24",
    "ir_r4_k7_s2_e9_c36",
    "ir_r5_k5_s2_e9_c48",
    "ir_r5_k7_s2_e6_c96",
    "ir_r5_k3_s1_e9_c144",
    "ir_r5_k5_s2_e6_c160",
    "ir_r1_k7_s1_e9_c320",
)


def mnasnet_a1(
    *,
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    depth: float = 1.0,
    divisor: int = 8,
    head: int = 1280,
    strides: Sequence[int] | None = None,
) -> Architecture:
    """MnasNet-A1: 3,887,038 parameters, 312 M MAdds at 224 pixels.

    The head keeps 1,280 filters at every width (reference code). The arguments are those of
    `pocketnas.arch.scaling.build`.
    """
    return build(
        A1,
        resolution=resolution,
        classes=classes,
        channels=channels,
        stem=round_filters(32 * width, divisor),
        head=head,
        width=width,
        depth=depth,
        divisor=divisor,
        strides=strides,
    )


def mnasnet_b1(
    *, resolution: int = 224, classes: int = 1000, channels: int = 3, width: float = 1.0
) -> Architecture:
    """MnasNet-B1, found without SE in the space: 4,383,312 parameters, 314 M MAdds."""
    return build(
        B1,
        resolution=resolution,
        classes=classes,
        channels=channels,
        stem=round_filters(32 * width),
        width=width,
    )


def mnasnet_small(*, resolution: int = 224, classes: int = 1000, channels: int = 3) -> Architecture:
    """MnasNet-small, searched for 22 ms: 2,030,264 parameters, 68 M MAdds; no dropout."""
    return build(
        SMALL, resolution=resolution, classes=classes, channels=channels, stem=8, dropout=0.0
    )


def mnasnet_d1(*, resolution: int = 224, classes: int = 1000, channels: int = 3) -> Architecture:
    """MnasNet-d1, found for detection: 3,638,404 parameters, 968 M MAdds at 224 pixels."""
    return build(D1, resolution=resolution, classes=classes, channels=channels)


def mnasnet_d1_320(
    *, resolution: int = 320, classes: int = 1000, channels: int = 3
) -> Architecture:
    """MnasNet-d1-320, found for detection at 320 pixels."""
    return build(D1_320, resolution=resolution, classes=classes, channels=channels)


_A1 = "tensorflow/tpu, mnasnet/README.md; exact parameters: timm 1.0.31"
_B1 = "torchvision 0.28, weights IMAGENET1K_V1"
_D1 = "tensorflow/tpu, mnasnet/mnasnet_models.py"

ENTRIES = (
    *by_width(
        "mnasnet",
        mnasnet_a1,
        {
            1.4: Published(77.2, 6_105_992, 591_500_000, {"Pixel 1": 135.0}, _A1),
            1.0: Published(
                75.2,
                3_887_038,
                312_000_000,
                {"Pixel 1": 78.0},
                "1807.11626, table 1; exact parameters: timm 1.0.31",
            ),
            0.75: Published(73.3, 2_912_278, 226_700_000, {"Pixel 1": 61.0}, _A1),
            0.5: Published(68.9, 2_082_006, 105_200_000, {"Pixel 1": 32.0}, _A1),
            0.35: Published(64.1, 1_700_000, 63_200_000, {"Pixel 1": 22.0}, _A1),
        },
    ),
    *by_width(
        "mnasnet",
        mnasnet_b1,
        {
            1.4: Published(None, 7_115_728, None, {}, "timm 1.0.31: mnasnet_140"),
            1.3: Published(76.506, 6_282_256, 526_000_000, {}, _B1),
            1.0: Published(
                74.5,
                4_383_312,
                314_000_000,
                {"Pixel 1": 77.0},
                "1807.11626, table 2; counts: torchvision 0.28",
            ),
            0.75: Published(71.18, 3_170_208, 215_000_000, {}, _B1),
            0.5: Published(67.734, 2_218_512, 104_000_000, {}, _B1),
        },
    ),
    Entry(
        "mnasnet_small",
        "mnasnet",
        224,
        mnasnet_small,
        Published(66.0, 2_030_264, 68_000_000, {}, _A1),
    ),
    Entry("mnasnet_d1", "mnasnet", 224, mnasnet_d1, Published(source=_D1)),
    Entry("mnasnet_d1_320", "mnasnet", 320, mnasnet_d1_320, Published(source=_D1)),
)
