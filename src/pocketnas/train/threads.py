"""Work on NumPy arrays, shared among as many threads as torch uses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

T = TypeVar("T")


def in_parts(count: int, work: float, some: Callable[[slice], T], worth: float) -> list[T]:
    """What `some` returns for each part of `range(count)`.

    Args:
        count: of rows or images.
        work: of all of them.
        some: works on a part; its code lets other threads run.
        worth: work that makes up for waking another thread.
    """
    parts = min(torch.get_num_threads(), count, int(1 + work // worth))
    if parts == 1:
        return [some(slice(0, count))]
    ends = [count * i // parts for i in range(parts + 1)]
    slices = list(map(slice, ends, ends[1:]))
    others = [_pool().submit(some, part) for part in slices[1:]]
    return [some(slices[0]), *(other.result() for other in others)]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="gradients")
