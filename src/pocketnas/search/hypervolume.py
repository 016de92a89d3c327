"""The hypervolume: how much of the plane of latency and accuracy a set of candidates dominates.

One number for a whole Pareto set (Zitzler and Thiele 1998). In two dimensions it is exact: a
staircase, summed step by step from the fastest to the slowest.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, log

from pocketnas.search.pareto import pareto

Reference = tuple[float, float]
"""The accuracy and the latency at the corner from which the area is measured."""


def hypervolume(
    accuracies: Sequence[float],
    latencies: Sequence[float],
    reference: Reference,
    *,
    log_latency: bool = False,
) -> float:
    """The area between the Pareto front and the reference.

    Args:
        accuracies: of the candidates.
        latencies: of the candidates, all above 0 where they are logarithmic.
        reference: what is less accurate or slower counts nothing.
        log_latency: whether an octave counts the same wherever it lies.

    Raises:
        ValueError: the lengths differ.
    """
    steps = _steps(accuracies, latencies, reference, log_latency=log_latency)
    return sum(width * height for _, width, height, _ in steps)


def contributions(
    accuracies: Sequence[float],
    latencies: Sequence[float],
    reference: Reference,
    *,
    log_latency: bool = False,
) -> list[float]:
    """The area that each candidate dominates and no other of the Pareto front does.

    It is 0 for what is not on the front. Arguments and errors are those of `hypervolume`.
    """
    found = [0.0] * len(accuracies)
    for i, width, _, rise in _steps(accuracies, latencies, reference, log_latency=log_latency):
        found[i] = width * rise
    return found


def improvement(
    accuracies: Sequence[float],
    latencies: Sequence[float],
    reference: Reference,
    *,
    log_latency: bool = False,
) -> Callable[[float, float], float]:
    """A function of a new accuracy and latency: the area that it would add.

    What the front dominates adds nothing; it gets, below 0, the accuracy that it lacks to reach the
    front at its latency, so that candidates can be ranked there too. Arguments and errors are
    those of `hypervolume`.
    """
    floor, slowest = reference
    scale: Callable[[float], float] = log if log_latency else float
    steps = _steps(accuracies, latencies, reference, log_latency=log_latency)
    front = [(scale(latencies[i]), floor + height) for i, _, height, _ in steps]
    lefts = [-inf, *(left for left, _ in front)]
    heights = [floor, *(height for _, height in front)]
    rights = [*lefts[1:], scale(slowest)]
    stairs = list(zip(lefts, rights, heights, strict=True))

    def add(accuracy: float, latency: float) -> float:
        start = scale(latency)
        area = sum(
            (right - max(left, start)) * (accuracy - height)
            for left, right, height in stairs
            if right > start and accuracy > height
        )
        if area > 0:
            return area
        reached = max(height for left, _, height in stairs if left <= start)
        return min(0.0, accuracy - reached)

    return add


def _steps(
    accuracies: Sequence[float],
    latencies: Sequence[float],
    reference: Reference,
    *,
    log_latency: bool,
) -> list[tuple[int, float, float, float]]:
    """The stairs of the front: (index, width, height over the reference, height over the last)."""
    floor, slowest = reference
    front = [
        i for i in pareto(accuracies, latencies) if accuracies[i] > floor and latencies[i] < slowest
    ]
    edges = [*(latencies[i] for i in front), slowest]
    if log_latency:
        edges = [log(edge) for edge in edges]
    heights = [floor, *(accuracies[i] for i in front)]
    return [
        (i, right - left, above - floor, above - below)
        for i, (left, right), (below, above) in zip(
            front, pairwise(edges), pairwise(heights), strict=True
        )
    ]
