"""The torch network: keys, initial values, padding, statistics, copying and gradients."""

import copy
import pickle
from math import sqrt

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from parity import randomized
from pocketnas.errors import ModelError
from pocketnas.graph import Builder, Graph
from pocketnas.graph.ops import (
    KINDS,
    Activation,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    GlobalAvgPool,
    MaxPool,
    Multiply,
    Op,
    Padding,
    Shift,
)
from pocketnas.graph.state import state
from pocketnas.train.network import Network, load_weights, weights_of


def everything() -> Graph:
    """Each op once or more, each activation after an op whose output it could overwrite."""
    net = Builder((12, 12, 3), norm=BatchNorm(0.9, 1e-5))
    with net.scope("stages.2.0"):
        x = net.conv(net.input, "expand", 8, 3, act="relu")
    for kind in KINDS:
        y = net.depthwise(x, f"{kind}.depthwise", 3, act=kind)
        x = net.add(f"{kind}.act", Activation(kind), net.add(f"{kind}.add", Add(), x, y))
    x = net.add("shift", Shift(), net.add("path", DropPath(0.5), x))
    pools = net.add("max", MaxPool(3, 2), x), net.add("avg", AvgPool(3, 2), x)
    x = net.add("concat", Concat(), *pools)
    gate = net.add("gate", Dense(16), net.add("squeeze", GlobalAvgPool(), x))
    x = net.add("scale", Multiply(), x, net.add("sigmoid", Activation("sigmoid"), gate))
    return net.graph(net.add("logits", Dense(10), net.add("dropout", Dropout(0.5), x)))


def apply(op: Op, x: torch.Tensor, weights: dict[str, torch.Tensor] | None = None) -> torch.Tensor:
    """`op` alone on one NCHW map."""
    _, c, h, w = x.shape
    net = Builder((h, w, c))
    network = Network(net.graph(net.add("op", op, net.input)))
    network.load_state_dict({f"op.{key}": value for key, value in (weights or {}).items()})
    found: torch.Tensor = network(x)
    return found


def test_keys_are_node_and_weight_names() -> None:
    graph = everything()
    keys = set(Network(graph).state_dict())
    assert keys == set(state(graph))
    assert {"stages.2.0.expand.conv.weight", "stages.2.0.expand.bn.running_mean"} <= keys
    assert not any("num_batches_tracked" in key for key in keys)


def test_initial_values_follow_tensorflow_mnasnet() -> None:
    net = Builder((4, 4, 32))
    x = net.conv(net.input, "conv", 64, 3)
    x = net.add("depthwise", Depthwise((5, 5)), x)
    x = net.add("dense", Dense(100), net.add("pool", GlobalAvgPool(), x))
    network = Network(net.graph(x))
    weights = weights_of(network)
    assert weights["conv.conv.weight"].std() == pytest.approx(sqrt(2 / (9 * 64)), rel=0.05)
    assert weights["depthwise.weight"].std() == pytest.approx(sqrt(2 / 25), rel=0.05)
    assert np.abs(weights["dense.weight"]).max() == pytest.approx(1 / sqrt(100), rel=0.01)
    assert not weights["dense.bias"].any()
    assert (weights["conv.bn.weight"] == 1).all()
    assert (weights["conv.bn.running_var"] == 1).all()


def test_the_seed_decides_and_nothing_else() -> None:
    torch.manual_seed(1)
    first = weights_of(Network(everything(), seed=3))
    torch.manual_seed(2)
    again = weights_of(Network(everything(), seed=3))
    other = weights_of(Network(everything(), seed=4))
    assert all((first[key] == again[key]).all() for key in first)
    assert (first["logits.weight"] != other["logits.weight"]).any()


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_symmetric_padding_is_that_of_torch(size: int, stride: int) -> None:
    x, w = torch.randn(2, 3, size, size), torch.randn(5, 3, 3, 3)
    found = apply(Conv(5, (3, 3), stride, "symmetric"), x, {"weight": w})
    torch.testing.assert_close(found, F.conv2d(x, w, stride=stride, padding=1))


def test_same_padding_with_stride_2_puts_the_odd_row_last() -> None:
    x, w = torch.randn(2, 3, 6, 6), torch.randn(3, 1, 3, 3)
    found = apply(Depthwise((3, 3), 2), x, {"weight": w})
    torch.testing.assert_close(found, F.conv2d(F.pad(x, [0, 1, 0, 1]), w, stride=2, groups=3))


