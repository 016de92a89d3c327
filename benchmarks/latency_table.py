"""How far is a latency table off, beside a line through the MAdds and a sum of operators alone?

    python benchmarks/latency_table.py [--sizes 224 28] [--networks 200] [--seconds 150] [--json]

For each size of MnasNet's space (224 pixels: the paper's; 28: the default search's), in float and
in int8: makes a table as `pocketnas calibrate` does, then measures as many further random networks,
each twice, minutes apart, and compares. The line through the MAdds, and what the sum of the
operators is multiplied by, are fitted to the networks that the table was made from. The noise is
the mean difference between the two measurements of a network; what the predictors are compared
with is the mean of both.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from statistics import fmean
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from pocketnas.latency.calibrate import tabulate, time_networks
from pocketnas.latency.check import Measured, check
from pocketnas.latency.lookup import Lookup
from pocketnas.latency.table import guessed
from pocketnas.run.calibrating import NETWORKS, Samples, Target, draw, opened, samples
from pocketnas.run.plan import REFERENCE
from pocketnas.run.sizing import sized

SMALL = {"resolution": 28, "classes": 10, "channels": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 28])
    parser.add_argument("--networks", type=int, default=200, help="not used in the fit")
    parser.add_argument("--seconds", type=float, default=150.0, help="of a calibration")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    for resolution in given.sizes:
        for int8 in (False, True):
            size = SMALL if resolution == 28 else {"resolution": resolution}
            target = Target(**size, int8=int8)
            rows.append(one(target, given.networks, given.seconds, printing=not given.json))
    if given.json:
        print(json.dumps(rows, indent=2))


def one(target: Target, networks: int, seconds: float, *, printing: bool) -> dict[str, Any]:
    """A table for the target, and how far it is off."""
    began = monotonic()
    seen = samples(target, seconds=seconds, networks=NETWORKS, watch=say)
    table = tabulate(seen.alone, seen.networks, {})
    took = monotonic() - began
    size = {key: getattr(target, key) for key in ("resolution", "classes", "channels")}
    known = sized(target.space, **size)
    used = {network.digest for network in draw(known.space, 3 * NETWORKS, seed=0)}
    drawn = [n for n in draw(known.space, networks + 10, seed=1) if n.digest not in used]
    drawn = drawn[:networks]
    graphs = [network.graph() for network in drawn]
    with opened(target, known.rivals[REFERENCE], seen.facts["reference_ms"]) as device:
        first, second = (
            time_networks(graphs, device, seconds=3600, quantize=target.int8, watch=say)
            for _ in range(2)
        )
    say("")
    others = [mean(a, b) for a, b in zip(first, second, strict=True)]
    noise = fmean(
        abs(a.latency.ratio / b.latency.ratio - 1) for a, b in zip(first, second, strict=True)
    )
    predictors: dict[str, Callable[[Measured], float]] = {
        "table": lambda network: table.total(network.operators),
        "MAdds": by_madds(seen),
        "operators alone": by_sum(seen),
    }
    found = {name: check(predict, others) for name, predict in predictors.items()}
    lookup = Lookup(table)
    for network in drawn:
        lookup(network)  # the blocks are added up once
    began = perf_counter()
    for network in drawn:
        lookup(network)
    each_us = (perf_counter() - began) / len(drawn) * 1e6
    if printing:
        times = [network.latency.milliseconds for network in others]
        print(
            f"{target.resolution} px, {'int8' if target.int8 else 'float'}: {len(seen.alone)}"
            f" operators, {len(seen.networks)} networks, table made in {took:.0f} s;"
            f" {len(others)} other networks of {min(times):.3g} to {max(times):.3g} ms, noise"
            f" {noise:.1%}; {each_us:.0f} us a look-up"
        )
        for name, figures in found.items():
            print(
                f"  {name:16} off by {figures.mean_error:5.1%} in the mean,"
                f" {figures.within_5:6.1%} within 5 %, {figures.within_10:6.1%} within 10 %,"
                f" Spearman {figures.spearman:.4f}, bias {figures.bias:+.1%}"
            )
        sys.stdout.flush()
    return {
        "target": asdict(target),
        "calibration_s": took,
        "operators": len(seen.alone),
        "noise": noise,
        "lookup_us": each_us,
        **{name: asdict(figures) for name, figures in found.items()},
    }


def by_madds(seen: Samples) -> Callable[[Measured], float]:
    """A straight line through the MAdds of the measured networks."""

    def madds(network: Measured) -> int:
        return sum(operator.madds for operator in network.operators)

    line = np.polynomial.Polynomial.fit(
        [madds(network) for network in seen.networks],
        [network.latency.milliseconds for network in seen.networks],
        1,
    )
    return lambda network: float(line(madds(network)))


def by_sum(seen: Samples) -> Callable[[Measured], float]:
    """The operators' times alone, times what brings their sum closest to the measured networks."""

    def total(network: Measured) -> float:
        return sum(guessed(operator, seen.alone) for operator in network.operators)

    scale = float(
        np.median([network.latency.milliseconds / total(network) for network in seen.networks])
    )
    return lambda network: scale * total(network)


def mean(one: Measured, other: Measured) -> Measured:
    """A network measured twice."""
    halfway = (one.latency.milliseconds + other.latency.milliseconds) / 2
    return replace(one, latency=replace(one.latency, milliseconds=halfway))


def say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:60}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
