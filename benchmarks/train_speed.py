"""Our training step beside that of stock PyTorch: the same network, batch, weights and precision.

    python benchmarks/train_speed.py [--batch 64] [--steps 5] [--rounds 5] [--json]

Stock is what one would write: nn.Conv2d, nn.BatchNorm2d and the activations as modules, the
channels first or last, torch.optim.SGD, an eager loop. All take turns, a round each, and the median
of the X
"""

import argparse
import copy
import json
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pocketnas.arch.small import fitted
from pocketnas.data.images import Images
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    DropPath,
    GlobalAvgPool,
    Multiply,
    pads,
)
from pocketnas.train.augment import Augmentation, to_input
from pocketnas.train.network import Network
from pocketnas.train.recipe import Recipe
from pocketnas.train.step import Step, groups
from pocketnas.train.trainer import Training, prepared
from pocketnas.zoo import architecture

NETWORKS = ("mobilenet_v2", "mnasnet_a1", "mobilenet_v3_large", "efficientnet_b0")
RECIPE = Recipe(augmentation=Augmentation(flip=False))
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "relu6": lambda: nn.ReLU6(inplace=True),
    "hswish": nn.Hardswish,
    "hsigmoid": nn.Hardsigmoid,
    "swish": nn.SiLU,
    "sigmoid": nn.Sigmoid,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--gpu", action="store_true", help="only the GPU's part")
    given = parser.parse_args()
    rows = []
    if not given.gpu:
        print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, batch {given.batch}")
        for side in given.sizes:
            for name in given.networks:
                rows.append(on_processor(name, side, given))
                if not given.json:
                    report(rows[-1])
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
        for side in given.sizes:
            for name in given.networks:
                rows.append(on_gpu(name, side))
                if not given.json:
                    report_gpu(rows[-1])
    if given.json:
        print(json.dumps(rows, indent=2))


def on_processor(name: str, side: int, given: argparse.Namespace) -> dict[str, Any]:
    """Seconds a step, ours and stock in both layouts, and how far their losses are apart."""
    network = fitted(architecture(name, resolution=side, classes=10))
    graph, generator = without_chance(network.graph()), torch.Generator().manual_seed(0)
    x = torch.randn(given.batch, 3, side, side, generator=generator)
    labels = torch.randint(0, 10, (given.batch,), generator=generator)
    ours = Network(graph, seed=0).train()
    first, last = (stock(graph, ours) for _ in range(2))
    last.to(memory_format=torch.channels_last)
    optimizer = RECIPE.optimizer.over(groups(ours, RECIPE), 0.01)
    step = Step(ours, optimizer, RECIPE)
    turns: dict[str, Callable[[], float]] = {
        "ours": lambda: float(step(x, labels)),
        "first": plain(first, x.contiguous(), labels),
        "last": plain(last, x.contiguous(memory_format=torch.channels_last), labels),
    }
    losses: dict[str, list[float]] = {key: [] for key in turns}
    seconds: dict[str, list[float]] = {key: [] for key in turns}
    for round_ in range(given.rounds + 1):  # the first warms up
        for key, turn in turns.items():
            began = perf_counter()
            for _ in range(given.steps):
                losses[key].append(turn())
            if round_:
                seconds[key].append((perf_counter() - began) / given.steps)
    return {
        "network": name,
        "side": side,
        "ours_ms": 1e3 * median(seconds["ours"]),
        "first": median(s / o for s, o in zip(seconds["first"], seconds["ours"], strict=True)),
        "last": median(s / o for s, o in zip(seconds["last"], seconds["ours"], strict=True)),
        "losses_apart": abs(losses["ours"][1] / losses["last"][1] - 1),
        "kernels": sorted({max(n.op.kernel) for n in graph.nodes if isinstance(n.op, Depthwise)}),
    }


def without_chance(graph: Graph) -> Graph:
    """Without dropout, so that both compute the same."""
    return prepared(graph, replace(RECIPE, dropout=0.0), steps=1000)


def report(row: dict[str, Any]) -> None:
    kernels = " and ".join(f"{k}x{k}" for k in row["kernels"])
    print(
        f"{row['network']:20} {row['side']} px (depthwise {kernels}):"
        f" {row['ours_ms']:6.1f} ms a step;"
        f" stock takes {row['last']:.2f} times as long with the channels last,"
        f" {row['first']:.2f} with the channels first;"
        f" losses after a step {row['losses_apart']:.1e} apart",
        flush=True,
    )


def plain(network: nn.Module, x: Tensor, labels: Tensor) -> Callable[[], float]:
    """A step of the loop that everybody writes."""
    network.train()
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": RECIPE.weight_decay}, {"params": others}],
        lr=0.01,
        momentum=0.9,
        nesterov=True,
    )

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), labels, label_smoothing=RECIPE.label_smoothing)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


# ------------------------------------------------------------------------------------- on a GPU


