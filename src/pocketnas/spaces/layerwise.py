"""Spaces in which every layer decides for itself: ProxylessNAS and Single-Path NAS.

Strides and widths are fixed; a layer is an MBConv of some kernel and expansion, or, unless it is
the first of its stage, nothing. The options are the block string's fields, so that a decision can
be read. Sources: 1812.00332 and 1904.02877; TuNAS (google-research/tunas) lists the layers in
`mobile_search_space_v3.py` and ProxylessNAS's network in `mobile_model_archive.py`.
"""

from collections.abc import Sequence
from math import ceil

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import build
from pocketnas.spaces.space import Choose, Space

SKIP = "skip"
PROXYLESSNAS_OPS = ("k3_e3", "k5_e3", "k7_e3", "k3_e6", "k5_e6", "k7_e6")
SINGLEPATH_OPS = ("k3_e3", "k5_e3", "k3_e6", "k5_e6")

# Stage by stage: filters, layers, stride. The stem of 32 and a separable layer of 16 come before.
PROXYLESSNAS_STAGES = ((32, 4, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1))
SINGLEPATH_STAGES = ((24, 4, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1))

# The networks found for the Pixel 1; the last option skips the layer.
PROXYLESSNAS_GENOTYPE = (
    0,
    *(1, 0, 6, 6),
    *(2, 0, 1, 1),
    *(5, 1, 1, 1),
    *(4, 1, 1, 1),
    *(5, 5, 2, 2),
    5,
)
SINGLEPATH_GENOTYPE = (*(0, 0, 0, 4), *(3, 0, 0, 0), *(3, 0, 0, 0), *(3, 1, 1, 1), *(3, 3, 3, 3), 2)


def proxylessnas_space(
    *,
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    depth: float = 1.0,
    divisor: int = 8,
    head: int = 1280,
    strides: Sequence[int] | None = None,
) -> Space[Architecture]:
    """ProxylessNAS's space: kernels 3, 5, 7 and expansions 3, 6; 6.6e17 networks.

    TuNAS speaks of 1e21: it counts the kernel and the expansion of a skipped layer too. The
    arguments are those of `pocketnas.arch.scaling.build`; `depth` multiplies the layers that there
    may be.
    """

    def network(choose: Choose) -> Architecture:
        kernel = choose("stage0.kernel", (3, 5, 7))
        lines = _lines(choose, PROXYLESSNAS_STAGES, PROXYLESSNAS_OPS, depth)
        return build(
            [f"ds_k{kernel}_c16", *lines],
            resolution=resolution,
            classes=classes,
            channels=channels,
            act="relu6",
            stem=round_filters(32 * width, divisor),
            head=head,
            dropout=0.0,
            width=width,
            divisor=divisor,
            strides=strides,
        )

    return Space("proxylessnas", network)


def singlepath_space(
    *,
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    depth: float = 1.0,
    divisor: int = 8,
    head: int = 1280,
    strides: Sequence[int] | None = None,
) -> Space[Architecture]:
    """Single-Path NAS's space: kernels 3, 5 and expansions 3, 6, on the widths of MnasNet-B1.

    The arguments are as in `proxylessnas_space`.
    """

    def network(choose: Choose) -> Architecture:
        return build(
            ["ds_k3_c16", *_lines(choose, SINGLEPATH_STAGES, SINGLEPATH_OPS, depth)],
            resolution=resolution,
            classes=classes,
            channels=channels,
            stem=round_filters(32 * width, divisor),
            head=head,
            width=width,
            divisor=divisor,
            strides=strides,
        )

    return Space("singlepath", network)


def _lines(
    choose: Choose, stages: Sequence[tuple[int, int, int]], ops: tuple[str, ...], depth: float
) -> list[str]:
    """The stages' block strings, for which every layer chooses among `ops`."""
    lines = []
    for i, (filters, layers, stride) in enumerate(stages, start=1):
        strings = []
        for j in range(ceil(depth * layers)):
            op = choose(f"stage{i}.layer{j}", (*ops, SKIP) if j else ops)
            if op != SKIP:
                strings.append(f"ir_{op}_s{1 if j else stride}_c{filters}")
        lines.append(" ".join(strings))
    return lines
