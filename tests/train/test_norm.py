"""Batch norm and activation in one pass against PyTorch's two."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from pocketnas.graph import Builder
from pocketnas.graph.ops import Activation
from pocketnas.train.network import Network
from pocketnas.train.norm import FUSED, batch_norm, usable

ACTIVATIONS = {None: lambda y: y, "relu": F.relu, "relu6": F.relu6, "hswish": F.hardswish}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker; with several torch's own are used."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def holder(channels, generator):
    return SimpleNamespace(
        weight=torch.randn(channels, generator=generator).requires_grad_(),
        bias=torch.randn(channels, generator=generator).requires_grad_(),
        running_mean=torch.zeros(channels),
        running_var=torch.ones(channels),
        training=True,
    )


def stock(x, weights, momentum, epsilon, kind):
    y = F.batch_norm(
        *(x, weights.running_mean, weights.running_var, weights.weight, weights.bias),
        *(True, momentum, epsilon),
    )
    return ACTIVATIONS[kind](y)


@pytest.mark.parametrize("kind", FUSED, ids=str)
@pytest.mark.parametrize(
    "shape", [(4, 3, 5, 7), (8, 24, 8, 8), (64, 130, 8, 8), (2, 480, 1, 1), (8, 16, 32, 32)]
)
def test_it_computes_what_torch_computes(kind, shape):
    generator = torch.Generator().manual_seed(0)
    x = (3 + 2 * torch.randn(shape, generator=generator)).contiguous(
        memory_format=torch.channels_last
    )
    dy = torch.randn(shape, generator=generator)
    found = []
    for function in (batch_norm, stock):
        weights = holder(shape[1], torch.Generator().manual_seed(1))
        given = x.clone(memory_format=torch.preserve_format).requires_grad_()
        y = function(given, weights, 0.1, 1e-3, kind)
        y.backward(dy)
        statistics = weights.running_mean, weights.running_var
        found.append((y, given.grad, weights.weight.grad, weights.bias.grad, *statistics))
    assert found[0][0].is_contiguous(memory_format=torch.channels_last)
    for ours, theirs in zip(*found, strict=True):
        near = torch.isclose(ours, theirs, rtol=1e-3, atol=2e-4 * shape[0] ** 0.5)
        assert (~near).sum() <= ours.numel() * 1e-5  # a few are rounded to the other side of a kink


def test_a_far_mean_costs_no_precision():
    """The variance is not the small difference of two large numbers."""
    x = 1e4 + torch.randn(8, 5, 32, 32)
    weights = holder(5, torch.Generator().manual_seed(1))
    batch_norm(x, weights, 1.0, 1e-3, None)
    expected = x.double().var((0, 2, 3))
    torch.testing.assert_close(weights.running_var.double(), expected, rtol=1e-3, atol=0)


def test_when_it_is_used():
    x, weights = torch.randn(2, 4, 3, 3), holder(4, torch.Generator())
    assert usable(x, weights)
    assert not usable(x.double(), weights)
    assert not usable(torch.randn(1, 4, 1, 1), weights)  # torch says what is wrong with it
    with torch.no_grad():
        assert not usable(x, weights)
    torch.set_num_threads(2)
    assert not usable(x, weights)
    torch.set_num_threads(1)
    weights.training = False
    assert not usable(x, weights)


@pytest.mark.parametrize("kind", ["relu", "relu6", "hswish", "swish"])
def test_a_network_is_the_same_on_one_thread_and_on_two(kind):
    """In training and after it, with the activation in one step and in two."""
    net = Builder((8, 8, 3))
    x = net.conv(net.input, "first", 6, 3)
    graph = net.graph(net.conv(net.add("act", Activation(kind), x), "second", 4, 3))
    image = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        network = Network(graph, seed=0).train()
        y = network(image)
        y.square().sum().backward()
        gradients = [weight.grad for weight in network.parameters()]
        found.append([y, *gradients, *network.buffers(), network.eval()(image)])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)
