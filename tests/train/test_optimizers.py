"""Steps against numbers worked out by hand."""

from math import sqrt

import pytest
import torch

from pocketnas.train.optimizers import AdamW, RmsProp, Sgd


def stepped(optimizer, gradients, *, rate=0.1, decay=0.0, start=1.0):
    """The weight after each gradient."""
    weight = torch.tensor([start], requires_grad=True)
    found = []
    made = optimizer.over([{"params": [weight], "weight_decay": decay}], rate)
    for gradient in gradients:
        weight.grad = torch.tensor([gradient])
        made.step()
        found.append(weight.item())
    return found


def test_rmsprop_is_tensorflows():
    """The mean square begins at 1, epsilon is under the root, the rate is in the momentum."""
    square, moved, weight, expected = 1.0, 0.0, 1.0, []
    for gradient in (0.5, -0.2, 3.0):
        square = 0.9 * square + 0.1 * gradient**2
        moved = 0.9 * moved + 0.1 * gradient / sqrt(square + 1e-3)
        weight -= moved
        expected.append(weight)
    assert stepped(RmsProp(0.9, 0.9, 1e-3), (0.5, -0.2, 3.0)) == pytest.approx(expected)
    assert expected[0] == pytest.approx(1 - 0.1 * 0.5 / sqrt(0.925 + 0.001))


def test_rmsprop_decays_by_the_gradient_of_an_l2_loss():
    assert stepped(RmsProp(), (0.5,), decay=0.1) == pytest.approx(stepped(RmsProp(), (0.6,)))


def test_a_change_of_the_rate_leaves_rmsprops_momentum_alone():
    weight = torch.tensor([0.0], requires_grad=True)
    made = RmsProp(0.9, 0.9, 1e-3).over([{"params": [weight]}], torch.tensor(0.1))
    weight.grad = torch.tensor([1.0])
    made.step()
    first = weight.item()
    made.param_groups[0]["lr"].fill_(0.0)
    made.step()
    assert weight.item() - first == pytest.approx(0.9 * first)


def test_sgd_is_nesterovs():
    assert stepped(Sgd(0.9), (1.0, 1.0)) == pytest.approx([1 - 0.19, 1 - 0.19 - 0.271])
    assert stepped(Sgd(0.9, nesterov=False), (1.0, 1.0)) == pytest.approx([0.9, 0.71])


def test_adamw_decays_apart_from_the_gradient():
    assert stepped(AdamW(), (5.0,)) == pytest.approx([0.9], abs=1e-5)
    assert stepped(AdamW(), (5.0,), decay=0.5) == pytest.approx([0.85], abs=1e-5)
