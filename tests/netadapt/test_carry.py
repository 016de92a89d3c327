"""Weights that are carried over: exactly the channels that stay, and the ones that matter."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from parity import randomized
from pocketnas.arch.notation import from_lines
from pocketnas.errors import ModelError
from pocketnas.graph.state import check_state
from pocketnas.netadapt import Proposal, carried, shrunk, widths
from pocketnas.netadapt.adapt import Adapted
from pocketnas.netadapt.changes import KINDS, lighter, names
from pocketnas.train.network import Network, load_weights, weights_of
from pocketnas.zoo import architecture


def outputs(graph, weights, images):
    network = Network(graph).eval()
    load_weights(network, weights)
    with torch.no_grad():
        return network(images).numpy()


@pytest.mark.parametrize(
    "name", ["mobilenet_v2_0.35", "mobilenet_v3_small", "efficientnet_b0", "resnet18", "resnet50"]
)
def test_channels_of_zeros_go_and_nothing_changes(name: str) -> None:
    """Half of each width is silenced in the large network; without it the answers are the same."""
    network = architecture(name, resolution=32, classes=5)
    graph = network.graph()
    weights = weights_of(randomized(graph, seed=1))
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    tried = 0
    for width in widths(network):
        value = width.smaller[len(width.smaller) // 2]
        small = shrunk(network, width, value).graph()
        # What stays by our own choice; silence the others by their batch norms.
        found = carried(graph, weights, small)
        check_state(small, {key: array.shape for key, array in found.items()})
        silenced = {key: array.copy() for key, array in weights.items()}
        for key, array in found.items():
            node, _, field = key.rpartition(".")
            if array.ndim > 1 or array.shape == weights[key].shape or "running" in field:
                continue
            goes = ~np.isin(weights[key], array)
            silenced[key][goes] = 0
            if weights[f"{node}.weight"].ndim == 2:
                silenced[f"{node}.weight"][goes] = 0
        one, other = outputs(graph, silenced, images), outputs(small, found, images)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(one).max())
        tried += 1
    assert tried > 3


def test_the_largest_folded_filters_stay_in_their_order() -> None:
    network = from_lines(["in_p8_c3", "cn_c16", "ir_k3_s1_x32_c16", "hd_c0_n2_d0.0"])
    graph = network.graph()
    weights = weights_of(randomized(graph, seed=0))
    name = "stages.0.0.expand"
    weights[f"{name}.conv.weight"][:] = 1.0
    weights[f"{name}.bn.running_var"][:] = 1.0
    weights[f"{name}.bn.weight"][:] = np.linspace(0.1, 1.0, 32)[::-1]
    weights[f"{name}.conv.weight"][31] = 100.0  # its gain is a tenth: still the largest
    (width,) = (each for each in widths(network) if each.name.endswith("expanded"))
    small = shrunk(network, width, 8)
    found = carried(graph, weights, small.graph())
    kept = [*range(7), 31]
    assert np.array_equal(found[f"{name}.bn.weight"], weights[f"{name}.bn.weight"][kept])
    assert np.array_equal(
        found["stages.0.0.project.conv.weight"],
        weights["stages.0.0.project.conv.weight"][:, kept],
    )


def test_joined_outputs_count_the_norms_of_all_their_layers() -> None:
    network = from_lines(["in_p8_c3", "cn_c8", "ir_r2_k3_s1_x16_c16", "hd_c0_n2_d0.0"])
    graph = network.graph()
    weights = weights_of(randomized(graph, seed=0))
    for j in (0, 1):
        name = f"stages.0.{j}.project"
        weights[f"{name}.conv.weight"][:] = 1.0
        weights[f"{name}.bn.running_var"][:] = 1.0
        weights[f"{name}.bn.weight"][:] = 0.1
    weights["stages.0.0.project.bn.weight"][[1, 3]] = 5.0
    weights["stages.0.1.project.bn.weight"][[3, 10, 11, 12, 13, 14, 15]] = 3.0
    (width,) = (each for each in widths(network) if each.name == "stages.0.0.filters")
    found = carried(graph, weights, shrunk(network, width, 8).graph())
    kept = [1, 3, 10, 11, 12, 13, 14, 15]
    for j in (0, 1):
        key = f"stages.0.{j}.project.bn.bias"
        assert np.array_equal(found[key], weights[key][kept])


def test_kernels_gates_and_layers() -> None:
    network = architecture("mnasnet_a1", resolution=32, classes=3)
    graph = network.graph()
    weights = weights_of(randomized(graph, seed=2))
    now = Adapted(network, 1.0, 0.5)
    proposals = lighter(now, 2.0, lambda other: 1.0, KINDS)
    kinds = {each.name.rpartition(".")[2] for each in proposals}
    assert kinds == set(KINDS)
    for proposal in proposals:
        small = proposal.architecture.graph()
        found = carried(graph, weights, small, names(proposal, small))
        check_state(small, {key: array.shape for key, array in found.items()})
    (five,) = (each for each in proposals if each.name == "stages.2.0.kernel")
    assert (five.was, five.becomes) == (5, 3)
    found = carried(graph, weights, five.architecture.graph())
    large = next(
        k for k in weights if k.startswith("stages.2.0.depthwise") and weights[k].ndim == 4
    )
    assert np.array_equal(found[large], weights[large][:, :, 1:4, 1:4])
    gone = next(each for each in proposals if each.name == "stages.2.1.layer")
    small = gone.architecture.graph()
    found = carried(graph, weights, small, names(gone, small))
    old = next(k for k in weights if k.startswith("stages.2.2.depthwise") and weights[k].ndim == 4)
    assert np.array_equal(found[old.replace("stages.2.2.", "stages.2.1.")], weights[old])


def test_what_cannot_be_carried_is_said() -> None:
    network = architecture("mobilenet_v2_0.35", resolution=32)
    weights = weights_of(Network(network.graph()))
    wide = architecture("mobilenet_v2_0.5", resolution=32).graph()
    with pytest.raises(ModelError, match="has at most"):
        carried(network.graph(), weights, wide)
    cells = architecture("nasnet_a_mobile", resolution=32).graph()
    with pytest.raises(ModelError, match="joined channels"):
        carried(cells, {}, cells)
    shorter = replace(network, stages=network.stages[:-1])
    with pytest.raises(ModelError, match="a layer that the larger one lacks"):
        carried(shorter.graph(), weights_of(Network(shorter.graph())), network.graph())
    assert Proposal("a.filters", network, 1.0, 8, 8).was == 8
