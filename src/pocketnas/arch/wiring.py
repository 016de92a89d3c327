"""How a NASNet cell is wired, as one string (1707.07012, section 3 and figure 4).

A cell is written as the paper draws it: pairs of operations on earlier states, each pair added.
State 0 is the cell before (as 1x1 convolution), 1 the cell before that, 2 the first pair's output,
and so on:

    sep5(0)+sep3(1)|sep5(1)+sep3(1)|avg3(0)+id(1)|avg3(1)+avg3(1)|sep3(0)+id(0)|concat(1,2,3,4,5,6)

`sep3(0)&id(1)` is a pair whose maps are concatenated instead. The paper's thirteen operations are
the identity `id`; separable convolutions `sep3` to `sep7`; the pools `avg3` and `max3` to `max7`;
convolutions 1x1 `conv1`, 3x3 `conv3`, 1x3 then 3x1 `conv13`, 1x7 then 7x1 `conv17`, and 3x3 with a
dilation of 2 `dil3`.

The states that `concat` names are the cell's output. It is written only where they are others than
the paper's rule gives, which joins what no pair reads: NASNet-A's normal cell (above) joins state 1
too, its reduction cell state 3 (`used_hiddenstates` in the reference code).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from pocketnas.errors import ArchitectureError

OPERATIONS = (
    *("id", "sep3", "sep5", "sep7", "avg3", "max3", "max5", "max7"),
    *("conv1", "conv3", "conv13", "conv17", "dil3"),
)
SIGNS = {"add": "+", "concat": "&"}
"""How a pair is combined, and the sign for it."""
CELL_INPUTS = 2
_STATE = "(0|[1-9][0-9]{0,2})"  # written in one way only: equal cells are equal strings


class Branch(NamedTuple):
    """One operation and the state that it reads."""

    operation: str
    state: int


class Pair(NamedTuple):
    """Two branches whose sum or concatenation is a new state; `combine` is a key of `SIGNS`."""

    left: Branch
    right: Branch
    combine: str = "add"

    def __str__(self) -> str:
        left, right = (f"{operation}({state})" for operation, state in (self.left, self.right))
        return f"{left}{SIGNS[self.combine]}{right}"


class Wiring(NamedTuple):
    """The pairs of a cell, and the states that its output joins, upwards."""

    pairs: tuple[Pair, ...]
    joined: tuple[int, ...]

    @property
    def unused(self) -> tuple[int, ...]:
        """The states that no pair reads."""
        read = {branch.state for pair in self.pairs for branch in (pair.left, pair.right)}
        return tuple(i for i in range(CELL_INPUTS + len(self.pairs)) if i not in read)

    @property
    def width(self) -> int:
        """The output's channels for each filter of the cell; a concatenated pair has two."""
        concatenated = {
            i for i, pair in enumerate(self.pairs, CELL_INPUTS) if pair.combine == "concat"
        }
        return len(self.joined) + len(concatenated.intersection(self.joined))


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
    match = re.fullmatch(rf"(\w+)\({_STATE}\)([+&])(\w+)\({_STATE}\)", text)
    if not match:
        raise ArchitectureError(
            f"cell {cell!r}: a pair must read like sep5(0)+sep3(1) or sep5(0)&sep3(1), got {text!r}"
        )
    combine = next(word for word, sign in SIGNS.items() if sign == match[3])
    pair = Pair(Branch(match[1], int(match[2])), Branch(match[4], int(match[5])), combine)
    for operation, state in (pair.left, pair.right):
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
