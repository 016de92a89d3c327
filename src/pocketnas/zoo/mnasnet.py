"""MnasNet (1807.11626, figure 7) in block strings, as the reference code lists them."""

from collections.abc import Sequence

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.scaling import build

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
    return build(B1, resolution=resolution, classes=classes, channels=channels, width=width)


def mnasnet_small(*, resolution: int = 224, classes: int = 1000, channels: int = 3) -> Architecture:
    """MnasNet-small, searched for 22 ms: 2,030,264 parameters, 68 M MAdds; no dropout."""
    return build(
        SMALL, resolution=resolution, classes=classes, channels=channels, stem=8, dropout=0.0
    )
