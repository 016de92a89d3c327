"""The moving average against numbers worked out by hand."""

import pytest
import torch

from pocketnas.graph import Builder
from pocketnas.train.average import Average
from pocketnas.train.network import Network


def network():
    net = Builder((4, 4, 1))
    return Network(net.graph(net.conv(net.input, "conv", 2, 3)))


def test_it_forgets_the_beginning_and_then_follows_slowly():
    followed = network()
    average = Average(followed, 0.5)
    weight = followed.state_dict()["conv.conv.weight"]
    mean = followed.state_dict()["conv.bn.running_mean"]
    expected = 0.0
    with torch.no_grad():
        for parameter in (*followed.parameters(), mean, *average.network.parameters()):
            parameter.zero_()
        for step, value in enumerate((1.0, 2.0, -3.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0), 1):
            weight.fill_(value)
            mean.fill_(value)
            average.move()
            kept = min(0.5, (1 + step) / (10 + step))
            expected = kept * expected + (1 - kept) * value
    found = average.network.state_dict()
    assert found["conv.conv.weight"].flatten().tolist() == pytest.approx([expected] * 18)
    assert found["conv.bn.running_mean"].tolist() == pytest.approx([expected] * 2)
