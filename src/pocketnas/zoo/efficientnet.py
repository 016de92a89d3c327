"""EfficientNet (1905.11946), EfficientNet-Lite and EfficientNet-EdgeTPU in block strings.

Each family is one network and a table of compound coefficients (tensorflow/tpu,
`models/official/efficientnet`): the shipped width and depth, not exact powers of 1.1 and 1.2.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import build
from pocketnas.errors import SettingError
from pocketnas.zoo.published import Published, by_member

B0 = (
    "ds_r1_k3_s1_c16_se0.25",
    "ir_r2_k3_s2_e6_c24_se0.25",
    "ir_r2_k5_s2_e6_c40_se0.25",
    "ir_r3_k3_s2_e6_c80_se0.25",
    "ir_r3_k5_s1_e6_c112_se0.25",
    "ir_r4_k5_s2_e6_c192_se0.25",
    "ir_r1_k3_s1_e6_c320_se0.25",
)
LITE0 = (
    "ds_r1_k3_s1_c16",
    "ir_r2_k3_s2_e6_c24",
    "ir_r2_k5_s2_e6_c40",
    "ir_r3_k3_s2_e6_c80",
    "ir_r3_k5_s1_e6_c112",
    "ir_r4_k5_s2_e6_c192",
    "ir_r1_k3_s1_e6_c320",
)
EDGETPU_S = (
    "er_r1_k3_s1_x96_c24_noskip",
    "er_r2_k3_s2_e8_c32",
    "er_r4_k3_s2_e8_c48",
    "ir_r5_k5_s2_e8_c96",
    "ir_r4_k5_s1_e8_c144",
    "ir_r2_k5_s2_e8_c192",
)


class Coefficients(NamedTuple):
    """What a family's members differ in."""

    width: float
    depth: float
    resolution: int
    dropout: float


EFFICIENTNET = {
    "b0": Coefficients(1.0, 1.0, 224, 0.2),
    "b1": Coefficients(1.0, 1.1, 240, 0.2),
    "b2": Coefficients(1.1, 1.2, 260, 0.3),
    "b3": Coefficients(1.2, 1.4, 300, 0.3),
    "b4": Coefficients(1.4, 1.8, 380, 0.4),
    "b5": Coefficients(1.6, 2.2, 456, 0.4),
    "b6": Coefficients(1.8, 2.6, 528, 0.5),
    "b7": Coefficients(2.0, 3.1, 600, 0.5),
    "b8": Coefficients(2.2, 3.6, 672, 0.5),
    "l2": Coefficients(4.3, 5.3, 800, 0.5),
}
LITE = {
    "lite0": Coefficients(1.0, 1.0, 224, 0.2),
    "lite1": Coefficients(1.0, 1.1, 240, 0.2),
    "lite2": Coefficients(1.1, 1.2, 260, 0.3),
    "lite3": Coefficients(1.2, 1.4, 280, 0.3),
    "lite4": Coefficients(1.4, 1.8, 300, 0.3),
}
EDGETPU = {
    "s": Coefficients(1.0, 1.0, 224, 0.2),
    "m": Coefficients(1.0, 1.1, 240, 0.2),
    "l": Coefficients(1.2, 1.4, 300, 0.3),
}


def efficientnet(
    member: str = "b0", *, resolution: int | None = None, classes: int = 1000, channels: int = 3
) -> Architecture:
    """EfficientNet-B0 to -B8 and -L2; B0 has 5,288,548 parameters, 386 M MAdds at 224 pixels."""
    found = _member(EFFICIENTNET, member)
    return build(
        B0,
        resolution=found.resolution if resolution is None else resolution,
        classes=classes,
        channels=channels,
        act="swish",
        gate="gsw",
        stem=round_filters(32 * found.width),
        head=round_filters(1280 * found.width),
        dropout=found.dropout,
        width=found.width,
        depth=found.depth,
    )


def efficientnet_lite(
    member: str = "lite0", *, resolution: int | None = None, classes: int = 1000, channels: int = 3
) -> Architecture:
    """EfficientNet-Lite0 to -Lite4: no SE, ReLU6, for hardware that quantizes.

    The stem, the head and the number of layers in the first and last stage are not scaled.
    """
    found = _member(LITE, member)
    return build(
        LITE0,
        resolution=found.resolution if resolution is None else resolution,
        classes=classes,
        channels=channels,
        act="relu6",
        dropout=found.dropout,
        width=found.width,
        depth=(1, *[found.depth] * 5, 1),
    )


