"""The torch network that runs a graph; its weights are keyed by node name.

`state_dict()` has exactly the keys `<node name>.<weight name>`, so sharing, inheriting, averaging
or loading weights is a mapping from names to tensors, never another network class.
"""

from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv,
    Dense,
    Depthwise,
    DropPath,
    weights,
)
from pocketnas.graph.state import check_state
from pocketnas.train.norm import FUSED
from pocketnas.train.operators import Run, norm, operator


class _Step(NamedTuple):
    run: Run
    holder: nn.Module
    sources: tuple[int, ...]
    target: int
    done: tuple[int, ...]  # values that nobody reads after this step


class Network(nn.Module):
    """Runs `graph`.

    Args:
        graph: what to run.
        seed: of the initial weights, drawn as in TensorFlow's MnasNet (`mnasnet_model.py`).
    """

    def __init__(self, graph: Graph, seed: int = 0) -> None:
        super().__init__()
        self.graph = graph
        self._steps = tuple(_plan(self, graph))
        slots = {node.name: slot for slot, node in enumerate(graph.nodes)}
        self._outputs = tuple(
            (slots[name], graph.node(name).shape[:2] == (1, 1)) for name in graph.outputs
        )
        self._initialize(torch.Generator().manual_seed(seed))

    def forward(self, image: Tensor) -> Any:
        """Maps (N, C, H, W) to the output: (N, units) where it is 1x1, else (N, C, H, W).

        A graph with several outputs gives a tuple of them.
        """
        values: list[Any] = [None] * len(self.graph.nodes)
        values[0] = _laid_out(image)
        for run, holder, sources, target, done in self._steps:
            values[target] = run(holder, *[values[source] for source in sources])
            for slot in done:
                values[slot] = None
        found = [values[slot].flatten(1) if flat else values[slot] for slot, flat in self._outputs]
        return found[0] if len(found) == 1 else tuple(found)

    def schedule_drop_path(self, share: float) -> None:
        """Multiplies the rates of all `DropPath` nodes by `share`, the part of training done.

        It is the time in ScheduledDropPath (1707.07012, section 4.1); without a call it stays 1.
        """
        for node in self.graph.nodes:
            if isinstance(node.op, DropPath):
                share_of: Tensor = self.get_submodule(node.name).drop_path_share  # type: ignore[assignment]
                share_of.fill_(share)  # in place: a recorded step reads it

    def norm_parameters(self) -> list[nn.Parameter]:
        """Scales and offsets of all batch norms."""
        return [
            weight
            for node in self.graph.nodes
            if isinstance(node.op, BatchNorm)
            for weight in self.get_submodule(node.name).parameters(recurse=False)
        ]

    def _initialize(self, generator: torch.Generator) -> None:
        for node in self.graph.nodes:
            holder = self.get_submodule(node.name)
            for name, shape in weights(node.op, node.input_shapes).items():
                value = _initial(node, name, torch.zeros(shape), generator)
                holder.register_parameter(name, nn.Parameter(_laid_out(value)))
            match node.op:
                case Conv(bias=False) | Depthwise(bias=False) | Dense(bias=False):
                    holder.register_parameter("bias", None)
                case DropPath():
                    holder.register_buffer("drop_path_share", torch.ones(()), persistent=False)
                case BatchNorm():
                    holder.register_buffer("running_mean", torch.zeros(node.shape[2]))
                    holder.register_buffer("running_var", torch.ones(node.shape[2]))


def weights_of(network: Network) -> dict[str, NDArray[np.float32]]:
    """A copy of all weights and running statistics, as `tflite.write` takes them."""
    return {
        key: value.float().cpu().numpy().copy(order="C")
        for key, value in network.state_dict().items()
    }


def load_weights(network: Network, mapping: Mapping[str, NDArray[Any]]) -> None:
    """Copies all weights and running statistics into `network`.

    Raises:
        ModelError: keys are missing, unknown or of another shape; nothing was copied then.
    """
    check_state(network.graph, {key: value.shape for key, value in mapping.items()})
    for key, value in network.state_dict().items():
        value.copy_(torch.tensor(mapping[key]))


def _laid_out(value: Tensor) -> Tensor:
    """Channels last: it trains depthwise networks about 1.5 times as fast on a processor."""
    return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value


def _plan(root: nn.Module, graph: Graph) -> list[_Step]:
    """The nodes as steps over numbered values; makes their modules inside `root`."""
    nodes = {node.name: node for node in graph.nodes}
    slots = {name: slot for slot, name in enumerate(nodes)}
    reads = graph.consumers()
    fused = _fused(graph)
    works = [
        (fused.get(node.name, node), node)
        for node in graph.nodes
        if node.inputs and node not in fused.values()
    ]
    last = {name: end.name for begin, end in works for name in begin.inputs}
    steps = []
    for node in graph.nodes:
        _module(root, node.name)
    for begin, end in works:
        first = nodes[begin.inputs[0]]
        kept = not isinstance(first.op, Conv | Depthwise | BatchNorm | Add)  # for its gradient
        if begin is not end and isinstance(begin.op, BatchNorm) and isinstance(end.op, Activation):
            run = norm(begin.op, end.op.kind)
        else:
            run = operator(end, inplace=reads[first.name] == 1 and not kept)
        sources = tuple(slots[name] for name in begin.inputs)
        read = {name for name in begin.inputs if last[name] == end.name} - set(graph.outputs)
        done = tuple(slots[name] for name in read)
        steps.append(_Step(run, _module(root, begin.name), sources, slots[end.name], done))
    return steps


def _fused(graph: Graph) -> dict[str, Node]:
    """Batch norms by the name of the activation that alone reads them: one step of both."""
    nodes = {node.name: node for node in graph.nodes}
    reads = graph.consumers()
    found = {}
    for node in graph.nodes:
        if isinstance(node.op, Activation) and node.op.kind in FUSED:
            first = nodes[node.inputs[0]]
            alone = reads[first.name] == 1 and first.name not in graph.outputs
            if isinstance(first.op, BatchNorm) and alone:
                found[node.name] = first
    return found


def _module(root: nn.Module, path: str) -> nn.Module:
    """The module at the dotted `path` under `root`, made with its parents where missing."""
    for part in path.split("."):
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    return root


def _initial(node: Node, name: str, value: Tensor, generator: torch.Generator) -> Tensor:
    """Fills `value`, zeros at first, with the weight's initial values."""
    match node.op, name:
        case BatchNorm(), "weight":
            return value.fill_(1)
        case Conv(filters, (height, width)), "weight":
            return value.normal_(0, sqrt(2 / (height * width * filters)), generator=generator)
        case Depthwise((height, width)), "weight":  # TensorFlow counts one output a kernel
            return value.normal_(0, sqrt(2 / (height * width)), generator=generator)
        case Dense(), "weight":  # TensorFlow counts the outputs alone, which for ten are too few
            reach = 1 / sqrt(max(value.shape))
            return value.uniform_(-reach, reach, generator=generator)
        case _:
            return value
