"""timm's names of the MobileNet family (`timm/models/_efficientnet_blocks.py`), and those of the
EfficientNet-PyTorch project, which EfficientNet-Lite's weights have.
"""

from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import ConvBlock, FusedMBConv, MBConv, SepConv
from pocketnas.zoo.foreign.naming import Names, blocks, layer, under

_SE = {"se.reduce": "se.conv_reduce", "se.expand": "se.conv_expand"}
_TIMM: dict[type[Any], Names] = {
    ConvBlock: layer("conv", "conv", "bn1"),
    SepConv: layer("depthwise", "conv_dw", "bn1") | _SE | layer("project", "conv_pw", "bn2"),
    MBConv: layer("expand", "conv_pw", "bn1")
    | layer("depthwise", "conv_dw", "bn2")
    | _SE
    | layer("project", "conv_pwl", "bn3"),
    FusedMBConv: layer("expand", "conv_exp", "bn1") | _SE | layer("project", "conv_pwl", "bn2"),
}
_EFFICIENTNET_PYTORCH = (
    layer("expand", "_expand_conv", "_bn0")
    | layer("depthwise", "_depthwise_conv", "_bn1")
    | {"se.reduce": "_se_reduce", "se.expand": "_se_expand"}
    | layer("project", "_project_conv", "_bn2")
)


def timm(architecture: Architecture) -> Names:
    """Blocks by stage; MobileNetV3's last convolution is a stage, its hidden layer `conv_head`."""
    names = layer("stem.conv", "conv_stem", "bn1")
    for i, j, block in blocks(architecture):
        names |= under(f"stages.{i}.{j}", f"blocks.{i}.{j}", _TIMM.get(type(block), {}))
    if getattr(architecture.head, "hidden", 0):
        last = f"blocks.{len(architecture.stages)}.0"
        names |= layer("head.features", f"{last}.conv", f"{last}.bn1")
        names["head.hidden.dense"] = "conv_head"
    else:
        names |= layer("head.features", "conv_head", "bn2")
    return names | {"head.classifier": "classifier"}


def efficientnet_pytorch(architecture: Architecture) -> Names:
    """Blocks in one row."""
    names = layer("stem.conv", "_conv_stem", "_bn0")
    for number, (i, j, _) in enumerate(blocks(architecture)):
        names |= under(f"stages.{i}.{j}", f"_blocks.{number}", _EFFICIENTNET_PYTORCH)
    return names | layer("head.features", "_conv_head", "_bn1") | {"head.classifier": "_fc"}
