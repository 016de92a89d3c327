"""Does growing depth, width and resolution together beat growing one of them? CIFAR-10, in small.

    python benchmarks/compound.py [--data ../shared/data/cifar10_train_40k.zip] [--each 800]
        [--base mobilenet_v2_0.5] [--resolution 24] [--epochs 10] [--seeds 3] [--png compound.png]

The paper's figure 8 with a small base: about 2 and 4 times the multiply-adds by depth, width or
resolution alone, and by all three with the published coefficients. All networks are trained alike;
a seed decides the split, the weights and the order.
"""

import argparse
import json
import os
import zipfile
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.compound import EFFICIENTNET, Scale, alone, grown
from pocketnas.data.load import load
from pocketnas.graph.count import madds
from pocketnas.run.coefficients import Tried, by_network
from pocketnas.run.folder import RunFolder
from pocketnas.run.start import start
from pocketnas.run.watch import Silent
from pocketnas.train.augment import Augmentation
from pocketnas.train.recipe import Recipe

DATA = Path(__file__).parents[2] / "shared" / "data" / "cifar10_train_40k.zip"
COLOURS = {"depth": "#d08326", "width": "#9a6bd0", "resolution": "#1d9c8b", "compound": "#2a6fc9"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--each", type=int, default=800, help="images of a class")
    parser.add_argument("--base", default="mobilenet_v2_0.5")
    parser.add_argument("--resolution", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--png", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.data.exists():
        raise SystemExit(f"{given.data}: not there; give --data")
    with TemporaryDirectory() as made:
        photos = Path(made) / "photos"
        some(given.data, given.each, photos)
        rows = compared(given, photos, RunFolder(Path(made) / "run"))
    if given.json:
        print(json.dumps([row.to_dict() for row in rows], indent=2))
    else:
        print(
            f"{given.base} at {given.resolution} px, {given.each} images of each class of CIFAR-10,"
            f" {given.epochs} epochs, {given.seeds} seeds, {os.cpu_count()} cores"
        )
        for row in rows:
            print(
                f"{row.name:16} depth ×{row.scale.depth:.2f} width ×{row.scale.width:.2f}"
                f" {row.resolution} px: {row.madds / 1e6:6.2f} M MAdds"
                f" ({row.madds / rows[0].madds:.2f}×), {row.mean:.2%} ±{row.deviation or 0:.2%}"
            )
    if given.png:
        draw(rows, given.png)


def compared(given: argparse.Namespace, photos: Path, folder: RunFolder) -> list[Tried]:
    """The base and each way of growing it."""
    images = load(str(photos), resolution=given.resolution, cache=folder.images / "base")
    base = start(given.base, None, images).architecture
    scales = {"base": Scale()}
    for times in (2.0, 4.0):
        for way in (*alone(1.0), "compound"):
            scales[f"{way} {times:g}"] = as_dear(base, way, times)
    networks = {name: grown(base, scale) for name, scale in scales.items()}
    how = Augmentation(shift=1 / 8, flip=True)
    recipe = Recipe(epochs=given.epochs, augmentation=how)
    found = by_network(networks, str(photos), recipe, folder, Silent(), seeds=given.seeds)
    return [
        Tried(
            name, "", scales[name], network.resolution, madds(network.graph()), tuple(found[name])
        )
        for name, network in networks.items()
    ]


def as_dear(base: Architecture, way: str, times: float) -> Scale:
    """The scale, in steps of a fiftieth, that comes nearest to so many times the multiply-adds.

    Layers are rounded up and filters to multiples of 8: of a small network the nominal scale of
    twice the cost may cost thrice as much.
    """
    wanted = times * madds(base.graph())
    options = [i / 50 for i in range(1, 250)]
    scales = [EFFICIENTNET.at(x) if way == "compound" else alone(1 + x)[way] for x in options]
    return min(scales, key=lambda scale: abs(madds(grown(base, scale).graph()) - wanted))


def draw(rows: list[Tried], path: Path) -> None:
    """Accuracy against multiply-adds, a line for each way of growing."""
    figure = Figure(figsize=(9, 6), dpi=150, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for way, colour in COLOURS.items():
        line: list[Any] = [rows[0], *(row for row in rows if row.name.startswith(way))]
        axes.errorbar(
            [row.madds / 1e6 for row in line],
            [row.mean for row in line],
            yerr=[row.deviation or 0 for row in line],
            color=colour,
            marker="o",
            capsize=4,
            label=way,
        )
    axes.set_xlabel("M multiply-adds")
    axes.set_ylabel("accuracy on validation images, mean ± deviation over the seeds")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e3e6ea")
    axes.legend(frameon=False)
    FigureCanvasAgg(figure).print_png(str(path))


def some(source: Path, each: int, target: Path) -> None:
    """The first `each` images of every class, as class folders."""
    names = defaultdict(list)
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".jpg"):
                names[Path(name).parent.name].append(name)
        for kind, found in names.items():
            (target / kind).mkdir(parents=True)
            for name in found[:each]:
                (target / kind / Path(name).name).write_bytes(archive.read(name))


if __name__ == "__main__":
    main()
