"""A latency table: what each operator costs on one device, and with that any network of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import exp, log, prod
from pathlib import Path
from typing import Any, Self

from pocketnas.errors import ArchitectureError, ModelError
from pocketnas.graph.graph import Graph
from pocketnas.latency.fit import Context
from pocketnas.latency.operators import Operator, operators

FORMAT = 1
_KIN = 3  # operators of the family that an unknown one is guessed from
_NEAR = 0.1  # added to a distance, so that the nearest does not drown the others


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator's times, milliseconds.

    Attributes:
        operator: which one.
        price: what it adds to a network.
        alone: measured by itself; None if it was guessed from its kin.
    """

    operator: Operator
    price: float
    alone: float | None


@dataclass(frozen=True)
class LatencyTable:
    """Prices of operators on one device, in milliseconds at its reference's calm speed.

    Calling it with a graph gives the network's latency: the start of a run and the prices of its
    operators. An operator that is not in the table costs what its nearest kin do in proportion.

    Attributes:
        entries: of the operators that were seen.
        context: prices of all others.
        about: the device's facts, the reference, the precision, the check; ready for JSON.
    """

    entries: tuple[Entry, ...]
    context: Context
    about: Mapping[str, Any]

    def __call__(self, graph: Graph) -> float:
        """Milliseconds of a network."""
        return self.total(operator for _, operator in operators(graph))

    def total(self, found: Iterable[Operator]) -> float:
        """Milliseconds of the network that has these operators."""
        return self.context.start + sum(self.price(operator) for operator in found)

    def price(self, operator: Operator) -> float:
        """Milliseconds that an operator adds to a network."""
        price = self._prices.get(operator)
        if price is None:
            price = self.context.price(operator, guessed(operator, self._alone))
            self._prices[operator] = price
        return price

    def known(self, graph: Graph) -> float:
        """The share of a network's latency, from 0 to 1, whose operators were measured."""
        found = [operator for _, operator in operators(graph)]
        known = sum(self.price(operator) for operator in found if operator in self._alone)
        return (self.context.start + known) / self.total(found)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "format": FORMAT,
            "about": dict(self.about),
            "context": asdict(self.context),
            "entries": [
                {**entry.operator.to_dict(), "price": entry.price, "alone": entry.alone}
                for entry in self.entries
            ],
        }

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ModelError: these are not its values, or of another format.
        """
        try:
            if values["format"] != FORMAT:
                raise ModelError(
                    f"latency table: this version reads format {FORMAT}, got {values['format']!r};"
                    " calibrate again"
                )
            entries = tuple(
                Entry(
                    Operator.from_dict(row),
                    float(row["price"]),
                    None if row["alone"] is None else float(row["alone"]),
                )
                for row in values["entries"]
            )
            return cls(entries, Context(**values["context"]), dict(values["about"]))
        except (KeyError, TypeError, ValueError, ArchitectureError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"latency table: this is none: {error}") from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table in a file.

        Raises:
            ModelError: it cannot be read, or holds no table.
        """
        try:
            return cls.from_dict(json.loads(path.read_bytes()))
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, ModelError) as error:
            raise ModelError(f"{path}: {error}") from None

    @cached_property
    def _alone(self) -> dict[Operator, float]:
        return {each.operator: each.alone for each in self.entries if each.alone is not None}

    @cached_property
    def _prices(self) -> dict[Operator, float]:
        return {entry.operator: entry.price for entry in self.entries}


def guessed(operator: Operator, alone: Mapping[Operator, float]) -> float:
    """About how long an operator takes by itself: as its nearest kin, in proportion to the work.

    Kin are those of its family (else of its kind, else all), near are maps of about its size and
    channels. Time is no smooth function of those, because kernels come in tiles and caches have
    steps: the guess is 10 to 25 % off, where measured ones are 3 %.
    """
    if operator in alone:
        return alone[operator]
    kin = (
        [each for each in alone if each.family == operator.family]
        or [each for each in alone if each.kind == operator.kind]
        or list(alone)
    )
    if not kin:
        raise ModelError("latency table: it holds no measured operator")
    distances = {each: _distance(operator, each) for each in kin}
    total = weights = 0.0
    for each in sorted(kin, key=distances.__getitem__)[:_KIN]:
        weight = 1 / (distances[each] + _NEAR)
        total += weight * log(max(1e-9, alone[each]) * _share(operator, each))
        weights += weight
    return exp(total / weights)


def _share(one: Operator, other: Operator) -> float:
    """The work of one as a multiple of the other's: multiply-adds, or where one has none, maps."""
    if one.madds and other.madds:
        return one.madds / other.madds
    return one.maps / other.maps


def _distance(one: Operator, other: Operator) -> float:
    return sum(abs(log(a / b)) for a, b in zip(_place(one), _place(other), strict=True))


def _place(operator: Operator) -> tuple[int, int, int]:
    return prod(operator.output[:2]), operator.inputs[0][2], operator.output[2]
