"""Three published networks on CIFAR-10 at 32 pixels, by one recipe.

    python benchmarks/cifar10.py [--data ../shared/data/cifar10_train_40k.zip] [--epochs 3] [--json]

40,000 JPEG images (lossy: compare only with each other), of which 4,000 are held out and only
tested on. The networks keep their published blocks; early strides become 1 until the last map has
`--smallest` pixels. On a GPU, if there is one, in bfloat16.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from pocketnas.arch.small import fitted
from pocketnas.data.images import split
from pocketnas.data.load import load
from pocketnas.graph.count import madds, parameters
from pocketnas.train.augment import Augmentation
from pocketnas.train.recipe import Recipe
from pocketnas.train.schedules import Cosine
from pocketnas.train.score import accuracy
from pocketnas.train.trainer import Training
from pocketnas.zoo import architecture

NETWORKS = ("mobilenet_v2", "mnasnet_a1", "mobilenet_v3_large")
DATA = Path(__file__).parents[2] / "shared" / "data" / "cifar10_train_40k.zip"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--smallest", type=int, default=2)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.data.exists():
        raise SystemExit(f"{given.data}: not there; give --data")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    where = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} cores"
    recipe = Recipe(
        epochs=given.epochs,
        batch=given.batch,
        learning_rate=0.1 * given.batch / 128,
        schedule=Cosine(0.1),
        weight_decay=5e-4,
        augmentation=Augmentation(shift=4 / 32, cutout=0.25),
    )
    images = load(str(given.data), resolution=32)
    parts = split(images, seed=0, test=0.1)
    train = np.sort(np.concatenate([parts.train, parts.validation]))
    print(
        f"{len(train)} images to train on, {len(parts.test)} held out; {where};"
        f" {recipe.epochs} epochs, batch {recipe.batch}, {recipe.optimizer},"
        f" learning rate {recipe.learning_rate:g} ({recipe.schedule}),"
        f" weight decay {recipe.weight_decay:g}, images: {recipe.augmentation}",
        flush=True,
    )
    rows = []
    for name in given.networks:
        network = fitted(architecture(name, resolution=32, classes=10), smallest=given.smallest)
        graph = network.graph()
        training = Training(
            graph,
            images,
            train,
            recipe,
            seed=0,
            device=device,
            precision=torch.bfloat16 if device == "cuda" else torch.float32,
        )
        began = perf_counter()
        trained = training.run(recipe.epochs)
        seconds = perf_counter() - began
        row = {
            "network": name,
            "accuracy": accuracy(trained, images, parts.test),
            "seconds": seconds,
            "images_per_second": recipe.epochs * len(train) / seconds,
            "parameters": parameters(graph),
            "madds": madds(graph),
        }
        rows.append(row)
        if not given.json:
            print(
                f"{name:20} {row['accuracy']:.2%} of the held-out images after {seconds:.0f} s"
                f" ({row['images_per_second']:,.0f} images/s); {row['parameters']:,} parameters,"
                f" {row['madds'] / 1e6:.1f} M MAdds",
                flush=True,
            )
    if given.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
