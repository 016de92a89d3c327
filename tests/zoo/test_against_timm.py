"""Parameters of timm's networks, built without memory for weights, beside ours."""

import pytest
import torch

from oracles import imported
from pocketnas import zoo
from pocketnas.graph import parameters

TIMM = {
    "mobilenet_v1": "mobilenetv1_100",
    "mobilenet_v2": "mobilenetv2_100",
    "mobilenet_v2_1.4": "mobilenetv2_140",
    "mobilenet_v2_0.5": "mobilenetv2_050",
    "mobilenet_v2_0.35": "mobilenetv2_035",
    "mnasnet_a1": "semnasnet_100",
    "mnasnet_a1_1.4": "semnasnet_140",
    "mnasnet_a1_0.75": "semnasnet_075",
    "mnasnet_a1_0.5": "semnasnet_050",
    "mnasnet_b1": "mnasnet_100",
    "mnasnet_b1_1.4": "mnasnet_140",
    "mnasnet_b1_0.75": "mnasnet_075",
    "mnasnet_b1_0.5": "mnasnet_050",
    "mnasnet_small": "mnasnet_small",
    "singlepath_nas": "spnasnet_100",
    "mobilenet_v3_large": "tf_mobilenetv3_large_100",
    "mobilenet_v3_large_0.75": "tf_mobilenetv3_large_075",
    "mobilenet_v3_large_minimalistic": "tf_mobilenetv3_large_minimal_100",
    "mobilenet_v3_small": "tf_mobilenetv3_small_100",
    "mobilenet_v3_small_0.75": "tf_mobilenetv3_small_075",
    "mobilenet_v3_small_minimalistic": "tf_mobilenetv3_small_minimal_100",
    "nasnet_a_large": "nasnetalarge",
    **{f"efficientnet_b{i}": f"tf_efficientnet_b{i}" for i in range(9)},
    "efficientnet_l2": "tf_efficientnet_l2",
    **{f"efficientnet_lite{i}": f"tf_efficientnet_lite{i}" for i in range(5)},
    **{f"efficientnet_edgetpu_{size}": f"efficientnet_e{size}" for size in "sml"},
    **{f"efficientnet_v2_{size}": f"tf_efficientnetv2_{size}" for size in "sml"},
    **{f"resnet{depth}": f"resnet{depth}" for depth in (18, 34, 50, 101, 152, 200)},
}


@pytest.mark.parametrize(("name", "theirs"), TIMM.items())
def test_parameters(name: str, theirs: str) -> None:
    timm = imported("timm")
    with torch.device("meta"):
        model = timm.create_model(theirs)
    expected = sum(weight.numel() for weight in model.parameters())
    assert parameters(zoo.architecture(name).graph()) == expected
