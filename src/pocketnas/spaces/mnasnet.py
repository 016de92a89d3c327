"""MnasNet's factorized hierarchical search space (1807.11626, section 4.1 and figure 4).

Each of the blocks decides once, for all its layers: 4 conv ops x 2 kernels x 2 SE ratios x 3 skips
x 3 filter sizes x 3 layer counts = 432. The paper prints 432^5 without the factors; its list of
conv ops has three entries, and the found networks use both expansions 3 and 6, hence four.
"""

from dataclasses import dataclass
from math import ceil

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block, ConvBlock
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import BlockString
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import MOBILE_STRIDES
from pocketnas.errors import SpaceError
from pocketnas.spaces.space import Choose, Space

CONV_OPS = ("conv", "sepconv", "mbconv3", "mbconv6")
KERNELS = (3, 5)
SE_RATIOS = (0.0, 0.25)
SKIPS = ("identity", "pool", "none")
WIDTHS = (0.75, 1.0, 1.25)
LAYERS = (-1, 0, 1)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the search leaves fixed: the input, the strides, MobileNetV2's widths and depths.

    `strides` has the stem's first, then one a block; `filters` and `layers` have one a block.
    `width` multiplies the filters, which become whole multiples of `divisor`, and `depth` the
    layers, rounded up; the head is absolute.
    """

    resolution: int = 224
    classes: int = 1000
    channels: int = 3
    width: float = 1.0
    depth: float = 1.0
    divisor: int = 8
    stem: int = 32
    head: int = 1280
    dropout: float = 0.2
    strides: tuple[int, ...] = MOBILE_STRIDES
    filters: tuple[int, ...] = (16, 24, 32, 64, 96, 160, 320)
    layers: tuple[int, ...] = (1, 2, 3, 4, 3, 3, 1)

    def __post_init__(self) -> None:
        if not len(self.strides) - 1 == len(self.filters) == len(self.layers) > 0:
            raise SpaceError(
                "skeleton: needs the stem's stride and then a stride, a filter size and a layer"
                f" count a block, got {len(self.strides)}, {len(self.filters)}, {len(self.layers)}"
            )


def mnasnet_space(skeleton: Skeleton | None = None) -> Space[Architecture]:
    """MnasNet's space: each block decides once, for all its layers, among 432 choices.

    What `skeleton` leaves fixed is by default the paper's, at 224 pixels. A block's layer options
    are MobileNetV2's count and one less and one more; where that count is one they are 1, 2 and 3,
    since a block without layers would be no block.
    """
    fixed = skeleton or Skeleton()

    def build(choose: Choose) -> Architecture:
        channels = round_filters(fixed.stem * fixed.width, fixed.divisor)
        stem = ConvBlock(3, fixed.strides[0], channels)
        stages: list[tuple[Block, ...]] = []
        rows = zip(fixed.strides[1:], fixed.filters, fixed.layers, strict=True)
        for i, (stride, filters, layers) in enumerate(rows):
            op = choose(f"block{i}.conv_op", CONV_OPS)
            kernel = choose(f"block{i}.kernel", KERNELS)
            se = choose(f"block{i}.se", SE_RATIOS)
            skip = choose(f"block{i}.skip", SKIPS)
            width = fixed.width * choose(f"block{i}.filters", WIDTHS)
            depth = max(2, ceil(fixed.depth * layers)) + choose(f"block{i}.layers", LAYERS)
            block = BlockString(
                kind={"conv": "cn", "sepconv": "ds"}.get(op, "ir"),
                repeats=depth,
                kernel=kernel,
                stride=stride,
                expansion={"mbconv3": 3, "mbconv6": 6}.get(op, 0),
                filters=round_filters(filters * width, fixed.divisor),
                se=se,
                skip={"identity": "", "none": "noskip"}.get(skip, skip),
            )
            stages.append(block.blocks(channels))
            channels = block.filters
        head = Head(fixed.head, fixed.classes, fixed.dropout)
        return Architecture(fixed.resolution, stem, tuple(stages), head, fixed.channels)

    return Space("mnasnet", build)
