"""Can the proxy be trusted? Its ranking of networks beside that of a longer training."""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import sqrt
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.spaces.space import Space
from pocketnas.study.study import Study

_RESAMPLES = 2000
_SEED = 0


def kendall(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Kendall's rank correlation tau-b, from -1 to 1; None if all of one side are equal.

    The share of pairs that both rank alike minus the share that they rank differently, where pairs
    that are equal in one of them count for neither (Kendall 1945, The treatment of ties).
    """
    agreeing = in_x = in_y = 0
    for (a, b), (c, d) in combinations(zip(x, y, strict=True), 2):
        first, second = (a > c) - (a < c), (b > d) - (b < d)
        agreeing += first * second
        in_x += first != 0
        in_y += second != 0
    return agreeing / sqrt(in_x * in_y) if in_x and in_y else None


def trust(accuracies: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """The rank correlation with its 95 % interval: percentiles of resampled sets of networks.

    Args:
        accuracies: by a network's name, after the proxy and after the longer training.

    Returns:
        networks, a list of name, proxy and final; correlation, low and high, each None where all
        accuracies are equal. Plain values, ready for JSON.
    """
    pairs = list(accuracies.values())
    found = kendall(*zip(*pairs, strict=True)) if pairs else None
    draw = random.Random(_SEED)
    resampled = (draw.choices(pairs, k=len(pairs)) for _ in range(_RESAMPLES if pairs else 0))
    taus = [tau for sample in resampled if (tau := kendall(*zip(*sample, strict=True))) is not None]
    taus.sort()
    return {
        "networks": [
            {"name": name, "proxy": proxy, "final": final}
            for name, (proxy, final) in accuracies.items()
        ],
        "correlation": found,
        "low": taus[int(0.025 * len(taus))] if taus else None,
        "high": taus[int(0.975 * len(taus))] if taus else None,
    }


def spread(
    study: Study, space: Space[Architecture], n: int, without: Sequence[Architecture]
) -> list[Architecture]:
    """`n` further networks of the study, evenly over the ranks of their accuracies.

    Args:
        study: whose completed trials are meant.
        space: that they were drawn from.
        n: how many at most.
        without: networks that are trained longer anyway.
    """
    taken = {network.digest for network in without}
    completed = [t for t in study.trials if t.outcome.ok and not t.outcome.estimated]
    completed.sort(key=lambda trial: trial.outcome.accuracy or 0.0, reverse=True)
    networks: dict[str, Architecture] = {}
    for trial in completed:
        network = space.decode(trial.genotype)
        if network.digest not in taken:
            networks.setdefault(network.digest, network)
    ranked = list(networks.values())
    n = min(n, len(ranked))
    return [ranked[int((i + 0.5) * len(ranked) / n)] for i in range(n)]
