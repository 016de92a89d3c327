"""How many trainings does each searcher need? A replay of real ImageNet trainings.

    python benchmarks/search_quality.py [--data ../shared/data] [--targets 5 3 8] [--seeds 5]
                                        [--trials 2000] [--png FILE] [--json]

`anb_mnasnet_zcu102.csv` (Accel-NASBench) holds some 4,000 networks of MnasNet's macro space, each
trained on ImageNet for 16 epochs and measured on an FPGA. Boosted trees (scikit-learn) fitted to
its train rows stand for all others. The reward is the hard one: the accuracy, or, beyond T,
accuracy times T over latency. Every figure counts trainings only. The guided searcher may ask the
table for latencies, which cost nothing beside a training. The ceiling is the best that a long
climb on the table itself finds. Without the data it says so and exits with 2. scikit-learn comes
with the extra `demo`.
"""

import argparse
import csv
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from statistics import fmean, pstdev
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import kendalltau
from sklearn.ensemble import HistGradientBoostingRegressor

from pocketnas.search.evolution import Evolution, mutated
from pocketnas.search.guided import Guided
from pocketnas.search.ppo import PPO
from pocketnas.search.reward import hard
from pocketnas.search.searcher import RandomSearch, Result, Searcher
from pocketnas.spaces import Decision, Genotype

FILE = "anb_mnasnet_zcu102.csv"
AT = (120, 300, 2000)
GUIDED = 300  # its trials
BATCH = {"guided": 5}  # others 20, as the papers'


