from itertools import product
from math import prod

import pytest
import torch
from torch import Tensor

from pocketnas.search.controller import INIT, UNITS, Controller

SIZES = (3, 2, 1, 4)


def sharpened(seed: int = 0) -> Controller:
    """A controller far from uniform, as after learning."""
    controller = Controller(SIZES, seed=seed)
    with torch.no_grad():
        for parameter in controller.parameters():
            parameter.mul_(6)
    return controller


@torch.no_grad()
def scores(controller: Controller, genotypes: Tensor) -> tuple[Tensor, Tensor]:
    return controller.log_probs(genotypes)


def everything() -> Tensor:
    return torch.tensor(list(product(*map(range, SIZES))))


def test_it_is_the_published_one() -> None:
    """1707.07012, appendix A.2: one layer of 100 units, weights from U[-0.1, 0.1]."""
    assert (UNITS, INIT) == (100, 0.1)
    values = torch.cat([p.detach().flatten() for p in Controller(SIZES).parameters()])
    assert float(values.abs().max()) <= 0.1
    assert float(values.mean()) == pytest.approx(0, abs=0.002)
    assert float(values.std()) == pytest.approx(0.2 / 12**0.5, rel=0.02)


def test_the_seed_decides_the_weights() -> None:
    one, twin, other = (Controller(SIZES, seed=seed).state_dict() for seed in (1, 1, 2))
    for name, value in one.items():
        assert torch.equal(value, twin[name])
        assert not torch.equal(value, other[name])


def test_probabilities_sum_to_one() -> None:
    log_prob, entropy = scores(sharpened(), everything())
    assert log_prob.shape == entropy.shape == (prod(SIZES),)
    assert float(log_prob.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_entropy_is_that_of_the_whole_sequence() -> None:
    log_prob, entropy = scores(sharpened(), everything())
    expected = -(log_prob.exp() * log_prob).sum()
    assert float((log_prob.exp() * entropy).sum()) == pytest.approx(float(expected), rel=1e-5)


def test_each_choice_depends_on_those_before() -> None:
    log_prob, _ = scores(sharpened(), everything())
    joint = log_prob.exp().reshape(SIZES)[:, :, 0, :]
    assert not torch.allclose(joint[0] / joint[0].sum(), joint[1] / joint[1].sum(), atol=1e-3)


def test_samples_follow_the_probabilities() -> None:
    controller = sharpened()
    probabilities = scores(controller, everything())[0].exp().reshape(SIZES)
    samples = controller.sample(5000, torch.Generator().manual_seed(0))
    assert samples.shape == (5000, len(SIZES))
    counts = torch.zeros(SIZES)
    counts.index_put_(tuple(samples.T), torch.ones(5000), accumulate=True)
    expected = 5000 * probabilities
    # A chi-square of 23 degrees of freedom; 49.7 is p = 0.001.
    assert float(((counts - expected) ** 2 / expected).sum()) < 49.7


def test_a_sequence_is_scored_whatever_stands_beside_it() -> None:
    controller = sharpened()
    genotypes = everything()
    together, _ = scores(controller, genotypes)
    for i in (0, 7, 23):
        alone, _ = scores(controller, genotypes[i : i + 1])
        assert float(alone[0]) == pytest.approx(float(together[i]), abs=1e-5)
