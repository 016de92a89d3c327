"""A training that stops on its way ends as one that did not, bit for bit."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch

from pocketnas.arch import Architecture, ConvBlock, Head, MBConv
from pocketnas.data.images import Images
from pocketnas.errors import ModelError
from pocketnas.train.augment import Augmentation
from pocketnas.train.network import weights_of
from pocketnas.train.recipe import Recipe
from pocketnas.train.trainer import Training, train

NETWORK = Architecture(
    resolution=8,
    stem=ConvBlock(3, 2, 8),
    stages=((MBConv(3, 1, 16, 8, skip="identity"),),),
    head=Head(16, 2, dropout=0.3),
)
RECIPE = Recipe(epochs=5, batch=20, augmentation=Augmentation(shift=0.2), average=0.9)
TRAIN = np.arange(90)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker; on several, such small networks mostly wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def images() -> Images:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (90, 8, 8, 3), dtype=np.uint8)
    return Images("noise", pixels, np.arange(90, dtype=np.int64) % 2, ("a", "b"))


def training(images: Images, recipe: Recipe = RECIPE) -> Training:
    return Training(NETWORK.graph(), images, TRAIN, recipe, seed=3)


def stored(state: dict[str, object]) -> dict[str, object]:
    """As it comes back from a file that is not trusted."""
    buffer = BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    found: dict[str, object] = torch.load(buffer, weights_only=True)
    return found


@pytest.mark.parametrize("stops", [(), (0,), (1,), (4,), (5,), (1, 2, 3, 4)])
def test_stopping_changes_nothing(images: Images, stops: tuple[int, ...]) -> None:
    expected = weights_of(train(NETWORK.graph(), images, TRAIN, RECIPE, seed=3))
    running = training(images)
    heard: list[int] = []
    for until in (*stops, RECIPE.epochs):
        state = stored(running.state())
        torch.rand(7)  # whatever else the process does
        running = training(images)
        running.restore(state)
        running.run(until, lambda epoch, _: heard.append(epoch))
        assert running.epoch == until
    found = weights_of(running.result())
    assert heard == [1, 2, 3, 4, 5]
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize("stop", [1, 3, 4, 5, 9])
def test_a_kill_at_any_step_changes_nothing(images: Images, stop: int) -> None:
    """A checkpoint is taken, the training goes on, is killed, and begins again at it."""
    expected = weights_of(train(NETWORK.graph(), images, TRAIN, RECIPE, seed=3))
    running = training(images)
    kept: dict[str, object] = {}

    def after_step() -> None:
        if running.step == stop:
            kept.update(stored(running.state()))
        if running.step == stop + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        running.run(RECIPE.epochs, after_step=after_step)
    again = training(images)
    again.restore(kept)
    assert again.step == stop
    losses: list[float] = []
    found = weights_of(again.run(RECIPE.epochs, lambda _, loss: losses.append(loss)))
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    whole: list[float] = []
    training(images).run(RECIPE.epochs, lambda _, loss: whole.append(loss))
    assert losses == whole[-len(losses) :]


def test_the_schedule_is_the_whole_recipes(images: Images) -> None:
    """One epoch of five is not a training of one epoch."""
    begun = weights_of(training(images).run(1))
    short = weights_of(training(images, replace(RECIPE, epochs=1)).run(1))
    assert not all(np.array_equal(begun[key], short[key]) for key in begun)


def test_the_state_holds_what_the_rest_depends_on(images: Images) -> None:
    """Without any one part of it the end is another."""
    first = training(images)
    first.run(2)
    state = stored(first.state())
    expected = weights_of(first.run(RECIPE.epochs))
    fresh = stored(training(images).state())
    for part in ("step", "network", "optimizer", "average"):
        other = training(images)
        other.restore(state | {part: fresh[part]})
        found = weights_of(other.run(RECIPE.epochs))
        assert not all(np.array_equal(found[key], expected[key]) for key in expected), part


def test_torchs_own_random_state_is_left_alone(images: Images) -> None:
    before = torch.get_rng_state()
    training(images).run(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_state_of_another_network_is_refused(images: Images) -> None:
    running = training(images)
    running.run(1)
    wider = replace(NETWORK, head=Head(24, 2, dropout=0.3))
    other = Training(wider.graph(), images, TRAIN, RECIPE, seed=3)
    with pytest.raises(ModelError, match="of another network or recipe"):
        other.restore(running.state())
    with pytest.raises(ModelError, match="of another network or recipe"):
        other.restore({})
