from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import NORMAL, REDUCTION, cells
from pocketnas.arch.wiring import OPERATIONS, Branch, Pair, canonical, wiring
from pocketnas.errors import ArchitectureError


def test_a_string_is_pairs_and_the_states_that_are_joined() -> None:
    found = wiring("sep5(0)+sep3(1)|avg3(2)+id(0)")
    assert found.pairs == (
        Pair(Branch("sep5", 0), Branch("sep3", 1)),
        Pair(Branch("avg3", 2), Branch("id", 0)),
    )
    assert found.joined == found.unused == (3,)
    assert wiring("sep5(0)+sep3(0)").joined == (1, 2), "a cell input may be left over too"


def test_nasnet_a_joins_more_than_what_is_left_over() -> None:
    """Figure 4 as the reference code builds it: 6 x 176 filters are the 1056 of "4 @ 1056"."""
    normal, reduction = wiring(NORMAL), wiring(REDUCTION)
    assert len(normal.pairs) == len(reduction.pairs) == 5
    assert (normal.unused, normal.joined) == ((2, 3, 4, 5, 6), (1, 2, 3, 4, 5, 6))
    assert (reduction.unused, reduction.joined) == ((4, 5, 6), (3, 4, 5, 6))


def test_a_concat_that_says_what_is_implied_is_not_written() -> None:
    pairs = "sep5(0)+sep3(1)|avg3(2)+id(0)"
    assert canonical(f"{pairs}|concat(3)") == pairs
    assert canonical(f"{pairs}|concat(2,3)") == f"{pairs}|concat(2,3)"
    assert canonical(pairs) == pairs


def test_the_thirteen_operations_of_the_paper() -> None:
    """1707.07012, section 3.1: the list has thirteen entries."""
    assert len(set(OPERATIONS)) == len(OPERATIONS) == 13
    for operation in OPERATIONS:
        assert wiring(f"{operation}(0)+id(1)").pairs[0].left.operation == operation


def test_a_pair_may_be_concatenated_and_is_twice_as_wide() -> None:
    found = wiring("sep5(0)&sep3(1)|avg3(0)+id(0)|id(2)&id(2)")
    assert [pair.combine for pair in found.pairs] == ["concat", "add", "concat"]
    assert (found.joined, found.width) == ((3, 4), 1 + 2)
    assert wiring("sep5(0)&sep3(1)|id(0)+id(0)|concat(0,1,2,3)").width == 1 + 1 + 2 + 1
    assert (wiring(NORMAL).width, wiring(REDUCTION).width) == (6, 4)


@given(cells())
def test_pairs_are_written_as_they_are_read(cell: str) -> None:
    found = wiring(cell)
    assert "|".join(map(str, found.pairs)) == cell.partition("|concat")[0]
    assert len(found.joined) <= found.width <= 2 * len(found.joined)


@given(cells())
def test_what_is_joined_exists_and_something_always_is(cell: str) -> None:
    found = wiring(cell)
    assert found.joined
    assert set(found.joined) <= set(range(2 + len(found.pairs)))
    assert 1 + len(found.pairs) in found.unused, "nothing comes after the last pair"
    assert wiring(canonical(cell)) == found
    assert canonical(canonical(cell)) == canonical(cell)


PAIR = r"a pair must read like sep5\(0\)\+sep3\(1\) or sep5\(0\)&sep3\(1\), got "
END = r"the end must read like concat\(2,3\) with states below "


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", PAIR + "''"),
        ("sep5(0)", PAIR + r"'sep5\(0\)'"),
        ("sep5(0)+sep3(1)|", PAIR + "''"),
        ("sep5(0) + sep3(1)", PAIR + r"'sep5\(0\) \+ sep3\(1\)'"),
        ("sep5(0)&&sep3(1)", PAIR + r"'sep5\(0\)&&sep3\(1\)'"),
        ("sep5(0)&sep3(1)&id(1)", PAIR),
        ("sep5(0)*sep3(1)", PAIR),
        ("sep5(0)&sep3(2)", r"'sep5\(0\)&sep3\(2\)' reads state 2, which comes later"),
        ("sep5(00)+sep3(1)", PAIR + r"'sep5\(00\)\+sep3\(1\)'"),
        ("sep5(٠)+sep3(1)", PAIR),
        ("sep5(0)+sep3(-1)", PAIR),
        ("sep9(0)+sep3(1)", "there is no operation 'sep9'; there are id, sep3, sep5, sep7, avg3, "),
        ("sep5(0)+sep3(2)", r"'sep5\(0\)\+sep3\(2\)' reads state 2, which comes later"),
        ("sep5(0)+id(1)|id(2)+id(999)", r"'id\(2\)\+id\(999\)' reads state 999, which comes later"),
        ("concat(0)|id(0)+id(0)", PAIR + r"'concat\(0\)'"),
        ("concat(0)", PAIR + r"'concat\(0\)'"),
        ("id(0)+id(0)|concat()", END + r"3, upwards, got 'concat\(\)'"),
        ("id(0)+id(0)|concat(3)", END + r"3, upwards, got 'concat\(3\)'"),
        ("id(0)+id(0)|concat(2,1)", END + r"3, upwards, got 'concat\(2,1\)'"),
        ("id(0)+id(0)|concat(2,2)", END + r"3, upwards, got 'concat\(2,2\)'"),
        ("id(0)+id(0)|concat(1,2", END + r"3, upwards, got 'concat\(1,2'"),
    ],
)
def test_what_cannot_be_read_is_named(cell: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        wiring(cell)


@given(st.text("idsepavg3()+&|,0129concat", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ArchitectureError):
        assert wiring(text).pairs
