"""What every space promises. A test class inherits it and gives the fixture `space`."""

import random
from math import prod
from typing import Any

import pytest

from pocketnas.errors import SpaceError
from pocketnas.spaces import Choose, Genotype, Space


class SpaceContract:
    @pytest.fixture
    def space(self) -> Space[Any]:
        raise NotImplementedError

    def test_decisions_have_unique_names_and_options(self, space: Space[Any]) -> None:
        names = [decision.name for decision in space.decisions]
        assert names
        assert len(set(names)) == len(names)
        for decision in space.decisions:
            assert isinstance(decision.options, tuple)
            assert decision.options
            assert len(set(decision.options)) == len(decision.options)

    def test_size_is_the_product_of_the_options(self, space: Space[Any]) -> None:
        assert space.size == prod(len(decision.options) for decision in space.decisions)

    def test_decoding_is_deterministic(self, space: Space[Any]) -> None:
        for genotype in some(space):
            assert space.decode(genotype) == space.decode(genotype)

    def test_every_option_of_every_decision_decodes(self, space: Space[Any]) -> None:
        first = (0,) * len(space.decisions)
        for place, decision in enumerate(space.decisions):
            for option in range(len(decision.options)):
                space.decode((*first[:place], option, *first[place + 1 :]))

    def test_a_genotype_of_another_length_is_refused(self, space: Space[Any]) -> None:
        n = len(space.decisions)
        for length in (0, n - 1, n + 1):
            message = f"space {space.name}: a genotype has {n} numbers, got {length}"
            with pytest.raises(SpaceError, match=message):
                space.decode((0,) * length)

    def test_an_option_out_of_range_is_named(self, space: Space[Any]) -> None:
        first = (0,) * len(space.decisions)
        for place, decision in enumerate(space.decisions):
            n = len(decision.options)
            for option in (-1, n):
                wrong = (*first[:place], option, *first[place + 1 :])
                message = f"{decision.name} must be 0 to {n - 1}, got {option}"
                with pytest.raises(SpaceError, match=message):
                    space.decode(wrong)

    def test_retracing_gives_the_same_decisions(self, space: Space[Any]) -> None:
        def build(choose: Choose) -> None:
            for decision in space.decisions:
                choose(decision.name, decision.options)

        assert Space(space.name, build).decisions == space.decisions


def some(space: Space[Any], n: int = 20, seed: int = 0) -> list[Genotype]:
    """Some genotypes of `space`."""
    draw = random.Random(seed)
    return [tuple(draw.randrange(len(d.options)) for d in space.decisions) for _ in range(n)]
