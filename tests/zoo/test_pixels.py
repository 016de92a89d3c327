"""How pixels were scaled: what timm publishes of its own weights is the oracle."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from oracles import imported
from parity import randomized
from pocketnas.data.pixels import OURS, Pixels
from pocketnas.train.augment import to_input
from pocketnas.train.network import weights_of
from pocketnas.zoo import mobilenet_v2
from pocketnas.zoo.pixels import IMAGENET, LITE, usual_pixels
from pocketnas.zoo.weights import load

# timm's name (with the tag where it has several) → ours
TIMM = {
    "efficientnet_b0.ra_in1k": "efficientnet_b0",
    "tf_efficientnet_b0.in1k": "efficientnet_b0",
    "tf_efficientnet_b8.ra_in1k": "efficientnet_b8",
    "efficientnet_lite0.ra_in1k": "efficientnet_lite0",
    "tf_efficientnet_lite0.in1k": "efficientnet_lite0",
    "efficientnet_es.ra_in1k": "efficientnet_edgetpu_s",
    "tf_efficientnet_es.in1k": "efficientnet_edgetpu_s",
    "tf_efficientnetv2_s.in1k": "efficientnet_v2_s",
    "mobilenetv3_large_100.ra_in1k": "mobilenet_v3_large",
    "tf_mobilenetv3_large_100.in1k": "mobilenet_v3_large",
    "mobilenetv1_100.ra4_e3600_r224_in1k": "mobilenet_v1",
    "mobilenetv2_100.ra_in1k": "mobilenet_v2",
    "semnasnet_100.rmsp_in1k": "mnasnet_a1",
    "nasnetalarge.tf_in1k": "nasnet_a_large",
    "resnet50.tv_in1k": "resnet50",
}


@pytest.mark.parametrize("theirs", TIMM)
def test_timms_weights(theirs: str) -> None:
    config = imported("timm").models.get_pretrained_cfg(theirs)
    found = usual_pixels("timm", TIMM[theirs], {}, tensorflow=theirs.startswith("tf_"))
    for ours, published in zip(found, (config.mean, config.std), strict=True):
        assert len(ours) in (1, 3)
        for i, value in enumerate(published):
            assert ours[i % len(ours)] == pytest.approx(255 * value)


def test_ours_is_what_training_does() -> None:
    (mean,), (std,) = OURS
    for pixel in (0, 100, 255):
        found = to_input(np.full((1, 1, 1, 3), pixel, np.uint8)).unique().tolist()
        assert found == pytest.approx([(pixel - mean) / std])


@pytest.mark.parametrize(
    ("project", "name", "expected"),
    [
        ("EfficientNet-PyTorch", "efficientnet_lite2", LITE),
        ("EfficientNet-PyTorch", "efficientnet_b3", IMAGENET),
        ("torchvision", "mobilenet_v3_small", IMAGENET),
        ("PocketNAS", "resnet18", OURS),
    ],
)
def test_other_projects(project: str, name: str, expected: Pixels) -> None:
    assert usual_pixels(project, name, {}, tensorflow=False) == expected


def test_a_config_beside_the_weights_says_it(tmp_path: Path) -> None:
    network = randomized(mobilenet_v2(resolution=32, classes=3, width=0.35).graph())
    save_file(weights_of(network), tmp_path / "model.safetensors")
    config = {"pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = load("mobilenet_v2_0.35", tmp_path / "model.safetensors").pixels
    assert found.mean == pytest.approx((25.5, 51, 76.5))
    assert found.std == (127.5,) * 3
