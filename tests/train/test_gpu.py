"""Training on a GPU: recorded steps are the same steps, and go on exactly where they stopped."""

import copy

import numpy as np
import pytest
import torch

from pocketnas.arch import Architecture, ConvBlock, Head, MBConv
from pocketnas.data.images import Images
from pocketnas.train.augment import Augmentation
from pocketnas.train.optimizers import AdamW, RmsProp, Sgd
from pocketnas.train.recipe import Recipe
from pocketnas.train.score import accuracy
from pocketnas.train.trainer import Training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

NETWORK = Architecture(
    resolution=8,
    stem=ConvBlock(3, 2, 8),
    stages=((MBConv(3, 1, 16, 8, skip="identity"), MBConv(5, 1, 16, 8, skip="identity")),),
    head=Head(16, 2, dropout=0.3),
)
TRAIN = np.arange(200)


@pytest.fixture(scope="module")
def images() -> Images:
    """Bright left halves against bright right halves, in noise."""
    draw = np.random.default_rng(0)
    labels = np.arange(200, dtype=np.int64) % 2
    pixels = draw.integers(0, 120, (200, 8, 8, 3), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[:, 4 * label : 4 * label + 4] += 100
    return Images("halves", pixels, labels, ("left", "right"))


def training(images, optimizer=Sgd(), **settings):  # noqa: B008
    recipe = Recipe(
        epochs=4,
        batch=20,
        optimizer=optimizer,
        learning_rate=0.05 if isinstance(optimizer, Sgd) else 0.005,
        drop_path=0.2,
        path_schedule="both",
        clip=5.0,
        average=0.9,
        augmentation=Augmentation(crop=0.5, flip=False, policy="randaugment:1:2", cutout=0.2),
    )
    return Training(
        NETWORK.graph(), images, TRAIN, recipe, seed=3, device="cuda",
        training_graph=NETWORK.graph(drop_path=0.2), **settings,
    )  # fmt: skip


@pytest.mark.parametrize("optimizer", [Sgd(), RmsProp(), AdamW()], ids=str)
def test_a_recorded_step_is_the_same_step(images, optimizer):
    losses = {}
    for record in (True, False):
        heard = losses[record] = []
        watch = heard.append
        training(images, optimizer, record=record).run(4, lambda _, loss, w=watch: w(loss))
    assert losses[True] == pytest.approx(losses[False], rel=1e-3)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_it_learns_in_every_precision(images, precision):
    network = training(images, precision=precision).run(4)
    assert accuracy(network, images, TRAIN) > 0.8


def test_it_goes_on_where_it_stopped(images):
    first = training(images)
    first.run(2)
    state = copy.deepcopy(first.state())  # its tensors are those that train on
    heard = {}
    for name, running in (("first", first), ("again", training(images))):
        if name == "again":
            running.restore(state)
        heard[name] = []
        running.run(4, lambda _, loss, name=name: heard[name].append(loss))
    assert heard["again"] == pytest.approx(heard["first"], rel=1e-3)
