"""What every searcher promises. A test class inherits it and gives the fixture `make`."""

from collections.abc import Callable, Sequence
from itertools import chain
from statistics import fmean

import pytest

from pocketnas.errors import StudyError
from pocketnas.search.searcher import Result, Searcher
from pocketnas.spaces import Decision, Genotype

DECISIONS = (
    Decision("a", ("x", "y", "z")),
    Decision("b", (3, 5)),
    Decision("c", (0.0, 0.25)),
    Decision("d", ("only",)),
    Decision("e", tuple(range(7))),
)

Make = Callable[[Sequence[Decision], int], Searcher]
"""Makes a new searcher from decisions and a seed."""


class SearcherContract:
    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError

    def test_proposals_are_genotypes(self, make: Make) -> None:
        for genotype in make(DECISIONS, 0).ask(50):
            assert isinstance(genotype, tuple)
            assert len(genotype) == len(DECISIONS)
            for option, decision in zip(genotype, DECISIONS, strict=True):
                assert type(option) is int
                assert 0 <= option < len(decision.options)

    def test_it_proposes_as_many_as_asked_for(self, make: Make) -> None:
        searcher = make(DECISIONS, 0)
        assert [len(searcher.ask(n)) for n in (1, 2, 33)] == [1, 2, 33]

    def test_asking_changes_nothing(self, make: Make) -> None:
        searcher = make(DECISIONS, 0)
        for _ in range(3):
            before = searcher.state()
            proposals = searcher.ask(9)
            searcher.ask(4)
            assert searcher.ask(9) == proposals
            assert searcher.state() == before
            searcher.tell(told(proposals))

    def test_the_seed_decides(self, make: Make) -> None:
        one, twin, other = make(DECISIONS, 1), make(DECISIONS, 1), make(DECISIONS, 2)
        for _ in range(3):
            assert one.ask(20) == twin.ask(20) != other.ask(20)
            for searcher in (one, twin, other):
                searcher.tell(told(searcher.ask(20)))
        assert one.state() == twin.state() != other.state()

    def test_seeds_are_independent(self, make: Make) -> None:
        """Two seeds agree no more often than chance has it."""
        wide = [Decision(str(i), (0, 1, 2, 3)) for i in range(50)]
        one, other = (make(wide, seed).ask(50) for seed in (0, 1))
        pairs = zip(chain(*one), chain(*other), strict=True)
        assert 0.15 < fmean(a == b for a, b in pairs) < 0.35

    def test_batches_differ(self, make: Make) -> None:
        searcher = make(DECISIONS, 0)
        first = searcher.ask(20)
        searcher.tell(told(first))
        assert searcher.ask(20) != first

    @pytest.mark.parametrize("batches", [0, 1, 3])
    def test_a_restored_searcher_continues_bit_for_bit(self, make: Make, batches: int) -> None:
        searcher = make(DECISIONS, 3)
        for _ in range(batches):
            searcher.tell(told(searcher.ask(20)))
        state = searcher.state()
        restored = make(DECISIONS, 99)  # the state holds the seed too
        restored.tell(told(restored.ask(5)))
        restored.restore(state)
        assert restored.state() == state
        for size in (20, 20, 7, 20):
            proposals = searcher.ask(size)
            assert restored.ask(size) == proposals
            for one in (searcher, restored):
                one.tell(told(proposals))
            assert restored.state() == searcher.state()

    def test_a_state_is_a_copy(self, make: Make) -> None:
        searcher = make(DECISIONS, 0)
        searcher.tell(told(searcher.ask(20)))
        state, proposals = searcher.state(), searcher.ask(20)
        searcher.restore(state)
        for _ in range(2):
            searcher.tell(told(searcher.ask(20)))
        searcher.restore(state)
        assert searcher.ask(20) == proposals
        assert searcher.state() == state

    def test_failures_are_told_as_none(self, make: Make) -> None:
        searcher = make(DECISIONS, 0)
        for _ in range(2):
            searcher.tell([Result(genotype, None) for genotype in searcher.ask(6)])
        half = searcher.ask(6)
        searcher.tell([Result(half[0], None), Result(half[1], 0.7)])
        assert len(searcher.ask(20)) == 20

    @pytest.mark.parametrize("state", [b"", b"nonsense", b"{}", b"[1, 2]", b"\xff" * 100])
    def test_a_foreign_state_is_refused(self, make: Make, state: bytes) -> None:
        with pytest.raises(StudyError):
            make(DECISIONS, 0).restore(state)


def told(genotypes: Sequence[Genotype]) -> list[Result]:
    """Results with rewards that depend on the genotype alone; one in seven has failed."""
    return [
        Result(genotype, None if sum(genotype) % 7 == 6 else 1 / (1 + sum(genotype)))
        for genotype in genotypes
    ]
