"""ResNet's names, the same in torchvision and timm."""

from pocketnas.arch.architecture import Architecture
from pocketnas.zoo.foreign.naming import Names, blocks, layer, under

_BLOCK = (
    layer("conv1", "conv1", "bn1")
    | layer("conv2", "conv2", "bn2")
    | layer("conv3", "conv3", "bn3")
    | layer("downsample", "downsample.0", "downsample.1")
)


def resnet(architecture: Architecture) -> Names:
    """Basic blocks and bottlenecks by stage."""
    names = layer("stem.conv", "conv1", "bn1")
    for i, j, _ in blocks(architecture):
        names |= under(f"stages.{i}.{j}", f"layer{i + 1}.{j}", _BLOCK)
    return names | {"head.classifier": "fc"}
