"""Batch norm and activation in one pass against PyTorch's two."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from pocketnas.train.norm import FUSED, batch_norm

ACTIVATIONS = {None: lambda y: y, "relu": F.relu, "relu6": F.relu6, "hswish": F.hardswish}


def holder(channels, generator):
    return SimpleNamespace(
        weight=torch.randn(channels, generator=generator).requires_grad_(),
        bias=torch.randn(channels, generator=generator).requires_grad_(),
        running_mean=torch.zeros(channels),
        running_var=torch.ones(channels),
        training=True,
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", FUSED, ids=str)
@pytest.mark.parametrize(
    "shape", [(4, 3, 5, 7), (8, 24, 8, 8), (64, 130, 8, 8), (2, 480, 1, 1), (8, 16, 32, 32)]
)
def test_it_computes_what_torch_computes(threads, kind, shape):
    generator = torch.Generator().manual_seed(0)
    x = (3 + 2 * torch.randn(shape, generator=generator)).contiguous(
        memory_format=torch.channels_last
    )
    dy = torch.randn(shape, generator=generator)
    found = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for function in (batch_norm, stock):
            weights = holder(shape[1], torch.Generator().manual_seed(1))
            given = x.clone(memory_format=torch.preserve_format).requires_grad_()
            y = function(given, weights, 0.1, 1e-3, kind)
            y.backward(dy)
            statistics = weights.running_mean, weights.running_var
            found.append((y, given.grad, weights.weight.grad, weights.bias.grad, *statistics))
    finally:
        torch.set_num_threads(before)
    assert found[0][0].is_contiguous(memory_format=torch.channels_last)
    for ours, theirs in zip(*found, strict=True):
        near = torch.isclose(ours, theirs, rtol=1e-3, atol=2e-4 * shape[0] ** 0.5)
        assert (~near).sum() <= ours.numel() * 1e-5  # a few are rounded to the other side of a kink


def stock(x, weights, momentum, epsilon, kind):
    y = F.batch_norm(
        *(x, weights.running_mean, weights.running_var, weights.weight, weights.bias),
        *(True, momentum, epsilon),
    )
    return ACTIVATIONS[kind](y)


def test_a_far_mean_costs_no_precision():
    """The variance is not the small difference of two large numbers."""
    x = 1e4 + torch.randn(8, 5, 32, 32)
    weights = holder(5, torch.Generator().manual_seed(1))
    batch_norm(x, weights, 1.0, 1e-3, None)
    expected = x.double().var((0, 2, 3))
    torch.testing.assert_close(weights.running_var.double(), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("kind", FUSED, ids=str)
def test_outside_training_the_running_statistics_count(kind):
    weights = holder(4, torch.Generator().manual_seed(1))
    weights.training = False
    x = torch.randn(2, 4, 3, 3)
    expected = F.batch_norm(
        *(x, weights.running_mean, weights.running_var, weights.weight, weights.bias), eps=1e-3
    )
    torch.testing.assert_close(batch_norm(x, weights, 0.1, 1e-3, kind), ACTIVATIONS[kind](expected))
