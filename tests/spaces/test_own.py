"""A user's own space: what works, and one sentence for each thing that does not."""

import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from contracts.space import SpaceContract
from pocketnas.arch.scaling import build
from pocketnas.errors import ArchitectureError, SpaceError
from pocketnas.spaces import Space, named, own_space

IMAGES = {"resolution": 28, "classes": 10, "channels": 1}
GOOD = """
    from pocketnas.arch.scaling import build

    def small(choose, *, resolution, classes, channels):
        kernel = choose("kernel", (3, 5, 7))
        line = f"ir_k{kernel}_s2_e{choose('expansion', (3, 6))}_c24"
        return build([line], resolution=resolution, classes=classes, channels=channels)

    def fixed(choose):
        return build([f"ds_k{choose('kernel', (3, 5))}_c8"], resolution=28, classes=10, channels=1)

    def defaults(choose, resolution=32, **others):
        choose("nothing", (0,))
        return build(["ds_c8"], resolution=resolution, classes=others["classes"])

    number = 3
"""


def written(folder: Path, text: str) -> Path:
    """A new file, since Python remembers what it compiled by size and second."""
    path = folder / f"own_{len(list(folder.iterdir()))}.py"
    path.write_text(dedent(text))
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return written(tmp_path, GOOD)


class TestOwn(SpaceContract):
    @pytest.fixture
    def space(self, good: Path) -> Space[Any]:
        return own_space(f"{good}:small", IMAGES)


def test_a_function_is_told_what_it_asks_for(good: Path) -> None:
    space = own_space(f"{good}:small", IMAGES)
    assert space.name == f"{good.name}:small"
    assert space.decode((2, 1)) == build(["ir_k7_s2_e6_c24"], resolution=28, classes=10, channels=1)
    assert own_space(f"{good}:fixed", IMAGES).size == 2


def test_without_images_imagenets_are_given_unless_there_are_defaults(good: Path) -> None:
    network = named(f"{good}:small").decode((0, 0))
    assert (network.resolution, network.channels, network.head.classes) == (224, 3, 1000)
    network = named(f"{good}:defaults").decode((0,))
    assert (network.resolution, network.head.classes) == (32, 1000)
    assert named(f"{good}:fixed").decode((0,)).resolution == 28


def test_a_dataclass_with_postponed_annotations_may_stand_in_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from pocketnas.arch.scaling import build

        @dataclass
        class Stage:
            filters: int

        def small(choose):
            stage = Stage(choose("filters", (8, 16)))
            return build([f"ds_c{stage.filters}"], resolution=28, classes=10)
        """,
    )
    assert named(f"{path}:small").size == 2


def test_a_genotype_without_a_network_fails_by_itself(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        from pocketnas.arch import Architecture, ConvBlock, Head, MBConv

        def wide(choose):
            block = MBConv(3, 1, 8, choose("filters", (8, 9)), skip="identity")
            return Architecture(28, ConvBlock(3, 2, 8), ((block,),), Head(8, 10))

        def even(choose):
            return Architecture(28, ConvBlock(choose("kernel", (3, 4)), 2, 8), (), Head(8, 10))

        def inverse(choose):
            return Architecture(28 // choose("a", (1, 0)), ConvBlock(3, 2, 8), (), Head(8, 10))
        """,
    )
    for function, message in (
        ("wide", "stages.0.0"),
        ("even", "kernel must be odd, got 4"),
        ("inverse", "ZeroDivisionError in line 12: "),
    ):
        space = own_space(f"{path}:{function}")
        space.decode((0,))
        with pytest.raises(ArchitectureError, match=message):
            space.decode((1,))


