"""How a NASNet cell is wired, as one string (1707.07012, section 3 and figure 4).

A cell is written as the paper draws it: pairs of operations on earlier states, each pair added.
State 0 is the cell before (as 1x1 convolution), 1 the cell before that, 2 the first pair's output,
and so on:

    sep5(0)+sep3(1)|sep5(1)+sep3(1)|avg3(0)+id(1)|avg3(1)+avg3(1)|sep3(0)+id(0)|concat(1,2,3,4,5,6)

The states that `concat` names are the cell's output. It is written only where they are others than
the paper's rule gives, which joins what no pair reads: NASNet-A's normal cell (above) joins state 1
too, its reduction cell state 3 (`used_hiddenstates` in the reference code).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from pocketnas.errors import ArchitectureError

OPERATIONS = ("id", "sep3", "sep5", "sep7", "avg3", "max3")
CELL_INPUTS = 2
_STATE = "(0|[1-9][0-9]{0,2})"  # written in one way only: equal cells are equal strings


class Branch(NamedTuple):
    """One operation and the state that it reads."""

    operation: str
    state: int


class Pair(NamedTuple):
    """Two branches whose sum is a new state."""

    left: Branch
    right: Branch


class Wiring(NamedTuple):
    """The pairs of a cell, and the states that its output joins, upwards."""

    pairs: tuple[Pair, ...]
    joined: tuple[int, ...]

    @property
    def unused(self) -> tuple[int, ...]:
        """The states that no pair reads."""
        read = {state for pair in self.pairs for _, state in pair}
        return tuple(i for i in range(CELL_INPUTS + len(self.pairs)) if i not in read)


@lru_cache
def wiring(cell: str) -> Wiring:
    """Reads a cell's string.

    Raises:
        ArchitectureError: an operation is unknown, or a state is not there (yet).
    """
    *texts, last = cell.split("|")
    joins = bool(texts) and last.startswith("concat")
    found: list[Pair] = []
    for text in texts if joins else [*texts, last]:
        found.append(_pair(cell, text, CELL_INPUTS + len(found)))
    implied = Wiring(tuple(found), ()).unused
    joined = _joined(cell, last, CELL_INPUTS + len(found)) if joins else implied
    return Wiring(tuple(found), joined)


def canonical(cell: str) -> str:
    """The shortest string of the same cell: without a `concat` that says what is implied.

    Raises:
        ArchitectureError: as `wiring`.
    """
    found = wiring(cell)
    return cell.partition("|concat")[0] if found.joined == found.unused else cell


def _pair(cell: str, text: str, states: int) -> Pair:
    match = re.fullmatch(rf"(\w+)\({_STATE}\)\+(\w+)\({_STATE}\)", text)
    if not match:
        raise ArchitectureError(
            f"cell {cell!r}: a pair must read like sep5(0)+sep3(1), got {text!r}"
        )
    pair = Pair(Branch(match[1], int(match[2])), Branch(match[3], int(match[4])))
    for operation, state in pair:
        if operation not in OPERATIONS:
            raise ArchitectureError(
                f"cell {cell!r}: there is no operation {operation!r};"
                f" there are {', '.join(OPERATIONS)}"
            )
        if state >= states:
            raise ArchitectureError(
                f"cell {cell!r}: {text!r} reads state {state}, which comes later"
            )
    return pair


def _joined(cell: str, text: str, states: int) -> tuple[int, ...]:
    match = re.fullmatch(rf"concat\(({_STATE}(,{_STATE})*)\)", text)
    found = tuple(map(int, match[1].split(","))) if match else ()
    if not found or list(found) != sorted(set(found)) or found[-1] >= states:
        raise ArchitectureError(
            f"cell {cell!r}: the end must read like concat(2,3) with states below {states},"
            f" upwards, got {text!r}"
        )
    return found
