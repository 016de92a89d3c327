"""Real ImageNet trainings as a table: what the benchmarks of the search replay.

`anb_mnasnet_zcu102.csv` (Accel-NASBench) holds 4,610 networks of MnasNet's macro space, each
trained on ImageNet for 16 epochs and measured on an FPGA (ZCU102). Boosted trees (scikit-learn)
fitted to its train rows stand for all others; how well they rank the held-out rows is printed.
"""

import argparse
import csv
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau
from sklearn.ensemble import HistGradientBoostingRegressor

from pocketnas.search.evolution import mutated
from pocketnas.search.reward import Reward
from pocketnas.spaces import Decision, Genotype

FILE = "anb_mnasnet_zcu102.csv"

# What the trees predict: a column, what one unit of it is, and the trees' settings. Small trees for
# latencies, which are nearly sums: they rank the held-out rows better than larger ones.
FIGURES = {
    "accuracy": ("val_top1", 0.01, {"learning_rate": 0.1, "max_leaf_nodes": 6}),
    "latency": ("latency_zcu102", 1.0, {"learning_rate": 0.2, "max_leaf_nodes": 4}),
}


class Table:
    """Accuracy in [0, 1] and latency in ms of any genotype.

    Attributes:
        decisions: of the space, 28 of them.
        tau: Kendall's rank correlation with the held-out rows, by figure.
    """

    def __init__(self, path: Path) -> None:
        with path.open() as file:
            rows = [row for row in csv.DictReader(file) if row["latency_zcu102"]]
        names = [name for name in rows[0] if name.startswith("block")]
        options = {name: sorted({int(row[name]) for row in rows}) for name in names}
        self.decisions = [Decision(name, tuple(options[name])) for name in names]
        self.sizes = [len(decision.options) for decision in self.decisions]
        x = np.array([[float(row[name]) for name in names] for row in rows])
        held_out = np.array([row["split"] != "train" for row in rows])
        self.tau: dict[str, float] = {}
        self._trees: dict[str, Any] = {}
        self._known: dict[str, dict[Genotype, float]] = {name: {} for name in FIGURES}
        for what, (column, unit, settings) in FIGURES.items():
            y = np.array([float(row[column]) for row in rows]) * unit
            trees = HistGradientBoostingRegressor(
                max_iter=1000, min_samples_leaf=5, l2_regularization=1.0, random_state=0, **settings
            ).fit(x[~held_out], y[~held_out])
            self.tau[what] = float(kendalltau(trees.predict(x[held_out]), y[held_out]).statistic)
            self._trees[what] = trees

    def accuracies(self, genotypes: Sequence[Genotype]) -> list[float]:
        """Top-1, in [0, 1]."""
        return self._look_up("accuracy", genotypes)

    def latencies(self, genotypes: Sequence[Genotype]) -> list[float]:
        """Milliseconds."""
        return self._look_up("latency", genotypes)

    def ceiling(self, reward: Reward, *, climbs: int = 3, rounds: int = 30) -> float:
        """The best reward that long climbs on the table itself find."""
        values: dict[Genotype, float] = {}
        for seed in range(climbs):
            draw = random.Random(seed)
            pool = [tuple(draw.randrange(size) for size in self.sizes) for _ in range(1500)]
            for _ in range(rounds):
                new = [genotype for genotype in dict.fromkeys(pool) if genotype not in values]
                figures = zip(self.accuracies(new), self.latencies(new), strict=True)
                values |= zip(new, (reward(*pair) for pair in figures), strict=True)
                best = sorted(values, key=lambda genotype: -values[genotype])[:200]
                pool = [self._mutant(parent, draw) for parent in best for _ in range(8)]
        return max(values.values())

    def _mutant(self, genotype: Genotype, draw: random.Random) -> Genotype:
        for _ in range(draw.choice((1, 1, 2, 3))):
            genotype = mutated(genotype, self.sizes, draw)
        return genotype

    def _look_up(self, what: str, genotypes: Iterable[Genotype]) -> list[float]:
        genotypes, known = list(genotypes), self._known[what]
        if new := [genotype for genotype in dict.fromkeys(genotypes) if genotype not in known]:
            pairs = (zip(self.decisions, genotype, strict=True) for genotype in new)
            x = np.array([[decision.options[i] for decision, i in row] for row in pairs], float)
            known |= zip(new, self._trees[what].predict(x).tolist(), strict=True)
        return [known[genotype] for genotype in genotypes]


def parser(text: str | None) -> argparse.ArgumentParser:
    """With the options that the benchmarks share; `text` begins with what to say in the help."""
    found = argparse.ArgumentParser(description=(text or "").partition("\n")[0])
    found.add_argument("--data", type=Path, default=Path("../shared/data"), help=f"has {FILE}")
    found.add_argument("--json", action="store_true", help="print JSON instead of tables")
    found.add_argument("--png", type=Path, help="draw a picture")
    return found


def table(folder: Path) -> Table:
    """The table in `folder`; without it this says so and exits with 2."""
    if not (folder / FILE).exists():
        print(f"not run: {folder / FILE} is not there; --data names its folder", file=sys.stderr)
        sys.exit(2)
    return Table(folder / FILE)