class Table:
    """Accuracy in [0, 1] and latency in ms of any genotype, by boosted trees."""

    def __init__(self, path: Path) -> None:
        with path.open() as file:
            rows = [row for row in csv.DictReader(file) if row["latency_zcu102"]]
        names = [name for name in rows[0] if name.startswith("block")]
        options = {name: sorted({int(row[name]) for row in rows}) for name in names}
        self.decisions = [Decision(name, tuple(options[name])) for name in names]
        self.sizes = [len(decision.options) for decision in self.decisions]
        x = np.array([[float(row[name]) for name in names] for row in rows])
        held_out = np.array([row["split"] != "train" for row in rows])
        self._trees: dict[str, Any] = {}
        self.tau: dict[str, float] = {}
        for what, column, scale in (
            ("accuracy", "val_top1", 100),
            ("latency", "latency_zcu102", 1),
        ):
            y = np.array([float(row[column]) for row in rows]) / scale
            trees = HistGradientBoostingRegressor(
                max_iter=2000, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=10,
                l2_regularization=1.0, random_state=0,
            ).fit(x[~held_out], y[~held_out])  # fmt: skip
            predicted = trees.predict(x[held_out])
            self.tau[what] = float(kendalltau(predicted, y[held_out]).statistic)
            self._trees[what] = trees

    def look_up(self, what: str, genotypes: Sequence[Genotype]) -> list[float]:
        """`accuracy` or `latency` of each."""
        pairs = [[d.options[i] for d, i in zip(self.decisions, g, strict=True)] for g in genotypes]
        found: list[float] = self._trees[what].predict(np.array(pairs, float)).tolist()
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One searcher at one target: mean and deviation over the seeds of the best reward so far."""

    target: float
    searcher: str
    at: dict[int, tuple[float, float]]
    milliseconds_a_proposal: float
    curves: list[list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--targets", type=float, nargs="+", default=[5.0, 3.0, 8.0], help="ms")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--png", type=Path, help="draw the curves of the first target")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not (args.data / FILE).exists():
        print(f"not run: {args.data / FILE} is not there; --data names its folder", file=sys.stderr)
        sys.exit(2)
    table = Table(args.data / FILE)
    if not args.json:
        tau = ", ".join(f"{name} {value:.3f}" for name, value in table.tau.items())
        print(f"held-out rank correlation (Kendall) of the table: {tau}; {args.seeds} seeds")
    rows = []
    for target in args.targets:
        top = ceiling(table, target)
        if not args.json:
            print(f"T = {target:g} ms: ceiling {top:.4f}", flush=True)
        for name in ("random", "evolution", "ppo", "guided"):
            row = measured(table, target, name, args.seeds, args.trials)
            rows.append(row)
            if not args.json:
                print_row(row, top)
    if args.png:
        draw(rows, args.targets[0], args.png)
    if args.json:
        print(json.dumps({"tau": table.tau, "rows": [asdict(row) for row in rows]}))


def measured(table: Table, target: float, name: str, seeds: int, trials: int) -> Row:
    """Runs one searcher with each seed."""
    budget = min(trials, GUIDED) if name == "guided" else trials
    curves, seconds = [], 0.0
    for seed in range(seeds):
        curve, spent = search(table, target, make(name, table, target, seed), budget,
                              BATCH.get(name, 20))  # fmt: skip
        curves.append(curve)
        seconds += spent
    points = {
        n: (fmean(c[n - 1] for c in curves), pstdev(c[n - 1] for c in curves))
        for n in AT
        if n <= budget
    }
    return Row(target, name, points, 1000 * seconds / seeds / budget, curves)


def make(name: str, table: Table, target: float, seed: int) -> Searcher:
    """A searcher by its name."""
    match name:
        case "random":
            return RandomSearch(table.decisions, seed=seed)
        case "evolution":
            return Evolution(table.decisions, seed=seed)
        case "ppo":
            return PPO(table.decisions, seed=seed)
        case _:
            latencies: Callable[[Sequence[Genotype]], list[float]] = lambda genotypes: (  # noqa: E731
                table.look_up("latency", genotypes)
            )
            return Guided(table.decisions, seed=seed, reward=hard(target), latencies=latencies)


def search(
    table: Table, target: float, searcher: Searcher, trials: int, batch: int
) -> tuple[list[float], float]:
    """The best reward after each trial, and the seconds that proposing and learning took."""
    reward, rewards, seconds = hard(target), [], 0.0
    while len(rewards) < trials:
        begin = perf_counter()
        genotypes = searcher.ask(min(batch, trials - len(rewards)))
        seconds += perf_counter() - begin
        accuracies = table.look_up("accuracy", genotypes)
        latencies = table.look_up("latency", genotypes)
        figures = zip(genotypes, accuracies, latencies, strict=True)
        results = [Result(g, reward(a, latency), a, latency) for g, a, latency in figures]
        begin = perf_counter()
        searcher.tell(results)
        seconds += perf_counter() - begin
        rewards += [result.reward or 0.0 for result in results]
    return list(accumulate(rewards, max)), seconds


def ceiling(table: Table, target: float, rounds: int = 25) -> float:
    """The best reward that four long climbs on the table find."""
    reward, best = hard(target), 0.0
    for seed in range(4):
        rng = random.Random(seed)
        pool = [tuple(rng.randrange(size) for size in table.sizes) for _ in range(500)]
        for _ in range(rounds):
            pool = list(dict.fromkeys(pool))
            figures = (table.look_up(what, pool) for what in ("accuracy", "latency"))
            scores = [reward(*pair) for pair in zip(*figures, strict=True)]
            order = sorted(range(len(pool)), key=lambda i: -scores[i])[:150]
            best = max(best, scores[order[0]])
            pool = [pool[i] for i in order]
            for parent in pool[:150]:
                for _ in range(5):
                    child = parent
                    for _ in range(rng.choice((1, 1, 2, 3))):
                        child = mutated(child, table.sizes, rng)
                    pool.append(child)
    return best


def print_row(row: Row, top: float) -> None:
    figures = "  ".join(f"{n}: {mean:.4f} ±{std:.4f}" for n, (mean, std) in row.at.items())
    share = max(mean for mean, _ in row.at.values()) / top
    print(
        f"  {row.searcher:<10} {figures}  ({share:.1%} of the ceiling;"
        f" {row.milliseconds_a_proposal:.1f} ms a proposal)",
        flush=True,
    )


def draw(rows: Sequence[Row], target: float, path: Path) -> None:
    """The best reward so far against trainings, mean over the seeds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for row in rows:
        if row.target == target:
            curve = np.array(row.curves)
            steps = np.arange(1, curve.shape[1] + 1)
            axes.plot(steps, curve.mean(0), label=row.searcher)
            axes.fill_between(steps, curve.min(0), curve.max(0), alpha=0.15)
    axes.set(xscale="log", xlim=(10, None), xlabel="trainings", ylabel="best reward so far")
    axes.set_ylim(bottom=0.6)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    FigureCanvasAgg(figure).print_png(str(path))


if __name__ == "__main__":
    main()
