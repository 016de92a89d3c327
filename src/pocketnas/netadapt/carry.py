"""Weights of a network for the same network with less: the channels with the largest norms stay."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketnas.errors import ModelError
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import BatchNorm, Concat, Conv, Dense, Depthwise, Input
from pocketnas.graph.state import state

Arrays = Mapping[str, NDArray[Any]]
Kept = Mapping[str, NDArray[np.int64]]
"""The channels that stay, by the node that makes them."""


def carried(
    old: Graph, weights: Arrays, new: Graph, names: Mapping[str, str] | None = None
) -> dict[str, NDArray[np.float32]]:
    """The old network's weights, cut to the shapes of the new one.

    Where a layer has fewer channels, those with the largest L2 norm of their filters stay, in their
    order (1804.03230, section 3.3). The filters are taken as they are with batch norm folded in: by
    themselves their size says nothing before a batch norm. Of channels that several layers add
    their results to, the norms are added. A smaller kernel is the middle of the larger one.

    Args:
        old: a network.
        weights: of it.
        new: the same network with smaller widths or kernels, or without some layers.
        names: the old name of a node that is called otherwise in the new network.

    Raises:
        ModelError: the new network has something that the old one had not.
    """
    names = names or {}
    before = {node.name: node for node in old.nodes}
    after = {names.get(node.name, node.name): node for node in new.nodes}
    if unknown := [name for name in after if name not in before]:
        raise ModelError(f"the smaller network has a layer that the larger one lacks: {unknown[0]}")
    makers = _makers(old)
    kept: dict[str, NDArray[np.int64]] = {}
    for name, node in after.items():
        maker, many, some = makers[name], before[name].shape[2], node.shape[2]
        if some > many:
            raise ModelError(f"{name}: a smaller network has at most {many} channels, got {some}")
        if maker not in kept:
            norms = _norms(old, weights, makers, maker) if some < many else np.ones(many)
            kept[maker] = np.sort(np.argsort(-norms, kind="stable")[:some])
    found = {}
    for key, shape in state(new).items():
        name, _, field = key.rpartition(".")
        source = names.get(name, name)
        value = weights[f"{source}.{field}"]
        value = value[kept[makers[source]]]
        if value.ndim > 1 and not isinstance(before[source].op, Depthwise):
            value = value[:, kept[makers[before[source].inputs[0]]]]
        found[key] = np.ascontiguousarray(_middle(value, shape), np.float32)
    return found


def _makers(graph: Graph) -> dict[str, str]:
    """Each node → the first node that makes its channels; additions join what they add."""
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while above[name] != name:
            name = above[name]
        return name

    for node in graph.nodes:
        match node.op:
            case Concat():
                raise ModelError(f"{node.name}: joined channels cannot be told apart")
            case Conv(groups=groups) if groups > 1:
                raise ModelError(f"{node.name}: the channels of groups cannot shrink")
            case Conv() | Dense() | Input():
                above[node.name] = node.name
            case _:
                first, *others = (root(name) for name in node.inputs)
                above[node.name] = first
                for other in others:
                    above[other] = first
    return {name: root(name) for name in above}


def _norms(
    graph: Graph, weights: Arrays, makers: Mapping[str, str], maker: str
) -> NDArray[np.float64]:
    """Squared L2 norms of the filters that make these channels, one a channel."""
    total: Any = 0.0
    for node in graph.nodes:
        if makers[node.name] != maker or not isinstance(node.op, Conv | Dense):
            continue
        filters = weights[f"{node.name}.weight"].astype(np.float64)
        norms = (filters.reshape(len(filters), -1) ** 2).sum(1)
        total = total + norms * _scale(graph, weights, node) ** 2
    return np.asarray(total)


def _scale(graph: Graph, weights: Arrays, node: Node) -> Any:
    """What the batch norm behind a layer multiplies its channels with; 1 without one."""
    readers = [each for each in graph.nodes if node.name in each.inputs]
    if len(readers) != 1 or not isinstance(readers[0].op, BatchNorm):
        return 1.0
    name, op = readers[0].name, readers[0].op
    spread = np.sqrt(weights[f"{name}.running_var"].astype(np.float64) + op.epsilon)
    return weights[f"{name}.weight"] / spread


def _middle(value: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The middle of a kernel, which has the last two axes."""
    if value.ndim != 4:
        return value
    top, left = ((value.shape[axis] - shape[axis]) // 2 for axis in (2, 3))
    return value[:, :, top : top + shape[2], left : left + shape[3]]