def refused(where: str | Path, images: dict[str, int] | None = IMAGES) -> str:
    with pytest.raises(SpaceError) as error:
        own_space(str(where), images)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_files_and_functions_that_are_not_there(good: Path) -> None:
    assert refused("nowhere.py:small") == (
        "nowhere.py: there is no such file; a space of your own is file.py:function"
    )
    assert refused(f"{good.parent}:small").startswith(f"{good.parent}: there is no such file")
    assert refused(f"{good}:large") == (
        f"{good}: has no function 'large'; there are: small, fixed, defaults"
    )
    assert refused(f"{good}:") == f"{good}: has no function ''; there are: small, fixed, defaults"
    assert refused(f"{good}:number") == f"{good}: number must be a function, got int"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError in line 1: No module named 'nothing"),
        ("x = 1\n1 / 0", "ZeroDivisionError in line 2: division by zero"),
        ("def small(choose:\n    pass", "SyntaxError: "),
        ("raise SystemExit('bye')", "SystemExit in line 1: bye"),
        ("\0", "SyntaxError: "),
    ],
)
def test_a_file_that_cannot_be_imported(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    assert refused(f"{path}:small").startswith(f"{path}: cannot be imported: {said}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def f(choose): return choose('a', (1, 2))", "must return an Architecture, got int"),
        ("def f(choose): choose('a', (1, 2))", "must return an Architecture, got NoneType"),
        ("def f(choose): return [][choose('a', (1, 2))]", "IndexError in line 1: list index out"),
        ("def f(): pass", "TypeError: f() takes 0 positional arguments but 1 was given"),
        ("def f(choose, other): pass", "TypeError: f() missing 1 required positional argument"),
        ("def f(choose): raise ValueError", "ValueError in line 1: "),
        ("def f(choose): choose('a', ())", "the decision 'a' has no options"),
        ("def f(choose): choose('a', (1,)); choose('a', (1,))", "two decisions are called 'a'"),
        ("f = max", "no signature found for builtin"),
    ],
)
def test_a_function_that_is_no_space(tmp_path: Path, body: str, said: str) -> None:
    path = written(tmp_path, body)
    assert refused(f"{path}:f").startswith(f"space {path.name}:f: {said}")


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ("if choose('a', (0, 1)): choose('b', (0, 1))", "decision 1 is 'b' with options"),
        ("choose('a', (0, 1)) or choose('b', (0, 1))", "asked for 1 decisions, traced 2"),
        ("choose('b', (0, choose('a', (1, 2))))", "decision 1 is 'b' with options (0, 2)"),
        (
            "choose('b', (0, 1)); choose('a', (0, 1, 2)) == 2 and choose('c', (1, 2))",
            "decision 2 is 'c'",
        ),
    ],
)
def test_decisions_that_vary_are_found_before_the_search(
    tmp_path: Path, questions: str, said: str
) -> None:
    path = written(
        tmp_path,
        f"""
        from pocketnas.arch.scaling import build

        def f(choose):
            {questions}
            return build(["ds_c8"], resolution=28, classes=10, channels=1)
        """,
    )
    assert refused(f"{path}:f").startswith(f"space {path.name}:f: {said}")


def test_networks_for_other_images(good: Path) -> None:
    assert refused(f"{good}:fixed", {"resolution": 64, "classes": 3, "channels": 3}) == (
        f"space {good.name}:fixed: the images are 64x64x3 of 3 classes, its network is for 28x28x1"
        " and 10; let the function take resolution, classes and channels"
    )


def test_a_block_without_a_notation_cannot_be_stored(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        from dataclasses import dataclass
        from pocketnas.arch import Architecture, ConvBlock, Head

        @dataclass(frozen=True)
        class Mine:
            filters: int

            def emit(self, net, x, prev):
                return net.conv(x, "conv", self.filters)

        def f(choose):
            block = Mine(choose("filters", (8, 16)))
            return Architecture(28, ConvBlock(3, 2, 8), ((block,),), Head(8, 10), 1)
        """,
    )
    assert refused(f"{path}:f") == "Mine(filters=8) has no block string"


def test_nothing_of_the_file_stays_in_the_way(good: Path) -> None:
    own_space(f"{good}:small", IMAGES)
    assert good.stem not in sys.modules  # a module of the user's, called so too, can be imported
    with pytest.raises(SpaceError):
        own_space(f"{good}:number", IMAGES)
