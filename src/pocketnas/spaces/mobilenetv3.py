"""TuNAS's MobileNetV3-like space (2008.06120; `mobilenet_v3_like_search` in google-research/tunas).

Every layer decides for itself its kernel, its expansion, its SE and, unless it is the first of its
stage, whether it is there at all; every width is one of up to seven. The decisions stand in the
order of TuNAS's code: the indices that it publishes (`searched_architectures.csv`) are genotypes.
"""

from collections.abc import Sequence
from math import ceil

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import ConvBlock
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import stages
from pocketnas.arch.rounding import round_filters
from pocketnas.errors import SpaceError
from pocketnas.spaces.space import Choose, Space

STEM_KERNELS = (3, 5)
KERNELS = (3, 5, 7)
EXPANSIONS = (1, 2, 3, 4, 5, 6)
SE_RATIOS = (0.0, 0.25)
WIDTHS = (0.5, 0.625, 0.75, 1.0, 1.25, 1.5, 2.0)
LAYERS = 4

# Base filters of the stem, the stages and the head; ReLU early, h-swish late.
STEM = 16
STAGES = ((16, "nre"), (32, "nre"), (64, "nhs"), (128, "nhs"), (256, "nhs"))
FEATURES = 512
HIDDEN = 1024

STRIDES = (2, 2, 2, 2, 1, 2)
"""Of the stem and the five stages of MBConv."""

# MobileNetV3-Large by the nearest options: 128 filters for its 112, 1,024 for its 960, expansion 2
# for its 2.5 and 2.3. A layer's numbers are kernel, expansion, SE and whether it is skipped.
_NONE = (0, 0, 0, 1)
MOBILENET_V3_LARGE_GENOTYPE = (
    *(0, 0, 0, 1),
    *(0, 3, 0, *(0, 2, 0, 0), *_NONE, *_NONE, 2),
    *(1, 2, 1, *(1, 2, 1, 0), *(1, 2, 1, 0), *_NONE, 3),
    *(0, 5, 0, *(0, 1, 0, 0), *(0, 1, 0, 0), *(0, 1, 0, 0), 4),
    *(0, 5, 1, *(0, 5, 1, 0), *_NONE, *_NONE, 3),
    *(1, 5, 1, *(1, 5, 1, 0), *(1, 5, 1, 0), *_NONE, 1),
    *(6, 4),
)


def mobilenetv3_space(
    *,
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    depth: float = 1.0,
    divisor: int = 8,
    strides: Sequence[int] = STRIDES,
) -> Space[Architecture]:
    """TuNAS's MobileNetV3-like space: every layer and every width for itself; 8.5e42 genotypes.

    What a skipped layer would be is decided too, as in TuNAS's count, so that a genotype has one
    length: the genotypes are 2.6e38 networks. MobileNetV3's own h-sigmoid gates SE, where TuNAS's
    code has a sigmoid.

    Args:
        resolution: side of the image in pixels.
        classes: outputs of the classifier.
        channels: colours of the image.
        width: multiplies all base filters; those that round to the same are one option.
        depth: multiplies the four layers of a stage, rounded up.
        divisor: filters are rounded to its multiples.
        strides: of the stem and the five stages.

    Raises:
        SpaceError: the strides are not six.
    """
    if len(strides) != len(STRIDES):
        raise SpaceError(
            f"mobilenetv3: strides: needs {len(STRIDES)} (the stem's and one a stage),"
            f" got {len(strides)}"
        )

    def filters(choose: Choose, name: str, base: int) -> int:
        options = sorted({round_filters(base * width * ratio, divisor) for ratio in WIDTHS})
        return choose(f"{name}.filters", options)

    def network(choose: Choose) -> Architecture:
        kernel = choose("stem.kernel", STEM_KERNELS)
        sepconv = choose("sepconv.kernel", KERNELS)
        op = choose("sepconv.op", ("sepconv", "skip"))
        stem = filters(choose, "stem", STEM)
        lines = [] if op == "skip" else [f"ds_k{sepconv}_c{stem}_nre"]
        for i, (base, act) in enumerate(STAGES, start=1):
            layers = _layers(choose, f"stage{i}", ceil(depth * LAYERS))
            width_ = filters(choose, f"stage{i}", base)
            strings = [
                f"ir_{layer}_s{1 if j else strides[i]}_c{width_}_{act}"
                for j, layer in enumerate(layers)
            ]
            lines.append(" ".join(strings))
        features = filters(choose, "features", FEATURES)
        hidden = filters(choose, "hidden", HIDDEN)
        return Architecture(
            resolution=resolution,
            channels=channels,
            stem=ConvBlock(kernel, strides[0], stem, "hswish"),
            stages=stages(lines, stem, gate="ghs"),
            head=Head(features, classes, act="hswish", hidden=hidden),
        )

    return Space("mobilenetv3", network)


def _layers(choose: Choose, stage: str, count: int) -> list[str]:
    """What the block strings of a stage's layers say of kernel, expansion and SE."""
    found = []
    for j in range(count):
        name = f"{stage}.layer{j}"
        kernel = choose(f"{name}.kernel", KERNELS)
        expansion = choose(f"{name}.expansion", EXPANSIONS)
        se = choose(f"{name}.se", SE_RATIOS)
        op = choose(f"{name}.op", ("mbconv", "skip")) if j else "mbconv"
        if op == "mbconv":
            found.append(f"k{kernel}_e{expansion}" + (f"_sx{se}" if se else ""))
    return found
