"""A spinner for work of some seconds; quiet where nobody looks at a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Shows `what` on stderr while the block runs, and whatever the yielded function is told."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(file=sys.stderr, highlight=False).status(what) as status:
        yield lambda text: status.update(f"{what}: {text}")
