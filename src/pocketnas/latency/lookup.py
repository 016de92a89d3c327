"""Latencies of architectures from a table, block by block: some microseconds a block."""

from collections.abc import Callable

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block
from pocketnas.graph.builder import Builder
from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import BatchNorm, Padding, Shape
from pocketnas.latency.table import LatencyTable

Place = tuple[Block, Shape, Padding, float]


class Lookup:
    """What a table says of architectures; what a block costs is added up once for each input.

    Blocks that read what came two blocks before, as NASNet's cells do, share operators with others:
    networks with such are looked up as a whole.

    Args:
        table: of the device.
        scale: multiplies its milliseconds.
    """

    def __init__(self, table: LatencyTable, scale: float = 1.0) -> None:
        self._table = table
        self._scale = scale
        self._known: dict[Place, tuple[float, Shape]] = {}

    def __call__(self, architecture: Architecture) -> float:
        """Milliseconds of the network.

        Raises:
            ArchitectureError: a block does not fit its input.
        """
        blocks = [
            architecture.stem,
            *(block for stage in architecture.stages for block in stage),
            architecture.head,
        ]
        if any(hasattr(block, "reach") for block in blocks):
            return self._scale * self._table(architecture.graph())
        shape: Shape = (architecture.resolution, architecture.resolution, architecture.channels)
        total = self._table.context.start
        for block in blocks:
            price, shape = self._block((block, shape, architecture.padding, architecture.epsilon))
            total += price
        return self._scale * total

    def _block(self, place: Place) -> tuple[float, Shape]:
        """Its price, and the shape of what it gives."""
        found = self._known.get(place)
        if found is None:
            graph, shape = _alone(*place)
            price = self._table(graph) - self._table.context.start
            found = self._known[place] = price, shape
        return found


def _alone(block: Block, shape: Shape, padding: Padding, epsilon: float) -> tuple[Graph, Shape]:
    net = Builder(shape, norm=BatchNorm(epsilon=epsilon), padding=padding)
    with net.scope("block"):
        output = block.emit(net, net.input, net.input)
    return net.graph(output), output.shape


Predict = Callable[[Architecture], float]
"""Milliseconds of a network, without a measurement."""
