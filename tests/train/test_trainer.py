"""The training loop: it learns, repeats itself exactly, and says when it diverges."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pocketnas.arch import Architecture, ConvBlock, Head, MBConv
from pocketnas.data.images import Images
from pocketnas.errors import DataError, ModelError
from pocketnas.train.augment import augment, to_input
from pocketnas.train.network import weights_of
from pocketnas.train.recipe import Recipe
from pocketnas.train.trainer import _warm_cosine, accuracy, logits, train

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


RECIPE = Recipe(epochs=6, batch=20, shift=0.0, flip=False)
TRAIN, HELD_OUT = np.arange(140), np.arange(140, 200)


def test_learns_what_it_has_not_seen(images: Images) -> None:
    network = train(NETWORK.graph(), images, TRAIN, RECIPE, seed=1)
    assert accuracy(network, images, HELD_OUT) > 0.9
    assert logits(network, images, HELD_OUT).shape == (60, 2)


def test_mirrored_halves_cannot_be_told_apart(images: Images) -> None:
    network = train(NETWORK.graph(), images, TRAIN, replace(RECIPE, flip=True), seed=1)
    assert accuracy(network, images, HELD_OUT) < 0.8


def test_the_same_seed_gives_the_same_weights(images: Images) -> None:
    recipe = replace(RECIPE, epochs=2, shift=0.2, flip=True)
    first, second, other = (
        weights_of(train(NETWORK.graph(), images, TRAIN, recipe, seed=seed)) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not all(np.array_equal(first[key], other[key]) for key in first)


def test_divergence_is_an_error(images: Images) -> None:
    wild = replace(RECIPE, learning_rate=1e30, warmup=0.0, label_smoothing=0.0)
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


def test_learning_rate_rises_then_falls_to_nothing() -> None:
    factor = _warm_cosine(100, 0.2)
    factors = [factor(step) for step in range(100)]
    assert factors[0] == 1 / 20
    assert max(factors) == factors[19] == 1
    assert factors[20:] == sorted(factors[20:], reverse=True)
    assert factors[-1] < 0.002


def test_input_is_channels_last_and_in_range() -> None:
    pixels = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(2, 1).repeat(3, 3)
    x = to_input(pixels)
    assert x.shape == (1, 3, 2, 2)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert x[0, 0].tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


def test_augment_moves_whole_images_by_whole_pixels() -> None:
    x = torch.arange(64.0).reshape(1, 1, 8, 8).repeat(50, 3, 1, 1)
    moved = augment(x.clone(), 0.25, flip=False, generator=torch.Generator().manual_seed(0))
    seen = set()
    for image in moved:
        assert torch.equal(image[0], image[2])
        row, column = divmod(int(image[0, 4, 4]), 8)
        seen.add((row - 4, column - 4))
        middle = x[0, 0, row - 1 : row + 2, column - 1 : column + 2]
        assert torch.equal(image[0, 3:6, 3:6], middle)
    assert {shift for pair in seen for shift in pair} == {-2, -1, 0, 1, 2}


def test_flip_mirrors_about_half() -> None:
    x = torch.arange(4.0).expand(400, 1, 4, 4).clone()
    flipped = augment(x, 0.0, flip=True, generator=torch.Generator().manual_seed(0))
    mirrored = (flipped[:, 0, 0, 0] == 3).sum().item()
    assert 150 < mirrored < 250
    assert ((flipped[:, 0, 0].sort(1).values) == torch.arange(4.0)).all()


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 1}])
def test_a_recipe_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DataError, match="epochs from 1 and a batch from 2"):
        Recipe(**wrong)
