"""MobileNetV2 (1801.04381, table 2) in block strings."""

from collections.abc import Sequence

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import build

MOBILENET_V2 = (
    "ds_r1_k3_s1_c16",
    "ir_r2_k3_s2_e6_c24",
    "ir_r3_k3_s2_e6_c32",
    "ir_r4_k3_s2_e6_c64",
    "ir_r3_k3_s1_e6_c96",
    "ir_r3_k3_s2_e6_c160",
    "ir_r1_k3_s1_e6_c320",
)


def mobilenet_v2(
    *,
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    depth: float = 1.0,
    divisor: int = 8,
    head: int | None = None,
    strides: Sequence[int] | None = None,
) -> Architecture:
    """MobileNetV2: 3,504,872 parameters, 301 M MAdds at 224 pixels.

    Below a width of 1 the head keeps 1,280 filters (1801.04381, section 6.1) unless `head` is
    given. The other arguments are those of `pocketnas.arch.scaling.build`.
    """
    return build(
        MOBILENET_V2,
        resolution=resolution,
        classes=classes,
        channels=channels,
        act="relu6",
        head=head or round_filters(1280 * max(1.0, width), divisor),
        width=width,
        depth=depth,
        divisor=divisor,
        strides=strides,
    )
