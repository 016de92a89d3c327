"""MobileNetV1 (1704.04861, table 1) and MobileNetV2 (1801.04381, table 2) in block strings."""

from collections.abc import Sequence

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import build
from pocketnas.zoo.published import Published, by_width

MOBILENET_V1 = (
    "dsa_r1_k3_s1_c64_noskip",
    "dsa_r2_k3_s2_c128_noskip",
    "dsa_r2_k3_s2_c256_noskip",
    "dsa_r6_k3_s2_c512_noskip",
    "dsa_r2_k3_s2_c1024_noskip",
)
MOBILENET_V2 = (
    "ds_r1_k3_s1_c16",
    "ir_r2_k3_s2_e6_c24",
    "ir_r3_k3_s2_e6_c32",
    "ir_r4_k3_s2_e6_c64",
    "ir_r3_k3_s1_e6_c96",
    "ir_r3_k3_s2_e6_c160",
    "ir_r1_k3_s1_e6_c320",
)


def mobilenet_v1(
    *, resolution: int = 224, classes: int = 1000, channels: int = 3, width: float = 1.0
) -> Architecture:
    """MobileNetV1: 4,231,976 parameters, 569 M MAdds at 224 pixels."""
    return build(
        MOBILENET_V1,
        resolution=resolution,
        classes=classes,
        channels=channels,
        act="relu6",
        stem=round_filters(32 * width),
        head=0,
        dropout=0.001,  # the reference code keeps 0.999
        width=width,
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
    if head is None:
        head = round_filters(1280 * max(1.0, width), divisor)
    return build(
        MOBILENET_V2,
        resolution=resolution,
        classes=classes,
        channels=channels,
        act="relu6",
        stem=round_filters(32 * width, divisor),
        head=head,
        width=width,
        depth=depth,
        divisor=divisor,
        strides=strides,
    )


_V1 = "1704.04861, table 6; latency: 1801.04381, table 4; exact parameters: timm 1.0.31"
_V2 = "1801.04381, table 4; exact parameters: torchvision 0.28"
_SLIM = "tensorflow/models, slim/nets/mobilenet/README.md; exact parameters: timm 1.0.31"

ENTRIES = (
    *by_width(
        "mobilenet_v1",
        mobilenet_v1,
        {
            1.0: Published(70.6, 4_231_976, 569_000_000, {"Pixel 1": 113.0}, _V1),
            0.75: Published(68.4, 2_600_000, 325_000_000, {}, _V1),
            0.5: Published(63.7, 1_300_000, 149_000_000, {}, _V1),
            0.25: Published(50.6, 500_000, 41_000_000, {}, _V1),
        },
    ),
    *by_width(
        "mobilenet_v2",
        mobilenet_v2,
        {
            1.4: Published(75.0, 6_108_776, 582_000_000, {"Pixel 1": 138.0}, _SLIM),
            # Batch norms are not in this number of parameters.
            1.3: Published(74.4, 5_340_000, 509_000_000, {"Pixel 1": 123.0}, _SLIM),
            1.0: Published(72.0, 3_504_872, 300_000_000, {"Pixel 1": 75.0}, _V2),
            0.75: Published(69.8, 2_636_424, 209_000_000, {"Pixel 1": 55.8}, _SLIM),
            0.5: Published(65.4, 1_968_680, 97_000_000, {"Pixel 1": 28.7}, _SLIM),
            0.35: Published(60.3, 1_677_128, 59_000_000, {"Pixel 1": 19.7}, _SLIM),
        },
    ),
)