@pytest.mark.parametrize("padding", ["same", "symmetric"])
@pytest.mark.parametrize("kernel", [2, 3])
def test_pools_do_not_count_padding(padding: Padding, kernel: int) -> None:
    x = -torch.ones(1, 2, 6, 6)
    for stride in (1, 2):
        for op in (AvgPool(kernel, stride, padding), MaxPool(kernel, stride, padding)):
            assert (apply(op, x) == -1).all()


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_kernel_larger_than_its_map(size: int, stride: int) -> None:
    x, w = torch.randn(2, 4, size, size), torch.randn(4, 1, 5, 5)
    found = apply(Depthwise((5, 5), stride, "symmetric"), x, {"weight": w})
    expected = F.conv2d(x, w, stride=stride, padding=2, groups=4)
    torch.testing.assert_close(found, expected.view_as(found))


def test_dense_flattens_height_width_channels() -> None:
    x = torch.randn(2, 3, 4, 5)
    weights = {"weight": torch.eye(60), "bias": torch.zeros(60)}
    torch.testing.assert_close(apply(Dense(60), x, weights), x.permute(0, 2, 3, 1).flatten(1))


def test_batch_norm_keeps_tensorflow_share_of_its_statistics() -> None:
    net = Builder((4, 4, 3))
    network = Network(net.graph(net.add("bn", BatchNorm(momentum=0.9), net.input)))
    x = 5 + torch.randn(16, 3, 4, 4)
    network(x)
    expected = 0.1 * x.mean((0, 2, 3))
    torch.testing.assert_close(network.state_dict()["bn.running_mean"], expected)


def test_dropout_acts_in_training_only() -> None:
    net = Builder((4, 4, 3))
    network = Network(net.graph(net.add("dropout", Dropout(0.5), net.input)))
    x = torch.ones(8, 3, 4, 4)
    assert set(network(x).unique().tolist()) == {0, 2}
    assert (network.eval()(x) == x).all()


def test_shift_moves_up_and_left_and_brings_in_zeros() -> None:
    x = torch.arange(1.0, 13).view(1, 1, 3, 4)
    found = apply(Shift(), x)
    assert found.tolist() == [[[[6, 7, 8, 0], [10, 11, 12, 0], [0, 0, 0, 0]]]]


def dropping(rate: float) -> Network:
    net = Builder((2, 2, 3), drop_path=rate)
    return Network(net.graph(net.drop_path(net.input, "stages.0.0.drop", 1.0)))


def test_drop_path_drops_whole_images_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    x = 1 + torch.rand(4000, 3, 2, 2)
    found = dropping(0.25)(x)
    dropped = (found == 0).flatten(1)
    assert (dropped.all(1) == dropped.any(1)).all(), "an image is dropped whole or not at all"
    assert dropped.all(1).float().mean() == pytest.approx(0.25, abs=0.03)
    kept = ~dropped.all(1)
    torch.testing.assert_close(found[kept], x[kept] / 0.75)
    assert found.mean() == pytest.approx(float(x.mean()), rel=0.03)


def test_drop_path_does_nothing_after_training() -> None:
    x = torch.randn(64, 3, 2, 2)
    assert (dropping(0.9).eval()(x) == x).all()


def test_drop_path_follows_its_schedule() -> None:
    """ScheduledDropPath: the rate is multiplied by the part of training done."""
    network, x = dropping(0.8), torch.ones(2000, 3, 2, 2)
    shares = {}
    for done in (0.0, 0.5, 1.0):
        network.schedule_drop_path(done)
        found = network(x)
        shares[done] = float((found == 0).float().mean())
        kept = found[found > 0]
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - 0.8 * done)))
    assert shares == pytest.approx({0.0: 0.0, 0.5: 0.4, 1.0: 0.8}, abs=0.05)
    assert dropping(0.8)(x).eq(0).float().mean() == pytest.approx(0.8, abs=0.05), "unscheduled"


def test_a_schedule_survives_copies_and_is_no_weight() -> None:
    network = dropping(0.5)
    network.schedule_drop_path(0.0)
    twin, x = copy.deepcopy(network), torch.ones(64, 3, 2, 2)
    assert (twin(x) == x).all()
    assert not network.state_dict()


