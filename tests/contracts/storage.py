"""What every storage promises. A test class inherits it and gives the fixture `storage`."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocketnas.errors import StudyError
from pocketnas.study.storage import Storage
from pocketnas.study.trial import Outcome, Trial

TRIALS = (
    Trial(0, "ppo", (0, 2, 1), Outcome(0.5, 10.25, details={"digest": "ab", "low": 10.0}), 0.49),
    Trial(1, "ppo", (1, 0, 0), Outcome(error="ValueError: 'é' \n \0 and \U0001f525"), None),
    Trial(2, "random", (), Outcome(0.1 + 0.2, 1e-300, details={"list": [1, None, "x"]}), 0.0),
)

# One storage serves all examples of a test, and one test all implementations.
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]

figures = st.none() | st.floats(allow_nan=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=8,
)
outcomes = st.builds(
    Outcome,
    figures,
    figures,
    st.none() | texts,
    st.dictionaries(texts, json_values, max_size=4),
    st.dictionaries(texts, st.floats(allow_nan=False), max_size=2),
    st.booleans(),
)


def _numbered(rows: Sequence[tuple[str, Any, Outcome, float | None]]) -> list[Trial]:
    return [Trial(i, arm, tuple(genotype), *rest) for i, (arm, genotype, *rest) in enumerate(rows)]


batches = st.lists(st.tuples(texts, st.lists(st.integers()), outcomes, figures)).map(_numbered)


class StorageContract:
    @pytest.fixture
    def storage(self) -> Storage:
        raise NotImplementedError

    def test_a_new_one_is_empty(self, storage: Storage) -> None:
        assert storage.trials() == []
        assert storage.searcher("ppo") is None
        assert storage.recall("accuracy", "ab") is None
        assert storage.get("space") is None

    def test_trials_come_back_equal_and_in_order(self, storage: Storage) -> None:
        storage.record(TRIALS[1:2], "ppo", b"")
        storage.record([TRIALS[2], TRIALS[0]], "random", b"")
        assert storage.trials() == list(TRIALS)

    @settings(max_examples=30, suppress_health_check=SHARED)
    @given(trials=batches, state=st.binary())
    def test_any_trial_comes_back_equal(
        self, storage: Storage, trials: list[Trial], state: bytes
    ) -> None:
        number = len(storage.trials())
        moved = [Trial(number + t.number, t.arm, t.genotype, t.outcome, t.reward) for t in trials]
        storage.record(moved, "arm", state)
        assert storage.trials()[number:] == moved
        assert storage.searcher("arm") == state

    def test_each_arm_has_its_last_state(self, storage: Storage) -> None:
        storage.record(TRIALS[:1], "ppo", b"one")
        storage.record(TRIALS[1:2], "random", b"other")
        storage.record([], "ppo", b"\0two\xff")
        assert storage.searcher("ppo") == b"\0two\xff"
        assert storage.searcher("random") == b"other"
        assert storage.searcher("Ppo") is None

    def test_a_batch_is_recorded_as_a_whole_or_not_at_all(self, storage: Storage) -> None:
        storage.record(TRIALS[:1], "ppo", b"one")
        again = [TRIALS[1], TRIALS[0]]
        with pytest.raises(StudyError, match=r"cannot be written: UNIQUE .* trials are kept"):
            storage.record(again, "ppo", b"two")
        assert storage.trials() == [TRIALS[0]]
        assert storage.searcher("ppo") == b"one"
        storage.record(TRIALS[1:], "ppo", b"three")
        assert storage.trials() == list(TRIALS)

    def test_what_is_no_json_writes_nothing(self, storage: Storage) -> None:
        wrong = Trial(1, "ppo", (), Outcome(details={"set": {1}}), None)
        with pytest.raises(TypeError):
            storage.record([TRIALS[0], wrong], "ppo", b"")
        with pytest.raises(TypeError):
            storage.remember("accuracy", "ab", {1})
        assert storage.trials() == []
        storage.record(TRIALS, "ppo", b"")

    @settings(max_examples=30, suppress_health_check=SHARED)
    @given(kind=texts, digest=texts, value=json_values)
    def test_evaluations_are_remembered(
        self, storage: Storage, kind: str, digest: str, value: Any
    ) -> None:
        storage.remember(kind, digest, value)
        assert storage.recall(kind, digest) == value
        storage.remember(kind, digest, [value])
        assert storage.recall(kind, digest) == [value]
        assert storage.recall(kind + "?", digest) is None

    def test_facts_are_kept(self, storage: Storage) -> None:
        storage.set("space", {"name": "mnasnet"})
        storage.set("space", {"name": "tiny"})
        assert storage.get("space") == {"name": "tiny"}
        assert storage.get("Space") is None
