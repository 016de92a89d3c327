"""timm's names of NASNet-A (`timm/models/nasnet.py`)."""

from itertools import count

from pocketnas.arch.architecture import Architecture
from pocketnas.zoo.foreign.naming import Names, blocks, layer, under

_CELL = layer("input", "conv_1x1.conv", "conv_1x1.bn") | {
    f"pairs.{pair}.{side}.{i}.{ours}": f"comb_iter_{pair}_{side}.{theirs}"
    for pair in range(5)
    for side in ("left", "right")
    for i in range(2)
    for ours, theirs in (
        ("depthwise", f"separable_{i + 1}.depthwise_conv2d"),
        ("pointwise", f"separable_{i + 1}.pointwise_conv2d"),
        ("bn", f"bn_sep_{i + 1}"),
    )
}
_ALIGNED = layer("previous", "conv_prev_1x1.conv", "conv_prev_1x1.bn")
_REDUCED = {
    "previous.even": "path_1.conv",
    "previous.odd": "path_2.conv",
    "previous.bn": "final_path_bn",
}


def nasnet(architecture: Architecture) -> Names:
    """Two stem cells, then normal and reduction cells, each kind counted by itself."""
    nodes = {node.name for node in architecture.graph().nodes}
    names = layer("stem.conv", "conv0.conv", "conv0.bn") | {"head.classifier": "last_linear"}
    normal, reductions = count(), count()
    for number, (i, j, cell) in enumerate(blocks(architecture)):
        if number < 2:
            theirs = f"cell_stem_{number}"
        elif getattr(cell, "stride", 1) > 1:
            theirs = f"reduction_cell_{next(reductions)}"
        else:
            theirs = f"cell_{next(normal)}"
        ours = f"stages.{i}.{j}"
        previous = _REDUCED if f"{ours}.previous.even" in nodes else _ALIGNED
        names |= under(ours, theirs, _CELL | previous)
    return names