def test_dropped_images_get_no_gradient() -> None:
    x = torch.ones(64, 3, 2, 2, requires_grad=True)
    found = dropping(0.5)(x)
    found.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, found.detach())


def test_every_weight_gets_a_gradient_and_overwriting_changes_none() -> None:
    """Activations overwrite their input where they may; a double must see the same gradients."""
    graph = everything()
    network = randomized(graph).double()
    x = torch.randn(2, 3, 12, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, (x,), fast_mode=True)
    network.train()(x).square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_the_input_and_the_taps_are_not_overwritten() -> None:
    net = Builder((4, 4, 3))
    x = net.add("first", Activation("relu"), net.input)
    tap = net.add("tap", Conv(3, (1, 1)), x)
    network = Network(net.graph(tap, net.add("second", Activation("relu"), tap)))
    image = torch.randn(2, 3, 4, 4)
    before = image.clone()
    tapped, rectified = network(image)
    assert (image == before).all()
    assert (tapped < 0).any()
    assert (rectified == tapped.relu()).all()


def test_copies_and_pickles_have_weights_of_their_own() -> None:
    network = randomized(everything())
    image = torch.randn(2, 3, 12, 12)
    expected = network(image)
    pickled = pickle.loads(pickle.dumps(network))  # noqa: S301 - our own bytes
    for twin in (copy.deepcopy(network), pickled):
        torch.testing.assert_close(twin(image), expected)
        for weight in twin.parameters():
            weight.data.zero_()
        assert not twin(image).any()
    torch.testing.assert_close(network(image), expected)


def test_functional_call_swaps_weights() -> None:
    """As the one-shot supernet does."""
    network, other = (randomized(everything(), seed) for seed in (0, 1))
    image = torch.randn(2, 3, 12, 12)
    found = torch.func.functional_call(network, other.state_dict(), (image,))
    torch.testing.assert_close(found, other(image))


def test_weights_round_trip_as_contiguous_copies() -> None:
    source, target = randomized(everything(), 0), Network(everything(), 1).eval()
    weights = weights_of(source)
    assert {(v.dtype.name, v.flags.c_contiguous, v.flags.owndata) for v in weights.values()} == {
        ("float32", True, True)
    }
    for value in weights.values():
        value.flags.writeable = False  # as values from a file are
    load_weights(target, weights)
    image = torch.randn(2, 3, 12, 12)
    assert (target(image) == source(image)).all()


def test_weights_that_do_not_fit_change_nothing() -> None:
    network = Network(everything())
    before = weights_of(network)
    zeros = {key: np.zeros_like(value) for key, value in before.items()}
    del zeros["gate.bias"]
    zeros["gat.bias"] = np.zeros(16)
    zeros["logits.bias"] = np.zeros(11)
    with pytest.raises(ModelError) as error:
        load_weights(network, zeros)
    assert str(error.value) == (
        "the weights do not fit the graph: missing gate.bias; unknown gat.bias; "
        "mis-shaped logits.bias (got (11,), needs (10,))"
    )
    after = weights_of(network)
    assert all((before[key] == after[key]).all() for key in before)


@pytest.mark.parametrize("channels", [1, 2, 4, 7, 8])
def test_gradients_of_strided_pointwise_convolutions_of_few_channels(channels: int) -> None:
    """oneDNN writes past its memory there (torch 2.13, 2 to 7 channels), unless we subsample."""
    net = Builder((12, 12, channels))
    graph = net.graph(net.add("conv", Conv(4, (1, 1), 2), net.input))
    network = Network(graph)
    images, weights = (  # whole numbers, which float32 adds without rounding
        torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(0)).float()
        for shape in ((4, channels, 12, 12), (4, channels, 1, 1))
    )
    network.get_parameter("conv.weight").data.copy_(weights)
    exact = weights.double().requires_grad_()
    F.conv2d(images.double(), exact, stride=2).square().sum().backward()
    for _ in range(20):
        network.zero_grad()
        found = network(images.contiguous(memory_format=torch.channels_last))
        found.square().sum().backward()
        assert torch.equal(network.get_parameter("conv.weight").grad, exact.grad.float())
