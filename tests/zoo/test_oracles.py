"""Do other projects' networks, loaded from their checkpoints, compute the same here?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from oracles import imported
from pocketnas.train.network import Network, load_weights
from pocketnas.zoo.checkpoint import read_checkpoint
from pocketnas.zoo.foreign import recognize
from pocketnas.zoo.nasnet import nasnet_a
from pocketnas.zoo.weights import Pretrained, fitted, load

SIZE = 72  # becomes 36, 18, 9, 5, 3: both paddings see even and odd maps
TORCHVISION = {
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_large": "mobilenet_v3_large",
    "mobilenet_v3_small": "mobilenet_v3_small",
    "mnasnet_b1": "mnasnet1_0",
    "mnasnet_b1_0.5": "mnasnet0_5",
    "efficientnet_b0": "efficientnet_b0",
    "efficientnet_b5": "efficientnet_b5",
    "efficientnet_v2_s": "efficientnet_v2_s",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
}
TIMM = {
    "mobilenet_v1": "mobilenetv1_100",
    "mobilenet_v2": "mobilenetv2_100",
    "mobilenet_v3_large": "mobilenetv3_large_100",
    "mobilenet_v3_small": "mobilenetv3_small_100",
    "mnasnet_a1": "semnasnet_100",
    "mnasnet_b1": "mnasnet_100",
    "mnasnet_small": "mnasnet_small",
    "efficientnet_b0": "efficientnet_b0",
    "efficientnet_v2_s": "efficientnetv2_s",
    "efficientnet_edgetpu_s": "efficientnet_es",
    "singlepath_nas": "spnasnet_100",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
}
TIMM_FROM_TENSORFLOW = {
    "mobilenet_v3_large": "tf_mobilenetv3_large_100",
    "mobilenet_v3_small_minimalistic": "tf_mobilenetv3_small_minimal_100",
    "efficientnet_b0": "tf_efficientnet_b0",
    "efficientnet_lite0": "tf_efficientnet_lite0",
    "efficientnet_v2_s": "tf_efficientnetv2_s",
}


@pytest.mark.parametrize(("name", "theirs"), TORCHVISION.items())
def test_torchvision(name: str, theirs: str, tmp_path: Path) -> None:
    model = _lively(imported("torchvision.models").get_model(theirs))
    file = tmp_path / f"{theirs}-0123abcd.pth"
    torch.save(model.state_dict(), file)
    _assert_same(load(name, file, resolution=SIZE), model)


@pytest.mark.parametrize(("name", "theirs"), TIMM.items())
def test_timm(name: str, theirs: str, tmp_path: Path) -> None:
    model = _lively(imported("timm").create_model(theirs))
    file = tmp_path / "model.safetensors"
    save_file(model.state_dict(), file)
    _assert_same(load(name, file, resolution=SIZE), model)


@pytest.mark.parametrize(("name", "theirs"), TIMM_FROM_TENSORFLOW.items())
def test_timm_from_tensorflow(name: str, theirs: str, tmp_path: Path) -> None:
    """As the hub keeps them: the weights' name says nothing, a file beside it does."""
    model = _lively(imported("timm").create_model(theirs))
    file = tmp_path / "model.safetensors"
    save_file(model.state_dict(), file)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": theirs}))
    _assert_same(load(name, file, resolution=SIZE), model)


def test_efficientnet_pytorch_with_squeeze_and_excite(tmp_path: Path) -> None:
    """The project that EfficientNet-Lite's package descends from; it pads for one size only."""
    package = imported("efficientnet_lite_pytorch")
    model = package.EfficientNet.from_name("efficientnet-b0", image_size=SIZE)
    model.set_swish(memory_efficient=False)
    file = tmp_path / "efficientnet-b0.pth"
    torch.save(_lively(model).state_dict(), file)
    _assert_same(load("efficientnet_b0", file, resolution=SIZE), model)


def test_timm_nasnet(tmp_path: Path) -> None:
    """6 @ 192: the cells of 6 @ 4032 with a 21st of their filters."""
    model = imported("timm").create_model("nasnetalarge", num_features=192, stem_size=12)
    _count_no_padding(model)
    file = tmp_path / "nasnetalarge.pth"
    torch.save(_lively(model).state_dict(), file)
    network = nasnet_a(6, 192, resolution=SIZE, stem=12, reach=3)
    arrays = read_checkpoint(file)
    names = recognize(arrays).names(network)
    _assert_same(Pretrained(network, fitted(network, names, arrays)), model)


def _count_no_padding(model: nn.Module) -> None:
    """Gives timm's NASNet TensorFlow's average pool.

    timm's own counts the zeros that it pads (the FIXME in `timm/layers/pool2d_same.py`), which
    the network whose weights it ships never saw.
    """
    pools = imported("timm.layers.pool2d_same")

    def forward(image: Tensor) -> Tensor:
        sums, counts = (
            F.avg_pool2d(pools.pad_same(x, (3, 3), (2, 2)), 3, 2)
            for x in (image, torch.ones_like(image))
        )
        return sums / counts

    replaced = [m for m in model.modules() if isinstance(m, pools.AvgPool2dSame)]
    assert len(replaced) == 4
    for pool in replaced:
        assert (pool.kernel_size, pool.stride) == ((3, 3), (2, 2))
        pool.forward = forward


def _lively(model: nn.Module) -> Any:
    """The model with random norms, whose statistics are those of our images.

    With others the maps grow from block to block, until their rounding errors decide what the
    gates of squeeze-and-excite do: then a model does not even agree with itself in double
    precision.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.eval().modules():
            match module:
                case nn.BatchNorm2d():
                    module.weight.uniform_(0.5, 1.5, generator=generator)
                    module.bias.normal_(0, 0.3, generator=generator)
                    module.momentum = 1.0
                    module.train()
                case nn.Linear():
                    module.weight.normal_(0, 0.1, generator=generator)
                    module.bias.normal_(0, 0.3, generator=generator)
                case nn.Conv2d(bias=nn.Parameter()):
                    module.bias.normal_(0, 0.3, generator=generator)
        model(_images())
    return model.eval()


def _images() -> Tensor:
    return torch.randn(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def _assert_same(ours: Pretrained, model: Callable[[Tensor], Tensor]) -> None:
    network = Network(ours.architecture.graph()).eval()
    load_weights(network, ours.weights)
    with torch.inference_mode():
        got, expected = network(_images()).numpy(), model(_images()).numpy()
    limit = 1e-4 * np.abs(expected).max()
    assert 10 * limit < np.ptp(expected, axis=0).max() < 100  # it sees the images, and stays calm
    np.testing.assert_allclose(got, expected, rtol=0, atol=limit)
