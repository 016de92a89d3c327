"""ResNet (1512.03385, table 1; 200 layers: 1603.05027) in block strings."""

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import stages
from pocketnas.arch.residual import PoolStem
from pocketnas.errors import SettingError
from pocketnas.zoo.published import Published, by_member

BASIC = ("ba_r{}_s1_c64", "ba_r{}_s2_c128", "ba_r{}_s2_c256", "ba_r{}_s2_c512")
BOTTLENECK = (
    "bo_r{}_s1_x64_c256",
    "bo_r{}_s2_x128_c512",
    "bo_r{}_s2_x256_c1024",
    "bo_r{}_s2_x512_c2048",
)

# Depth → the blocks, and how many of them in each stage.
RESNET = {
    18: (BASIC, (2, 2, 2, 2)),
    34: (BASIC, (3, 4, 6, 3)),
    50: (BOTTLENECK, (3, 4, 6, 3)),
    101: (BOTTLENECK, (3, 4, 23, 3)),
    152: (BOTTLENECK, (3, 8, 36, 3)),
    200: (BOTTLENECK, (3, 24, 36, 3)),
}


def resnet(
    depth: int = 50, *, resolution: int = 224, classes: int = 1000, channels: int = 3
) -> Architecture:
    """ResNet-18 to -200; ResNet-50 has 25,557,032 parameters, 4.09 B MAdds at 224 pixels.

    Raises:
        SettingError: there is no ResNet of this depth.
    """
    if depth not in RESNET:
        raise SettingError(
            f"there is no ResNet of depth {depth!r}; there are {', '.join(map(str, RESNET))}"
        )
    blocks, layers = RESNET[depth]
    lines = [text.format(n) for text, n in zip(blocks, layers, strict=True)]
    return Architecture(
        resolution=resolution,
        channels=channels,
        stem=PoolStem(7, 2, 64),
        stages=stages(lines, 64),
        head=Head(0, classes, 0.0),
    )


_TORCHVISION = "torchvision 0.28, weights IMAGENET1K_V1"
ENTRIES = by_member(
    "resnet",
    "resnet{}",
    resnet,
    {
        18: Published(69.758, 11_689_512, 1_814_000_000, {}, _TORCHVISION),
        34: Published(73.314, 21_797_672, 3_664_000_000, {}, _TORCHVISION),
        50: Published(76.13, 25_557_032, 4_089_000_000, {}, _TORCHVISION),
        101: Published(77.374, 44_549_160, 7_801_000_000, {}, _TORCHVISION),
        152: Published(78.312, 60_192_808, 11_514_000_000, {}, _TORCHVISION),
        200: Published(None, 64_673_832, None, {}, "timm 1.0.31: resnet200"),
    },
)
