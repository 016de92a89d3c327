"""Measuring what a latency table is made of: operators alone, then whole networks of a space."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from time import monotonic
from typing import Any

import numpy as np

from pocketnas.devices.device import Device, Latency, Watch
from pocketnas.errors import DeviceError
from pocketnas.graph.graph import Graph, Node
from pocketnas.latency.check import Measured, half_width
from pocketnas.latency.fit import FEWEST, fit
from pocketnas.latency.operators import Operator, operators
from pocketnas.latency.table import Entry, LatencyTable, guessed
from pocketnas.tflite.alone import write_alone
from pocketnas.tflite.writer import write

OPERATOR_S = 0.03  # for each operator: four windows and more; its price is learned in networks
NETWORK_S = 0.7  # for each network
_TOLERANCE = 0.01
_OPERATORS = 40  # in memory at once
_NETWORKS = 3

Models = Mapping[str, bytes]


def time_operators(
    graphs: Sequence[Graph],
    device: Device,
    *,
    seconds: float,
    quantize: bool = False,
    each_s: float = OPERATOR_S,
    known: Container[Operator] = (),
    watch: Watch,
) -> dict[Operator, float]:
    """Times the operators of networks alone, those first that matter most to them.

    Args:
        graphs: a sample of the networks that the table is for.
        device: opened with a small network as its reference, so that turns are short.
        seconds: no more are begun after so many; the others are left to be guessed.
        quantize: in int8.
        each_s: for each.
        known: operators that need no measurement.
        watch: told how far it is.

    Returns:
        Milliseconds by operator. One that the device refuses by itself is left out.

    Raises:
        DeviceError: the device is gone.
    """
    nodes: dict[Operator, Node] = {}
    work: Counter[Operator] = Counter()
    for graph in graphs:
        for node, operator in operators(graph):
            if operator in known:
                continue
            nodes.setdefault(operator, node)
            work[operator] += max(operator.madds, operator.maps)
    order = [operator for operator, _ in work.most_common()]
    begin, found = monotonic(), dict[Operator, float]()
    for first in range(0, len(order), _OPERATORS):
        if found and monotonic() - begin > seconds:
            break
        watch(f"operators alone: {first} of {len(order)}")
        chunk = order[first : first + _OPERATORS]
        models = {str(each): write_alone(nodes[each], quantize=quantize) for each in chunk}
        times = _compared(models, device, each_s)
        found |= {each: times[str(each)].milliseconds for each in chunk if str(each) in times}
    return found


def time_networks(
    graphs: Sequence[Graph],
    device: Device,
    *,
    seconds: float,
    least: int = FEWEST,
    quantize: bool = False,
    each_s: float = NETWORK_S,
    watch: Watch,
) -> list[Measured]:
    """Measures whole networks, in their order.

    Args:
        graphs: of the networks.
        device: opened with a network of their kind as its reference.
        seconds: no more are begun after so many, once there are `least`.
        least: how many to measure in any case.
        quantize: in int8.
        each_s: for each.
        watch: told how far it is.

    Raises:
        DeviceError: the device is gone.
    """
    begin, found = monotonic(), list[Measured]()
    for first in range(0, len(graphs), _NETWORKS):
        if len(found) >= least and monotonic() - begin > seconds:
            break
        watch(f"whole networks: {first} of {len(graphs)}")
        chunk = {f"network {first + i}": g for i, g in enumerate(graphs[first : first + _NETWORKS])}
        models = {name: write(graph, quantize=quantize) for name, graph in chunk.items()}
        times = _compared(models, device, each_s)
        found += [
            Measured(tuple(operator for _, operator in operators(graph)), times[name])
            for name, graph in chunk.items()
            if name in times
        ]
    return found


def tabulate(
    alone: Mapping[Operator, float], networks: Sequence[Measured], about: Mapping[str, Any]
) -> LatencyTable:
    """The table that explains the networks by their operators.

    Args:
        alone: milliseconds by operator.
        networks: measured.
        about: what the table is of.

    Raises:
        DeviceError: there are too few networks.
        ModelError: no operator was measured.
    """
    found = list(dict.fromkeys([*alone, *(each for n in networks for each in n.operators)]))
    place = {operator: i for i, operator in enumerate(found)}
    counts = np.zeros((len(networks), len(found)))
    for row, network in zip(counts, networks, strict=True):
        for operator in network.operators:
            row[place[operator]] += 1
    context, prices = fit(
        found,
        [guessed(operator, alone) for operator in found],
        [operator in alone for operator in found],
        counts,
        [network.latency.milliseconds for network in networks],
        [half_width(network.latency) for network in networks],
    )
    entries = tuple(
        Entry(operator, price, alone.get(operator))
        for operator, price in zip(found, prices, strict=True)
    )
    return LatencyTable(entries, context, about)


def _compared(models: Models, device: Device, each_s: float) -> dict[str, Latency]:
    """Times models in one sequence; if that fails, each by itself, without those that fail twice.

    Raises:
        DeviceError: all fail.
    """
    try:
        return device.compare(models, tolerance=_TOLERANCE, budget_s=each_s)
    except DeviceError as error:
        trouble = error
    found: dict[str, Latency] = {}
    for name, model in models.items():
        try:
            found |= device.compare({name: model}, tolerance=_TOLERANCE, budget_s=each_s)
        except DeviceError as error:
            trouble = error
    if not found:
        raise trouble
    return found
