"""The Pareto set: what no other candidate beats in both accuracy and latency."""

from collections.abc import Sequence
from math import isnan


def pareto(accuracies: Sequence[float], latencies: Sequence[float]) -> list[int]:
    """Indices of the candidates that none dominates, from the fastest to the slowest.

    A candidate dominates another when it is at least as accurate and at least as fast, and better
    in one of the two. Of exact equals the first stays; one with a NaN is never on the front.
    Sorting makes it O(n log n).

    Raises:
        ValueError: the lengths differ.
    """
    order = sorted(
        (latency, -accuracy, i)
        for i, (accuracy, latency) in enumerate(zip(accuracies, latencies, strict=True))
        if not (isnan(accuracy) or isnan(latency))
    )
    front: list[int] = []
    for _, _, i in order:
        if not front or accuracies[i] > accuracies[front[-1]]:
            front.append(i)
    return front
