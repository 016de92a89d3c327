"""torchvision's names of the MobileNet family: a block is a sequence, its modules are numbered."""

from itertools import count

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block, ConvBlock, FusedMBConv, MBConv, SepConv
from pocketnas.zoo.foreign.naming import Names, blocks, layer, under


def mobilenet_v2(architecture: Architecture) -> Names:
    """Blocks in one row; convolution and norm share a module, but for a block's last pair."""
    names = _ends(sum(map(len, architecture.stages)))
    for number, (i, j, block) in enumerate(blocks(architecture), start=1):
        steps = _steps(block)
        found: Names = {}
        for k, step in enumerate(steps):
            inner = k < len(steps) - 1
            found |= layer(step, f"{k}.0", f"{k}.1") if inner else layer(step, f"{k}", f"{k + 1}")
        names |= under(f"stages.{i}.{j}", f"features.{number}.conv", found)
    return names | {"head.classifier": "classifier.1"}


def mobilenet_v3(architecture: Architecture) -> Names:
    """Blocks in one row; the hidden layer is the first of the classifier."""
    names = _ends(sum(map(len, architecture.stages)))
    for number, (i, j, block) in enumerate(blocks(architecture), start=1):
        names |= under(f"stages.{i}.{j}", f"features.{number}.block", _sequence(block))
    return names | {"head.hidden.dense": "classifier.0", "head.classifier": "classifier.3"}


def efficientnet(architecture: Architecture) -> Names:
    """Blocks by stage, EfficientNetV2's too."""
    names = _ends(len(architecture.stages))
    for i, j, block in blocks(architecture):
        names |= under(f"stages.{i}.{j}", f"features.{i + 1}.{j}.block", _sequence(block))
    return names | {"head.classifier": "classifier.1"}


def mnasnet(architecture: Architecture) -> Names:
    """Convolution, norm and activation one after the other; the first block lies with the stem."""
    names = layer("stem.conv", "layers.0", "layers.1")
    for i, j, block in blocks(architecture):
        first, path = (3, "layers") if i == 0 else (0, f"layers.{i + 7}.{j}.layers")
        for step, k in zip(_steps(block), count(first, 3), strict=False):
            names |= layer(f"stages.{i}.{j}.{step}", f"{path}.{k}", f"{path}.{k + 1}")
    last = len(architecture.stages) + 7
    names |= layer("head.features", f"layers.{last}", f"layers.{last + 1}")
    return names | {"head.classifier": "classifier.1"}


def _ends(between: int) -> Names:
    """The stem and the last convolution: the first and the last module of the features."""
    last = f"features.{between + 1}"
    return layer("stem.conv", "features.0.0", "features.0.1") | layer(
        "head.features", f"{last}.0", f"{last}.1"
    )


def _sequence(block: Block) -> Names:
    names: Names = {}
    for k, step in enumerate(_steps(block)):
        if step == "se":
            names |= {"se.reduce": f"{k}.fc1", "se.expand": f"{k}.fc2"}
        else:
            names |= layer(step, f"{k}.0", f"{k}.1")
    return names


def _steps(block: Block) -> tuple[str, ...]:
    """The parts of a block in the order in which they run."""
    match block:
        case ConvBlock():
            return ("conv",)
        case SepConv(se=0):
            return ("depthwise", "project")
        case SepConv():
            return ("depthwise", "se", "project")
        case MBConv(se=0):
            return ("expand", "depthwise", "project")
        case MBConv():
            return ("expand", "depthwise", "se", "project")
        case FusedMBConv():
            return ("expand", "project")
    return ()
