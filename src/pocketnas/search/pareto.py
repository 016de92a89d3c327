"""The Pareto set: what no other candidate beats in both accuracy and latency."""

from collections.abc import Sequence


def pareto(accuracies: Sequence[float], latencies: Sequence[float]) -> list[int]:
    """Indices of the candidates that none dominates, from the fastest to the slowest.

    A candidate dominates another when it is at least as accurate and at least as fast, and better
    in one of the two. Of exact equals the first stays. Sorting makes it O(n log n).

    Raises:
        ValueError: the lengths differ.
    """
    order = sorted(range(len(accuracies)), key=lambda i: (latencies[i], -accuracies[i], i))
    front: list[int] = []
    for i, _ in zip(order, latencies, strict=True):
        if not front or accuracies[i] > accuracies[front[-1]]:
            front.append(i)
    return front
