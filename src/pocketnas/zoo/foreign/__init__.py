"""How other projects name the layers of the published networks.

One function a naming, which walks an architecture; one table of all. The sources are the projects'
own modules (timm 1.0, torchvision 0.28, efficientnet-lite-pytorch 0.1), padding and epsilon too.
"""

from collections.abc import Collection

from pocketnas.arch.architecture import Architecture
from pocketnas.errors import ModelError
from pocketnas.graph.ops import Padding
from pocketnas.zoo.foreign import torchvision
from pocketnas.zoo.foreign.naming import Names, Naming, renamed
from pocketnas.zoo.foreign.nasnet import nasnet
from pocketnas.zoo.foreign.resnet import resnet
from pocketnas.zoo.foreign.timm import efficientnet_pytorch, timm

PYTORCH: tuple[Padding, float] = ("symmetric", 1e-5)
PYTORCH_1E3: tuple[Padding, float] = ("symmetric", 1e-3)


def _ours(architecture: Architecture) -> Names:
    return {node.name: node.name for node in architecture.graph().nodes}


NAMINGS = (
    Naming("PocketNAS", "stem.conv.conv.weight", _ours),
    Naming("EfficientNet-PyTorch", "_conv_stem.weight", efficientnet_pytorch),
    Naming("timm", "cell_stem_0.conv_1x1.conv.weight", nasnet),
    Naming("timm", "conv_stem.weight", timm, PYTORCH),
    Naming("torchvision", "layer1.0.conv1.weight", resnet, PYTORCH),
    Naming("torchvision", "features.1.conv.0.0.weight", torchvision.mobilenet_v2, PYTORCH),
    Naming("torchvision", "layers.8.0.layers.0.weight", torchvision.mnasnet, PYTORCH),
    Naming("torchvision", "features.1.block.0.0.weight", torchvision.mobilenet_v3, PYTORCH_1E3),
    Naming("torchvision", "features.1.0.block.0.0.weight", torchvision.efficientnet, PYTORCH),
)
"""All that are known; no checkpoint has the signs of two."""


def recognize(keys: Collection[str]) -> Naming:
    """The naming that the keys of a checkpoint follow.

    Raises:
        ModelError: none.
    """
    for naming in NAMINGS:
        if naming.sign in keys:
            return naming
    first = ", ".join(list(keys)[:3]) or "none"
    raise ModelError(
        f"its keys ({first}…) follow no known naming; there are PocketNAS's, timm's, torchvision's"
        " and EfficientNet-PyTorch's"
    )


__all__ = ["NAMINGS", "PYTORCH_1E3", "Names", "Naming", "recognize", "renamed"]
