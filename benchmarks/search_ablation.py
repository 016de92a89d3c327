"""MnasNet's ablations of the reward (1807.11626, section 7.1, figure 6 and table 5), replayed.

    python benchmarks/search_ablation.py [--data ../shared/data] [--target 5] [--seeds 3]
                                         [--trials 3000] [--png FILE] [--json]

One controller (PPO) and one table of real ImageNet trainings (`accel_nasbench.py`), three rewards:
accuracy alone, accuracy and latency softly (w = -0.07), accuracy under a hard limit; and TuNAS's
absolute reward. Printed: what the best trial by each reward is, where the sampled latencies lie
(all trials, and the last quarter, when the controller has learned), and how many of the trials are
on the Pareto front of all searches together.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, pstdev

import accel_nasbench
import numpy as np
import torch

from pocketnas.search.pareto import pareto
from pocketnas.search.ppo import PPO
from pocketnas.search.reward import Reward, absolute, hard, soft
from pocketnas.search.searcher import Result

BATCH = 20
POINTS = (5, 25, 50, 75, 95)  # percentiles


@dataclass(frozen=True, slots=True)
class Row:
    """One reward: means over the seeds; latencies in ms are pooled."""

    reward: str
    accuracy: float
    accuracy_deviation: float
    latency: float
    latencies: dict[int, float]
    learned: dict[int, float]
    beyond: float
    on_the_front: int


def main() -> None:
    parser = accel_nasbench.parser(__doc__)
    parser.add_argument("--target", type=float, default=5.0, help="ms")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=3000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    table = accel_nasbench.table(args.data)
    rewards: dict[str, Reward] = {
        "accuracy alone": lambda accuracy, latency: accuracy,
        "soft, w = -0.07": soft(args.target),
        "hard": hard(args.target),
        "absolute, -0.10": absolute(args.target),
    }
    trials = {
        name: [search(table, reward, args.trials, seed) for seed in range(args.seeds)]
        for name, reward in rewards.items()
    }
    front = _front(list(trials.values()))
    rows = [_row(name, rewards[name], found, front, args.target) for name, found in trials.items()]
    if args.png:
        draw({name: found[0] for name, found in trials.items()}, args.target, args.png)
    if args.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print(
        f"T = {args.target:g} ms, {args.trials} trials by PPO, {args.seeds} seeds; latencies in ms,"
        f" percentiles {', '.join(map(str, POINTS))}"
    )
    print(
        f"{'reward':<16} {'best: accuracy':>16} {'at':>6}   {'all trials':<28}"
        f" {'last quarter':<28} {'beyond T':>8} {'on front':>8}"
    )
    for row in rows:
        spreads = (
            " ".join(f"{value:4.1f}" for value in spread.values())
            for spread in (row.latencies, row.learned)
        )
        print(
            f"{row.reward:<16} {row.accuracy:>9.4f} ±{row.accuracy_deviation:.4f}"
            f" {row.latency:>6.2f}   "
            + " ".join(f"{spread:<28}" for spread in spreads)
            + f" {row.beyond:>8.0%} {row.on_the_front:>8}"
        )


Trials = list[tuple[float, float]]  # accuracy and latency


def search(table: accel_nasbench.Table, reward: Reward, trials: int, seed: int) -> Trials:
    """All trials of one search."""
    searcher = PPO(table.decisions, seed=seed)
    found: Trials = []
    while len(found) < trials:
        genotypes = searcher.ask(BATCH)
        figures = list(zip(table.accuracies(genotypes), table.latencies(genotypes), strict=True))
        searcher.tell(
            [Result(g, reward(*pair), *pair) for g, pair in zip(genotypes, figures, strict=True)]
        )
        found += figures
    return found


def _row(
    name: str,
    reward: Reward,
    found: Sequence[Trials],
    front: set[tuple[float, float]],
    target: float,
) -> Row:
    best = [max(trials, key=lambda pair: reward(*pair)) for trials in found]
    late = [pair for trials in found for pair in trials[-len(trials) // 4 :]]
    return Row(
        name,
        fmean(accuracy for accuracy, _ in best),
        pstdev(accuracy for accuracy, _ in best),
        fmean(latency for _, latency in best),
        _spread([pair for trials in found for pair in trials]),
        _spread(late),
        fmean(latency > target for _, latency in late),
        sum(pair in front for trials in found for pair in set(trials)),
    )


def _spread(trials: Trials) -> dict[int, float]:
    latencies = [latency for _, latency in trials]
    return dict(zip(POINTS, np.percentile(latencies, POINTS).tolist(), strict=True))


def _front(searches: Sequence[Sequence[Trials]]) -> set[tuple[float, float]]:
    """What no trial of any search beats."""
    every = list({pair for found in searches for trials in found for pair in trials})
    best = pareto([accuracy for accuracy, _ in every], [latency for _, latency in every])
    return {every[i] for i in best}


def draw(searches: dict[str, Trials], target: float, path: Path) -> None:
    """The trials of the first seed, a frame a reward, as in figure 6."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(searches), 4.2), dpi=130, layout="constrained")
    frames = figure.subplots(1, len(searches), sharey=True, squeeze=False)[0]
    for frame, (name, trials) in zip(frames, searches.items(), strict=True):
        accuracies, latencies = zip(*trials, strict=True)
        dots = frame.scatter(latencies, accuracies, c=range(len(trials)), s=4, cmap="viridis")
        frame.axvline(target, color="grey", linestyle="--", linewidth=1)
        frame.set(title=name, xlabel="latency (ms)", xlim=(0, 20))
        frame.grid(alpha=0.3)
    frames[0].set_ylabel("accuracy")
    figure.colorbar(dots, ax=frames, label="trial")
    FigureCanvasAgg(figure).print_png(str(path))


if __name__ == "__main__":
    main()
