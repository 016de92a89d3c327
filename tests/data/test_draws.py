"""Draws depend on seed, epoch and index, and on nothing else."""

import numpy as np
import pytest

from pocketnas.data.draws import order, seed_of, uniform

MANY = np.arange(20_000)


def test_they_are_uniform():
    found = uniform(0, 0, MANY, 3)
    assert found.dtype == np.float32
    assert found.shape == (20_000, 3)
    assert 0 <= found.min() < 0.001
    assert 0.999 < found.max() < 1
    assert found.mean(0) == pytest.approx([0.5] * 3, abs=0.01)
    assert np.abs(np.corrcoef(found.T) - np.eye(3)).max() < 0.03
    counts = np.histogram(found, 10, (0, 1))[0]
    assert counts == pytest.approx([6000] * 10, rel=0.06)


def test_an_image_keeps_its_own_in_any_batch():
    whole = uniform(3, 7, MANY, 5)
    assert np.array_equal(uniform(3, 7, np.array([17, 4]), 5), whole[[17, 4]])
    assert np.array_equal(uniform(3, 7, np.array([17]), 2), whole[[17], :2])


@pytest.mark.parametrize("other", [(4, 7), (3, 8), (7, 3)])
def test_another_seed_or_epoch_gives_others(other):
    same = (uniform(3, 7, MANY, 2) == uniform(*other, MANY, 2)).mean()
    assert same < 0.001


def test_orders_are_permutations():
    first, again, other = order(1, 0, 1000), order(1, 0, 1000), order(1, 1, 1000)
    assert sorted(first) == list(range(1000))
    assert np.array_equal(first, again)
    assert (first == other).mean() < 0.02


def test_seeds_fit_torch():
    seeds = {seed_of(0, step) for step in range(1000)}
    assert len(seeds) == 1000
    assert 0 <= min(seeds) <= max(seeds) < 2**63
