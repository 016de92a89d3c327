"""How the pixels were scaled for a checkpoint's training: nothing in the weights says it."""

from typing import Any

from pocketnas.data.pixels import OURS, Pixels

IMAGENET = Pixels((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""The statistics of ImageNet: torchvision, most of timm, EfficientNet."""

LITE = Pixels((127.0,), (128.0,))
"""EfficientNet-Lite (tensorflow/tpu, efficientnet/lite)."""

_TIMM_BETWEEN = ("mobilenet_v1", "nasnet")
_TIMM_TENSORFLOW_BETWEEN = (
    "mobilenet_v3",
    "efficientnet_lite",
    "efficientnet_edgetpu",
    "efficientnet_v2",
)


def usual_pixels(project: str, name: str, config: dict[str, Any], *, tensorflow: bool) -> Pixels:
    """What a project's checkpoint of the network `name` was most likely trained on.

    Args:
        project: as its `Naming` calls it.
        name: the network's, in the zoo.
        config: of timm, from the file beside the weights; it says it outright.
        tensorflow: whether timm took the weights from there. (Of those, the ones trained with
            AdvProp, `….ap_in1k`, are on OURS; only their config says so.)
    """
    said = config.get("pretrained_cfg", {})
    if {"mean", "std"} <= said.keys():
        mean, std = (tuple(255 * float(value) for value in said[key]) for key in ("mean", "std"))
        return Pixels(mean, std)
    if project == "PocketNAS":
        return OURS
    if project == "EfficientNet-PyTorch" and name.startswith("efficientnet_lite"):
        return LITE
    if project == "timm":
        between = _TIMM_BETWEEN + (_TIMM_TENSORFLOW_BETWEEN if tensorflow else ())
        if name.startswith(between):
            return OURS
    return IMAGENET
