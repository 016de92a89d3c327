from typing import Any

import pytest

from contracts.space import SpaceContract
from pocketnas.errors import SpaceError
from pocketnas.spaces import Choose, Decision, Skeleton, Space, mnasnet_space

TABLE = {(a, b): a * 10 + b for a in range(3) for b in range(2)}


def tabular() -> Space[int]:
    """A space need not decode to a network: a tabular benchmark is one too."""
    return Space("table", lambda choose: TABLE[choose("a", (0, 1, 2)), choose("b", (0, 1))])


class TestTabular(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return tabular()


class TestMnasNet(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return mnasnet_space()


class TestSmallMnasNet(SpaceContract):
    @pytest.fixture
    def space(self) -> Space[Any]:
        return mnasnet_space(
            Skeleton(28, 10, channels=1, strides=(1, 2, 2), filters=(16, 24), layers=(1, 2))
        )


def test_tracing_lists_the_decisions_in_order() -> None:
    assert tabular().decisions == (Decision("a", (0, 1, 2)), Decision("b", (0, 1)))


def test_a_genotype_names_one_option_of_each_decision() -> None:
    assert [tabular().decode((a, b)) for a in range(3) for b in range(2)] == list(TABLE.values())


def test_decoding_asks_the_function_once_and_hides_nothing_from_it() -> None:
    seen: list[str] = []

    def build(choose: Choose) -> tuple[str, str]:
        seen.append("built")
        return choose("a", ["x", "y"]), choose("b", ["x", "z"])

    space = Space("words", build)
    assert space.decode((1, 0)) == ("y", "x")
    assert seen == ["built"] * 2


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda choose: None, "space bad: its function decides nothing"),
        (lambda choose: choose("a", ()), "space bad: the decision 'a' has no options"),
        (
            lambda choose: [choose("a", (1,)), choose("a", (1,))],
            "space bad: two decisions are called 'a'",
        ),
    ],
)
def test_a_function_that_is_no_space_is_refused(build: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space("bad", build)


def test_decisions_may_not_depend_on_answers() -> None:
    def fewer(choose: Choose) -> None:
        if choose("a", ("stop", "go")) == "stop":
            choose("b", (1, 2))

    with pytest.raises(SpaceError, match="space bad: asked for 1 decisions, traced 2"):
        Space("bad", fewer).decode((1, 0))

    def more(choose: Choose) -> None:
        if choose("a", ("stop", "go")) == "go":
            choose("b", (1, 2))

    with pytest.raises(SpaceError, match=r"decision 1 is 'b' with options \(1, 2\), but was None"):
        Space("bad", more).decode((1,))

    def other(choose: Choose) -> None:
        choose("b", (1, 2) if choose("a", (0, 1)) else (1, 3))

    with pytest.raises(SpaceError, match=r"decision 1 is 'b' with options \(1, 2\), but was Dec"):
        Space("bad", other).decode((1, 0))


def test_what_the_function_raises_is_not_hidden() -> None:
    def build(choose: Choose) -> float:
        return 1 / choose("a", (1, 0))

    with pytest.raises(ZeroDivisionError):
        Space("inverse", build).decode((1,))
