"""The training loop: it learns, repeats itself exactly, and says when it diverges."""

from dataclasses import replace

import numpy as np
import pytest

from pocketnas.arch import Architecture, ConvBlock, Head, MBConv
from pocketnas.data.images import Images
from pocketnas.errors import DataError, ModelError
from pocketnas.train.augment import Augmentation
from pocketnas.train.network import weights_of
from pocketnas.train.recipe import Recipe
from pocketnas.train.schedules import Cosine
from pocketnas.train.score import accuracy, logits
from pocketnas.train.trainer import train

NETWORK = Architecture(
    resolution=8,
    stem=ConvBlock(3, 2, 8),
    stages=((MBConv(3, 1, 16, 8, skip="identity"),),),
    head=Head(16, 2, dropout=0.1),
)


@pytest.fixture(scope="module")
def images() -> Images:
    """Bright left halves against bright right halves, in noise."""
    draw = np.random.default_rng(0)
    labels = np.arange(200, dtype=np.int64) % 2
    pixels = draw.integers(0, 120, (200, 8, 8, 3), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[:, 4 * label : 4 * label + 4] += 100
    return Images("halves", pixels, labels, ("left", "right"))


RECIPE = Recipe(epochs=6, batch=20, augmentation=Augmentation(flip=False))
TRAIN, HELD_OUT = np.arange(140), np.arange(140, 200)


def test_learns_what_it_has_not_seen(images: Images) -> None:
    network = train(NETWORK.graph(), images, TRAIN, RECIPE, seed=1)
    assert accuracy(network, images, HELD_OUT) > 0.9
    assert logits(network, images, HELD_OUT).shape == (60, 2)


def test_mirrored_halves_cannot_be_told_apart(images: Images) -> None:
    network = train(
        NETWORK.graph(),
        images,
        TRAIN,
        replace(RECIPE, augmentation=Augmentation(flip=True)),
        seed=1,
    )
    assert accuracy(network, images, HELD_OUT) < 0.8


def test_the_same_seed_gives_the_same_weights(images: Images) -> None:
    recipe = replace(RECIPE, epochs=2, augmentation=Augmentation(shift=0.2))
    first, second, other = (
        weights_of(train(NETWORK.graph(), images, TRAIN, recipe, seed=seed)) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not all(np.array_equal(first[key], other[key]) for key in first)


def test_divergence_is_an_error(images: Images) -> None:
    wild = replace(RECIPE, learning_rate=1e30, schedule=Cosine(0.0), label_smoothing=0.0)
    with pytest.raises(ModelError, match="diverged in epoch"):
        train(NETWORK.graph(), images, TRAIN, wild, seed=1)


def test_watch_hears_of_each_epoch(images: Images) -> None:
    heard = []
    recipe = replace(RECIPE, epochs=2)
    train(NETWORK.graph(), images, TRAIN, recipe, seed=1, watch=lambda *epoch: heard.append(epoch))
    assert [epoch for epoch, _ in heard] == [1, 2]
    assert heard[1][1] < heard[0][1]


def test_a_class_smaller_than_a_batch_trains_too(images: Images) -> None:
    few = np.arange(6)
    network = train(NETWORK.graph(), images, few, replace(RECIPE, epochs=1), seed=1)
    assert 0 <= accuracy(network, images, few) <= 1


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 1}])
def test_a_recipe_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DataError, match="epochs from 1 and a batch from 2"):
        Recipe(**wrong)
