"""The recipes by name. What a paper leaves open is taken from its official code."""

from collections.abc import Mapping
from dataclasses import replace

from pocketnas.errors import SettingError
from pocketnas.train.augment import Augmentation
from pocketnas.train.optimizers import AdamW, RmsProp, Sgd
from pocketnas.train.recipe import Recipe
from pocketnas.train.schedules import Cosine, Exponential, Steps

INCEPTION = Augmentation(crop=0.08)

_MNASNET = Recipe(
    epochs=350,
    batch=1024,
    optimizer=RmsProp(0.9, 0.9, 1e-3),
    learning_rate=0.016 * 1024 / 256,
    schedule=Exponential(0.97, 2.4, 5),
    weight_decay=1e-5,
    decay_biases=True,
    label_smoothing=0.1,
    norm_momentum=0.99,
    dropout=0.2,
    average=0.9999,
    augmentation=INCEPTION,
    source="1807.11626, section 5; tensorflow/tpu mnasnet",
)

RECIPES: Mapping[str, Recipe] = {
    "fast": Recipe(epochs=30),
    "finetune": Recipe(
        epochs=15,
        learning_rate=0.03,
        weight_decay=1e-4,
        norm_momentum=0.9,
        average=0.99,
        augmentation=Augmentation(crop=0.4),
        source="ours, from weights that know images already",
    ),
    "modern": Recipe(
        epochs=600,
        batch=1024,
        learning_rate=0.5,
        schedule=Cosine(5 / 600),
        weight_decay=2e-5,
        label_smoothing=0.1,
        norm_momentum=0.9,
        average=0.9999,
        augmentation=Augmentation(crop=0.08, policy="randaugment", mixup=0.2, cutmix=1.0),
        source="torchvision's recipe of 2021, with RandAugment for TrivialAugment",
    ),
    "adamw": Recipe(
        epochs=300,
        batch=1024,
        optimizer=AdamW(),
        learning_rate=1e-3,
        schedule=Cosine(20 / 300),
        weight_decay=0.05,
        norm_momentum=0.9,
        drop_path=0.1,
        average=0.9999,
        augmentation=Augmentation(crop=0.08, policy="randaugment", mixup=0.8, cutmix=1.0),
        source="2201.03545, table 5 (ConvNeXt)",
    ),
    "mnasnet": _MNASNET,
    "efficientnet": replace(
        _MNASNET,
        drop_path=0.2,
        augmentation=replace(INCEPTION, policy="autoaugment"),
        source="1905.11946, section 5.2; tensorflow/tpu efficientnet",
    ),
    "mobilenet_v2": Recipe(
        epochs=300,
        batch=96,
        optimizer=RmsProp(0.9, 0.9, 1.0),
        learning_rate=0.045,
        schedule=Exponential(0.98, 1.0, 0),
        weight_decay=4e-5,
        label_smoothing=0.0,
        norm_momentum=0.997,
        dropout=0.2,
        average=0.9999,
        augmentation=INCEPTION,
        source="1801.04381, section 6.1; TF-Slim mobilenet; the number of epochs is ours",
    ),
    "mobilenet_v3": Recipe(
        epochs=600,
        batch=4096,
        optimizer=RmsProp(0.9, 0.9, 1e-3),
        learning_rate=0.1,
        schedule=Exponential(0.99, 3.0, 5),
        weight_decay=1e-5,
        label_smoothing=0.1,
        norm_momentum=0.99,
        dropout=0.2,
        average=0.9999,
        augmentation=INCEPTION,
        source="1905.02244, section 6.1.1; epochs, warm-up and smoothing are ours",
    ),
    "nasnet_cifar": Recipe(
        epochs=600,
        batch=32,
        optimizer=Sgd(0.9, nesterov=False),
        learning_rate=0.025,
        schedule=Cosine(0.0),
        weight_decay=5e-4,
        label_smoothing=0.0,
        norm_momentum=0.9,
        drop_path=0.4,
        path_schedule="both",
        auxiliary=0.4,
        clip=5.0,
        augmentation=Augmentation(shift=4 / 32, cutout=0.5),
        source="1707.07012, appendix A; TF-Slim nasnet_cifar",
    ),
    "nasnet_mobile": Recipe(
        epochs=312,
        batch=1600,
        optimizer=RmsProp(0.9, 0.9, 1.0),
        learning_rate=0.04 * 50,
        schedule=Exponential(0.97, 2.4, 0),
        weight_decay=4e-5,
        label_smoothing=0.1,
        norm_momentum=0.9997,
        dropout=0.5,
        auxiliary=0.4,
        clip=10.0,
        average=0.9999,
        augmentation=replace(INCEPTION, colour=0.4),
        source="1707.07012, appendix A.7; TF-Slim nasnet_mobile",
    ),
    "resnet": Recipe(
        epochs=90,
        batch=256,
        optimizer=Sgd(0.9, nesterov=False),
        learning_rate=0.1,
        schedule=Steps((30, 60, 80), 0.1),
        weight_decay=1e-4,
        label_smoothing=0.0,
        norm_momentum=0.9,
        augmentation=INCEPTION,
        source="1512.03385, section 3.4; 1706.02677, section 5.1",
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe `name`.

    Raises:
        SettingError: there is none of this name.
    """
    if name not in RECIPES:
        raise SettingError(f"recipe: there is no {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]