def efficientnet_edgetpu(
    member: str = "s", *, resolution: int | None = None, classes: int = 1000, channels: int = 3
) -> Architecture:
    """EfficientNet-EdgeTPU S, M and L: regular convolutions where the maps are large, no SE.

    The first block expands to four times its own output, whatever the stem gives it.
    """
    found = _member(EDGETPU, member)
    first = f"er_r1_k3_s1_x{4 * round_filters(24 * found.width)}_c24_noskip"
    return build(
        (first, *EDGETPU_S[1:]),
        resolution=found.resolution if resolution is None else resolution,
        classes=classes,
        channels=channels,
        stem=round_filters(32 * found.width),
        head=round_filters(1280 * found.width),
        dropout=found.dropout,
        width=found.width,
        depth=found.depth,
    )


def _member(family: Mapping[str, Coefficients], member: str) -> Coefficients:
    if member not in family:
        raise SettingError(f"no member is called {member!r}; there are {', '.join(family)}")
    return family[member]


# Parameters to the last digit and MAdds in our convention: torchvision's weights (B0 to B7) and
# timm (the others). The paper's table 2 prints 0.39, 0.70, 1.0, 1.8, 4.2, 9.9, 19 and 37 B, and
# torchvision's figure for B2 is at 288 pixels.
_PAPER = "1905.11946, table 2; counts: torchvision 0.28"
_TIMM = "timm results-imagenet.csv"
_LITE = "tensorflow/tpu, efficientnet/lite/README.md; parameters: its builder's test"
_EDGETPU = "tensorflow/tpu, efficientnet/edgetpu/README.md; parameters: timm 1.0.31"
_XEON = "Xeon E5-2690, 1 core"


def _pixel_4(float32: float, int8: float) -> dict[str, float]:
    return {"Pixel 4, 4 threads": float32, "Pixel 4, 4 threads, int8": int8}


ENTRIES = (
    *by_member(
        "efficientnet",
        "efficientnet_{}",
        efficientnet,
        {
            "b0": Published(77.1, 5_288_548, 386_000_000, {}, _PAPER),
            "b1": Published(79.1, 7_794_184, 687_000_000, {_XEON: 98.0}, _PAPER),
            "b2": Published(80.1, 9_109_994, 1_000_000_000, {}, _PAPER),
            "b3": Published(81.6, 12_233_232, 1_827_000_000, {}, _PAPER),
            "b4": Published(82.9, 19_341_616, 4_394_000_000, {}, _PAPER),
            "b5": Published(83.6, 30_389_784, 10_266_000_000, {}, _PAPER),
            "b6": Published(84.0, 43_040_704, 19_068_000_000, {}, _PAPER),
            "b7": Published(84.3, 66_347_960, 37_746_000_000, {_XEON: 3100.0}, _PAPER),
            "b8": Published(85.368, 87_413_142, None, {}, f"{_TIMM}: tf_efficientnet_b8.ra_in1k"),
            "l2": Published(
                88.352, 480_309_308, None, {}, f"{_TIMM}: tf_efficientnet_l2.ns_jft_in1k"
            ),
        },
    ),
    *by_member(
        "efficientnet_lite",
        "efficientnet_{}",
        efficientnet_lite,
        {
            "lite0": Published(75.1, 4_652_008, 407_000_000, _pixel_4(12.0, 6.5), _LITE),
            "lite1": Published(76.7, 5_416_680, 631_000_000, _pixel_4(18.0, 9.1), _LITE),
            "lite2": Published(77.6, 6_092_072, 899_000_000, _pixel_4(26.0, 12.0), _LITE),
            "lite3": Published(79.8, 8_197_096, 1_440_000_000, _pixel_4(41.0, 18.0), _LITE),
            "lite4": Published(81.5, 13_006_568, 2_640_000_000, _pixel_4(76.0, 30.0), _LITE),
        },
    ),
    *by_member(
        "efficientnet_edgetpu",
        "efficientnet_edgetpu_{}",
        efficientnet_edgetpu,
        {
            "s": Published(77.23, 5_438_392, None, {}, _EDGETPU),
            "m": Published(78.69, 6_899_496, None, {}, _EDGETPU),
            "l": Published(80.62, 10_589_712, None, {}, _EDGETPU),
        },
    ),
)
