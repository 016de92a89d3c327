"""How many trainings does each searcher need? A replay of real ImageNet trainings.

    python benchmarks/search_quality.py [--data ../shared/data] [--targets 5 3 8] [--seeds 5]
                                        [--trials 2000] [--workers 2] [--png FILE] [--json]

The table is `accel_nasbench.py`'s. The reward is the hard one: the accuracy, or, beyond T, accuracy
times T over latency. Every figure counts trainings only. The guided searcher may ask the table for
latencies, which cost nothing beside a training; as a further row it has to predict them too.
Optuna's TPE maximizes the same reward, its NSGA-II accuracy and latency at once. The ceiling is the
best that long climbs on the table itself find. Needs the extras `demo` (scikit-learn) and
`benchmark` (Optuna).
"""

import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers share the cores, one each

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from statistics import fmean, median, pstdev
from time import perf_counter
from typing import Any

import accel_nasbench
import numpy as np
import optuna
import torch

from pocketnas.search.evolution import Evolution
from pocketnas.search.guided import Guided
from pocketnas.search.ppo import PPO, REINFORCE
from pocketnas.search.reward import hard
from pocketnas.search.searcher import RandomSearch, Result, Searcher
from pocketnas.spaces import Genotype

AT = (120, 300, 500, 2000)
PAST = 1000  # trials, for the time of a proposal
FEW = 5  # proposals a batch where the searcher decides on each anew; others 20, as the papers'


class Optuna:
    """One of Optuna's samplers behind ask and tell."""

    def __init__(
        self, table: accel_nasbench.Table, sampler: optuna.samplers.BaseSampler, *, both: bool
    ) -> None:
        self._directions = ["maximize", "minimize"] if both else ["maximize"]
        self._study = optuna.create_study(directions=self._directions, sampler=sampler)
        self._decisions = table.decisions
        self._open: list[Any] = []

    def ask(self, n: int) -> list[Genotype]:
        self._open = [self._study.ask() for _ in range(n)]
        return [
            tuple(
                trial.suggest_categorical(decision.name, range(len(decision.options)))
                for decision in self._decisions
            )
            for trial in self._open
        ]

    def tell(self, results: Sequence[Result]) -> None:
        for trial, result in zip(self._open, results, strict=True):
            both = [result.accuracy, result.latency]
            self._study.tell(trial, both if len(self._directions) > 1 else result.reward)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A searcher: how it is made, how many trials it gets at most, and how many a batch."""

    make: Callable[[accel_nasbench.Table, float, int], Any]
    trials: int | None = None
    batch: int = 20


CONTESTANTS: Mapping[str, Contestant] = {
    "random": Contestant(lambda table, target, seed: RandomSearch(table.decisions, seed=seed)),
    "reinforce": Contestant(
        lambda table, target, seed: PPO(table.decisions, seed=seed, config=REINFORCE)
    ),
    "ppo": Contestant(lambda table, target, seed: PPO(table.decisions, seed=seed)),
    "evolution": Contestant(lambda table, target, seed: Evolution(table.decisions, seed=seed)),
    "NSGA-II": Contestant(
        lambda table, target, seed: Optuna(
            table, optuna.samplers.NSGAIISampler(seed=seed), both=True
        ),
    ),
    "TPE": Contestant(
        lambda table, target, seed: Optuna(
            table, optuna.samplers.TPESampler(seed=seed), both=False
        ),
        300,
        FEW,
    ),
    "guided, alone": Contestant(
        lambda table, target, seed: Guided(table.decisions, seed=seed, reward=hard(target)),
        300,
        FEW,
    ),
    "guided": Contestant(
        lambda table, target, seed: Guided(
            table.decisions, seed=seed, reward=hard(target), latencies=table.latencies
        ),
        300,
        FEW,
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One searcher at one target over the seeds; `at` has mean and deviation of the best reward.

    `rewards` and `entropies` are batch by batch, of a controller only.
    """

    target: float
    searcher: str
    ceiling: float
    at: dict[int, tuple[float, float]]
    curves: list[list[float]]
    rewards: list[list[float]]
    entropies: list[list[float]]


def main() -> None:
    parser = accel_nasbench.parser(__doc__)
    parser.add_argument("--targets", type=float, nargs="+", default=[5.0, 3.0, 8.0], help="ms")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=list(CONTESTANTS), choices=CONTESTANTS)
    args = parser.parse_args()
    table = accel_nasbench.table(args.data)
    say = (lambda text: None) if args.json else partial(print, flush=True)
    tau = ", ".join(f"{name} {value:.3f}" for name, value in table.tau.items())
    say(f"held-out rank correlation (Kendall) of the table: {tau}; {args.seeds} seeds")
    rows: list[Row] = []
    with ProcessPoolExecutor(args.workers, initializer=_prepare) as pool:
        for target in args.targets:
            ceiling = table.ceiling(hard(target))
            say(f"T = {target:g} ms: ceiling {ceiling:.4f}")
            for name in args.only:
                one = partial(_search, args.data, name, target, args.trials)
                found = list(pool.map(one, range(args.seeds)))
                row = _row(name, target, ceiling, found)
                rows.append(row)
                say(_line(row))
    times = {
        name: _milliseconds_a_proposal(table, make)
        for name, make in CONTESTANTS.items()
        if name.startswith("guided") and name in args.only
    }
    for name, (each, looked_up) in times.items():
        say(
            f"{name}: {each:.0f} ms a proposal after {PAST} trials, in batches of {FEW};"
            f" {looked_up:.0f} ms more for the table's own latencies"
        )
    if args.png:
        draw(rows, args.png)
    if args.json:
        print(
            json.dumps(
                {"tau": table.tau, "rows": [asdict(row) for row in rows], "milliseconds": times}
            )
        )


