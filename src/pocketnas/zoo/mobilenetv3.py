"""MobileNetV3 (1905.02244, tables 1 and 2; SLIM's `mobilenet_v3.py`) in block strings."""

from collections.abc import Sequence

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import build
from pocketnas.errors import SettingError
from pocketnas.zoo.published import Published, by_member, by_width

LARGE = (
    "ds_r1_k3_s1_c16_nre",
    "ir_r1_k3_s2_e4_c24_nre ir_r1_k3_s1_e3_c24_nre",
    "ir_r3_k5_s2_e3_c40_sx0.25_nre",
    "ir_r1_k3_s2_e6_c80 ir_r1_k3_s1_e2.5_c80 ir_r2_k3_s1_e2.3_c80",
    "ir_r2_k3_s1_e6_c112_sx0.25",
    "ir_r3_k5_s2_e6_c160_sx0.25",
)
SMALL = (
    "ds_r1_k3_s2_c16_sx0.25_nre",
    "ir_r1_k3_s2_e4.5_c24_nre ir_r1_k3_s1_e3.67_c24_nre",
    "ir_r1_k5_s2_e4_c40_sx0.25 ir_r2_k5_s1_e6_c40_sx0.25",
    "ir_r2_k5_s1_e3_c48_sx0.25",
    "ir_r3_k5_s2_e6_c96_sx0.25",
)
LARGE_MINIMALISTIC = (
    "ds_r1_k3_s1_c16",
    "ir_r1_k3_s2_e4_c24 ir_r1_k3_s1_e3_c24",
    "ir_r3_k3_s2_e3_c40",
    "ir_r1_k3_s2_e6_c80 ir_r1_k3_s1_e2.5_c80 ir_r2_k3_s1_e2.3_c80",
    "ir_r2_k3_s1_e6_c112",
    "ir_r3_k3_s2_e6_c160",
)
SMALL_MINIMALISTIC = (
    "ds_r1_k3_s2_c16",
    "ir_r1_k3_s2_e4.5_c24 ir_r1_k3_s1_e3.67_c24",
    "ir_r1_k3_s2_e4_c40 ir_r2_k3_s1_e6_c40",
    "ir_r2_k3_s1_e3_c48",
    "ir_r3_k3_s2_e6_c96",
)

STRIDES = (2, 1, 2, 2, 2, 1, 2)
"""Of the stem and the six lines of MobileNetV3-Large: a 224-pixel image becomes a 7x7 map."""


def mobilenet_v3_large(
    *,
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    depth: float = 1.0,
    divisor: int = 8,
    head: int | None = None,
    hidden: int = 1280,
    strides: Sequence[int] | None = None,
) -> Architecture:
    """MobileNetV3-Large: 5,483,032 parameters, 217 M MAdds at 224 pixels.

    The head narrows with the width unless `head` is given; the hidden layer keeps 1,280 units at
    every width: table 9's parameters. The other arguments are those of
    `pocketnas.arch.scaling.build`; at 224 pixels the strides are `STRIDES`.
    """
    return build(
        LARGE,
        resolution=resolution,
        classes=classes,
        channels=channels,
        act="hswish",
        gate="ghs",
        stem=round_filters(16 * width, divisor),
        head=round_filters(960 * width, divisor) if head is None else head,
        hidden=hidden,
        width=width,
        depth=depth,
        divisor=divisor,
        strides=strides,
    )


def mobilenet_v3_small(
    *, resolution: int = 224, classes: int = 1000, channels: int = 3, width: float = 1.0
) -> Architecture:
    """MobileNetV3-Small: 2,542,856 parameters, 57 M MAdds at 224 pixels.

    The paper's table 2 has SE behind the last 1x1 layer, the reference code and its counts do not.
    The hidden layer widens and never narrows: table 9's parameters.
    """
    return build(
        SMALL,
        resolution=resolution,
        classes=classes,
        channels=channels,
        act="hswish",
        gate="ghs",
        stem=round_filters(16 * width),
        head=round_filters(576 * width),
        hidden=round_filters(1024 * max(1.0, width)),
        width=width,
    )


def mobilenet_v3_minimalistic(
    size: str = "large", *, resolution: int = 224, classes: int = 1000, channels: int = 3
) -> Architecture:
    """MobileNetV3 "large" or "small" without SE, h-swish and 5x5 kernels."""
    if size not in ("large", "small"):
        raise SettingError(f"no member is called {size!r}; there are large, small")
    lines, head, hidden = (
        (LARGE_MINIMALISTIC, 960, 1280) if size == "large" else (SMALL_MINIMALISTIC, 576, 1024)
    )
    return build(
        lines,
        resolution=resolution,
        classes=classes,
        channels=channels,
        stem=16,
        head=head,
        hidden=hidden,
    )


_SLIM = "tensorflow/models, slim/nets/mobilenet/README.md; parameters: timm 1.0.31"
_TABLE_9 = "1905.02244, table 9"


def _pixels(*milliseconds: float) -> dict[str, float]:
    return dict(zip(("Pixel 1", "Pixel 2", "Pixel 3"), milliseconds, strict=False))


ENTRIES = (
    *by_width(
        "mobilenet_v3",
        mobilenet_v3_large,
        {
            1.25: Published(76.6, 7_500_000, 356_000_000, _pixels(77.0), _TABLE_9),
            1.0: Published(75.2, 5_483_032, 217_000_000, _pixels(51.2, 61.0, 44.0), _SLIM),
            0.75: Published(73.3, 3_993_528, 155_000_000, _pixels(39.8, 48.0, 34.0), _SLIM),
            0.5: Published(68.8, 2_600_000, 69_000_000, _pixels(21.7), _TABLE_9),
            0.35: Published(64.2, 2_200_000, 40_000_000, _pixels(15.1), _TABLE_9),
        },
    ),
    *by_width(
        "mobilenet_v3",
        mobilenet_v3_small,
        {
            1.25: Published(70.4, 3_600_000, 91_000_000, _pixels(23.6), _TABLE_9),
            1.0: Published(67.5, 2_542_856, 57_000_000, _pixels(15.8, 19.4, 14.4), _SLIM),
            0.75: Published(65.4, 2_041_872, 44_000_000, _pixels(12.8, 15.9, 11.6), _SLIM),
            0.5: Published(58.0, 1_600_000, 21_000_000, _pixels(7.7), _TABLE_9),
            0.35: Published(49.8, 1_400_000, 12_000_000, _pixels(5.7), _TABLE_9),
        },
    ),
    *by_member(
        "mobilenet_v3",
        "mobilenet_v3_{}_minimalistic",
        mobilenet_v3_minimalistic,
        {
            "large": Published(72.3, 3_924_288, 209_000_000, _pixels(44.1, 51.0, 35.0), _SLIM),
            # SLIM prints 65 M MAdds, and 66 M for Small, where the paper has 57: both are stale.
            "small": Published(61.9, 2_044_736, None, _pixels(12.2, 15.1, 11.0), _SLIM),
        },
    ),
)
