"""timm and torchvision, whose networks are an oracle for ours."""

import sys
from types import ModuleType

import pytest
import torch

_declared: list[torch.library.Library] = []


def imported(name: str) -> ModuleType:
    """The module `name`, which is torchvision or needs it; skips the test where it is missing.

    torchvision registers its compiled operators only beside the build of torch that it was made
    for. Its networks need none of them, yet its import asks for these two.
    """
    if "torchvision" not in sys.modules and not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor boxes, Tensor scores, float limit) -> Tensor")
        _declared.append(library)
    return pytest.importorskip(name)