def _prepare() -> None:
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)


_table = cache(accel_nasbench.table)


def _search(
    data: Path, name: str, target: float, trials: int, seed: int
) -> tuple[list[float], list[float], list[float]]:
    """The best reward after each trial, and each batch's mean reward and entropy."""
    table, reward, who = _table(data), hard(target), CONTESTANTS[name]
    searcher = who.make(table, target, seed)
    rewards: list[float] = []
    means, entropies = [], []
    trials = min(trials, who.trials or trials)
    while len(rewards) < trials:
        genotypes = searcher.ask(min(who.batch, trials - len(rewards)))
        figures = zip(
            genotypes, table.accuracies(genotypes), table.latencies(genotypes), strict=True
        )
        results = [Result(g, reward(a, latency), a, latency) for g, a, latency in figures]
        searcher.tell(results)
        rewards += [result.reward or 0.0 for result in results]
        means.append(fmean(rewards[-len(results) :]))
        if isinstance(searcher, PPO):
            entropies.append(searcher.entropy)
    return list(accumulate(rewards, max)), means, entropies


def _row(
    name: str,
    target: float,
    ceiling: float,
    found: Sequence[tuple[list[float], list[float], list[float]]],
) -> Row:
    curves = [curve for curve, _, _ in found]
    at = {
        n: (fmean(c[n - 1] for c in curves), pstdev(c[n - 1] for c in curves))
        for n in AT
        if n <= len(curves[0])
    }
    return Row(
        target, name, ceiling, at, curves, [m for _, m, _ in found], [e for _, _, e in found]
    )


def _line(row: Row) -> str:
    figures = "  ".join(
        f"{n}: {mean:.4f} ±{deviation:.4f} ({mean / row.ceiling:.2%})"
        for n, (mean, deviation) in row.at.items()
    )
    ends = [f"{e[0]:.1f} to {e[-1]:.1f}" for e in row.entropies if e]
    return f"  {row.searcher:<14} {figures}" + (f"; entropy {ends[0]} nats" if ends else "")


def _milliseconds_a_proposal(table: accel_nasbench.Table, who: Contestant) -> tuple[float, float]:
    """The time of a proposal after many trials, without and only the table's own time."""
    looked_up = 0.0

    class Timed:
        decisions = table.decisions

        @staticmethod
        def latencies(genotypes: Sequence[Genotype]) -> list[float]:
            nonlocal looked_up
            begin = perf_counter()
            found = table.latencies(genotypes)
            looked_up += perf_counter() - begin
            return found

    torch.set_num_threads(1)
    times, draw, reward = [], random.Random(0), hard(5.0)
    searcher: Searcher = who.make(Timed, 5.0, 0)  # type: ignore[arg-type]
    told = [tuple(draw.randrange(size) for size in table.sizes) for _ in range(PAST)]
    lookups = []
    for _ in range(5):
        figures = zip(told, table.accuracies(told), table.latencies(told), strict=True)
        searcher.tell([Result(g, reward(a, latency), a, latency) for g, a, latency in figures])
        looked_up, begin = 0.0, perf_counter()
        told = searcher.ask(FEW)
        times.append(perf_counter() - begin - looked_up)
        lookups.append(looked_up)
    return 1000 * median(times) / FEW, 1000 * median(lookups) / FEW


def draw(rows: Sequence[Row], path: Path) -> None:
    """Best reward so far against trainings, a frame a target; the controllers' learning below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    targets = list(dict.fromkeys(row.target for row in rows))
    figure = Figure(figsize=(5.2 * len(targets), 8.5), dpi=130, layout="constrained")
    frames = figure.subplots(2, len(targets), squeeze=False)
    for i, target in enumerate(targets):
        above, below = frames[0][i], frames[1][i]
        for row in (row for row in rows if row.target == target):
            curve = np.array(row.curves)
            steps = np.arange(1, curve.shape[1] + 1)
            (line,) = above.plot(steps, curve.mean(0), label=row.searcher)
            above.fill_between(steps, curve.min(0), curve.max(0), alpha=0.12)
            above.axhline(row.ceiling, color="grey", linewidth=0.7, linestyle=":")
            if row.entropies and row.entropies[0]:
                batches = 20 * np.arange(1, len(row.rewards[0]) + 1)
                rewards, entropy = np.mean(row.rewards, 0), np.mean(row.entropies, 0)
                colour = line.get_color()
                below.plot(batches, rewards, color=colour, label=f"{row.searcher}: mean reward")
                share = entropy / entropy[0]
                below.plot(batches, share, color=colour, linestyle="--",
                           label=f"{row.searcher}: entropy, share of the first")  # fmt: skip
        best = max(row.ceiling for row in rows if row.target == target)
        above.set(xscale="log", xlim=(20, None), ylim=(0.93 * best, 1.003 * best))
        above.set(title=f"T = {target:g} ms", xlabel="trainings", ylabel="best reward so far")
        below.set(xlabel="trainings", ylim=(0, 1.02))
        for frame in (above, below):
            frame.grid(alpha=0.3)
            if frame.get_legend_handles_labels()[0]:
                frame.legend(fontsize=8, loc="lower right")
    FigureCanvasAgg(figure).print_png(str(path))


if __name__ == "__main__":
    main()
