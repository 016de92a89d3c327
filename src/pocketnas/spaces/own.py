"""A user's own space: one Python function that returns an Architecture, named file.py:function."""

import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.errors import ArchitectureError, PocketNASError, SpaceError
from pocketnas.spaces.space import Choose, Space

PAPERS_IMAGES = {"resolution": 224, "classes": 1000, "channels": 3}


def own_space(where: str, images: Mapping[str, int] | None = None) -> Space[Architecture]:
    """The space of a user's function, whose file is run for it.

    The function is `f(choose)`, or takes also some of `resolution`, `classes` and `channels`:

        def small(choose, *, resolution, classes, channels):
            kernel = choose("kernel", (3, 5))
            ...
            return Architecture(...)

    A genotype for which it raises an error, or whose network cannot be built, fails by itself, like
    any trial; the first of all must not.

    Args:
        where: file.py:function.
        images: resolution, classes and channels that its networks must have. None: they have what
            the function gives them; what it wants to know and has no default for is ImageNet's.

    Raises:
        SpaceError: there is no such file or function; the file or the function fails; it returns
            anything but an Architecture for these images; or its decisions vary with the answers.
    """
    file, _, function = where.rpartition(":")
    path = Path(file)
    name = f"{path.name}:{function}"
    make = _function(path, function)
    try:
        given = _arguments(make, images)
    except (TypeError, ValueError) as error:
        raise SpaceError(f"space {name}: {error}") from error

    def network(choose: Choose) -> Architecture:
        try:
            found = make(choose, **given)
        except PocketNASError:
            raise
        except Exception as error:
            raise ArchitectureError(f"space {name}: {_said(error, path)}") from error
        if not isinstance(found, Architecture):
            raise SpaceError(
                f"space {name}: must return an Architecture, got {type(found).__name__}"
            )
        return found

    def built(choose: Choose) -> Architecture:
        found = network(choose)
        graph = found.graph()
        to_lines(found)  # what has no notation could not be stored
        if images:
            _check_fit(name, graph.input.shape, graph.nodes[-1].shape[-1], images)
        return found

    try:
        _check_decisions(Space(name, network))
        return Space(name, built)
    except ArchitectureError as error:
        raise SpaceError(str(error)) from error


def _function(path: Path, name: str) -> Callable[..., Any]:
    if not path.is_file():
        raise SpaceError(f"{path}: there is no such file; a space of your own is file.py:function")
    title = f"pocketnas_own_{path.stem}"
    module = ModuleType(title)
    module.__file__ = str(path)
    sys.modules[title] = module  # dataclasses look themselves up there
    try:
        SourceFileLoader(title, str(path)).exec_module(module)
    except (Exception, SystemExit) as error:
        raise SpaceError(f"{path}: cannot be imported: {_said(error, path)}") from error
    found = getattr(module, name, None)
    if found is None:
        own = [
            key
            for key, value in vars(module).items()
            if getattr(value, "__module__", None) == title and callable(value)
        ]
        raise SpaceError(f"{path}: has no function {name!r}; there are: {', '.join(own) or 'none'}")
    if not callable(found):
        raise SpaceError(f"{path}: {name} must be a function, got {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def _arguments(function: Callable[..., Any], images: Mapping[str, int] | None) -> dict[str, int]:
    """Which of the images' sizes the function wants to know, and their values."""
    parameters = signature(function).parameters
    anything = any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values())
    given = {}
    for key, default in PAPERS_IMAGES.items():
        wanted = parameters.get(key)
        if wanted is None and not anything:
            continue
        if images:
            given[key] = images[key]
        elif wanted is None or wanted.default is Parameter.empty:
            given[key] = default
    return given


def _check_fit(name: str, image: tuple[int, ...], classes: int, images: Mapping[str, int]) -> None:
    side, channels = images["resolution"], images["channels"]
    if image != (side, side, channels) or classes != images["classes"]:
        raise SpaceError(
            f"space {name}: the images are {side}x{side}x{channels} of {images['classes']} classes,"
            f" its network is for {'x'.join(map(str, image))} and {classes}; let the function take"
            " resolution, classes and channels"
        )


def _check_decisions(space: Space[Architecture]) -> None:
    """Tries each option once: a function whose questions depend on the answers is found out."""
    for place, decision in enumerate(space.decisions):
        for option in range(1, len(decision.options)):
            genotype = [0] * len(space.decisions)
            genotype[place] = option
            with suppress(ArchitectureError):  # that genotype has no network
                space.decode(tuple(genotype))


def _said(error: BaseException, path: Path) -> str:
    """The error, and the last line of the user's file that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    line = f" in line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}{line}: {error}"
