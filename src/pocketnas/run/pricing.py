"""What a network costs by a latency table, part by part."""

from dataclasses import asdict, dataclass
from typing import Any

from pocketnas.errors import ModelError
from pocketnas.latency.blocks import BlockTable
from pocketnas.latency.operators import operators
from pocketnas.latency.table import LatencyTable
from pocketnas.run.subject import Subject


@dataclass(frozen=True, slots=True)
class Part:
    """An operator, by its node's name, or a block; `what` says what the table knows it as."""

    name: str
    what: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Priced:
    """A network by a table; `known` is the share of its latency that the table has measured."""

    name: str
    milliseconds: float
    known: float
    parts: tuple[Part, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def priced(table: LatencyTable | BlockTable, subject: Subject) -> Priced:
    """The network's latency by the table.

    Raises:
        ModelError: it is a `.tflite`, or has a block that a table of blocks lacks.
    """
    if subject.architecture is None:
        raise ModelError(
            f"{subject.name}: a table is for networks whose operators it knows; a .tflite is"
            " measured with: pocketnas measure"
        )
    graph = subject.architecture.graph()
    if isinstance(table, BlockTable):
        prices = table.prices(graph)
        parts = tuple(Part(f"block {i}", name, ms) for i, (name, ms) in enumerate(prices))
        return Priced(subject.name, sum(ms for _, ms in prices), 1.0, parts)
    parts = tuple(
        Part(node.name, str(operator), table.price(operator)) for node, operator in operators(graph)
    )
    return Priced(subject.name, table(graph), table.known(graph), parts)