def on_gpu(name: str, side: int, *, batch: int = 256, images: int = 12_800) -> dict[str, Any]:
    """Images a second of an epoch, ours and the plain loop, in turn; both in bfloat16."""
    network = fitted(architecture(name, resolution=side, classes=10), smallest=4)
    graph, draw = network.graph(), np.random.default_rng(0)
    data = Images(
        "noise",
        draw.integers(0, 256, (images, side, side, 3), dtype=np.uint8),
        draw.integers(0, 10, images),
        tuple("0123456789"),
    )
    recipe = Recipe(epochs=4, batch=batch, augmentation=Augmentation(shift=0.1))
    everything = np.arange(images)
    speeds: dict[str, list[float]] = {"eager": [], "ours": [], "plain": []}
    waited = 0.0
    trainings = {
        key: Training(graph, data, everything, recipe, seed=0, device="cuda",
                      precision=torch.bfloat16, record=key == "ours")
        for key in ("ours", "eager")
    }  # fmt: skip
    their = (
        stock(graph, Network(graph, seed=0)).cuda().to(memory_format=torch.channels_last).train()
    )
    optimizer = torch.optim.SGD(their.parameters(), lr=0.01, momentum=0.9, nesterov=True)

    def plain_epoch() -> float:
        waiting = 0.0
        for chosen in np.split(draw.permutation(images), images // batch):
            before = perf_counter()
            x = to_input(data.pixels[chosen]).cuda()
            labels = torch.from_numpy(data.labels[chosen]).cuda()
            waiting += perf_counter() - before
            optimizer.zero_grad()
            with torch.autocast("cuda", torch.bfloat16):
                loss = F.cross_entropy(their(x), labels, label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            loss.item()
        return waiting

    plain_waited = 0.0
    for epoch in range(1, 4):
        for key in speeds:
            torch.cuda.synchronize()
            began = perf_counter()
            if key == "plain":
                waiting = plain_epoch()
            else:
                already = trainings[key].batches.waited
                trainings[key].run(epoch)
                waiting = trainings[key].batches.waited - already
            torch.cuda.synchronize()
            seconds = perf_counter() - began
            if epoch > 1:
                speeds[key].append(images / seconds)
                if key == "ours":
                    waited = waiting / seconds
                if key == "plain":
                    plain_waited = waiting / seconds
    return {
        "network": name,
        "side": side,
        "batch": batch,
        **{key: median(found) for key, found in speeds.items()},
        "waiting": waited,
        "plain_waiting": plain_waited,
    }


def report_gpu(row: dict[str, Any]) -> None:
    print(
        f"{row['network']:20} {row['side']} px, batch {row['batch']}, bfloat16:"
        f" {row['ours']:8,.0f} images/s ({row['waiting']:.1%} of it waiting for data),"
        f" without the graph {row['eager']:8,.0f},"
        f" plain loop {row['plain']:8,.0f} ({row['plain_waiting']:.1%} waiting);"
        f" {row['ours'] / row['plain']:.2f} times the plain loop",
        flush=True,
    )


# ------------------------------------------------------------------- the same network, as modules


class Stock(nn.Module):
    """A graph as torch's own modules."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.ops = nn.ModuleDict(
            {node.name.replace(".", "/"): module(node) for node in graph.nodes[1:]}
        )

    def forward(self, x: Tensor) -> Tensor:
        values = {self.graph.nodes[0].name: x}
        for node in self.graph.nodes[1:]:
            inputs = [values[name] for name in node.inputs]
            values[node.name] = self.ops[node.name.replace(".", "/")](*inputs)
        return values[self.graph.outputs[0]].flatten(1)


class Sum(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Product(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y


class Linear1x1(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1))[:, :, None, None]


def module(node: Node) -> nn.Module:
    """The module that computes `node`."""
    match node.op:
        case Conv(filters, kernel, stride, padding, groups, bias):
            return convolution(node, filters, kernel, stride, padding, groups, bias)
        case Depthwise(kernel, stride, padding, bias):
            channels = node.shape[2]
            return convolution(node, channels, kernel, stride, padding, channels, bias)
        case BatchNorm(momentum, epsilon):
            return nn.BatchNorm2d(node.shape[2], epsilon, 1 - momentum)
        case Activation(kind):
            return ACTIVATIONS[kind]()
        case Add():
            return Sum()
        case Multiply():
            return Product()
        case GlobalAvgPool():
            return nn.AdaptiveAvgPool2d(1)
        case Dense(units):
            return Linear1x1(node.input_shapes[0][2], units)
        case Dropout() | DropPath():
            return nn.Identity()
        case _:
            raise SystemExit(f"no module for {node.op}")


def convolution(
    node: Node, filters: int, kernel: Any, stride: int, padding: Any, groups: int, bias: bool
) -> nn.Module:
    height, width, channels = node.input_shapes[0]
    top, bottom = pads(height, kernel[0], stride, padding)
    left, right = pads(width, kernel[1], stride, padding)
    even = (top, left) == (bottom, right)
    conv = nn.Conv2d(
        channels, filters, kernel, stride, (top, left) if even else 0, groups=groups, bias=bias
    )
    return conv if even else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), conv)


def stock(graph: Graph, ours: Network) -> Stock:
    """The graph as modules with the weights of `ours`."""
    found = Stock(graph)
    values = copy.deepcopy(ours.state_dict())
    for node in graph.nodes[1:]:
        its = found.ops[node.name.replace(".", "/")]
        inner = its[1] if isinstance(its, nn.Sequential) else its
        for key, parameter in [*inner.named_parameters(), *inner.named_buffers()]:
            if key != "num_batches_tracked":
                parameter.data.copy_(values[f"{node.name}.{key}"])
    return found


if __name__ == "__main__":
    main()
