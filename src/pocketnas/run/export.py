"""From trained weights to a checked `.tflite`, float or int8."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketnas.data.feed import Feed
from pocketnas.data.folders import sample
from pocketnas.data.images import Images, Indices
from pocketnas.errors import ModelError
from pocketnas.run.check import check, inputs
from pocketnas.run.folder import write_bytes, write_json
from pocketnas.run.loaded import Loaded
from pocketnas.run.own import own
from pocketnas.run.predict import grey
from pocketnas.run.ship import versions
from pocketnas.tflite.quantize import quantize
from pocketnas.tflite.writer import write
from pocketnas.train.network import Network, load_weights

_NOISE = 8  # images, where the user gives none


class Some(NamedTuple):
    """Some images of a set."""

    images: Images
    indices: Indices


@dataclass(frozen=True, slots=True)
class Seen:
    """The images of an export.

    Attributes:
        what: how to call those that the files are compared on.
        compared: those that torch and the files both see.
        ranges: those that set the ranges of int8; None where there are no real ones.
        run: the folder of the run that they are from, whose labels then mean something.
    """

    what: str
    compared: Some
    ranges: Some | None = None
    run: Path | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how it compares with the network in torch on the same images.

    Attributes:
        path: the `.tflite`, int8 where asked for.
        float_path: the float one beside an int8 one.
        size_bytes: of `path`.
        float_size_bytes: of `float_path`, or else of `path`.
        shape: of the input.
        feed: how it is fed.
        what: the images of the comparison.
        labelled: whether accuracies mean something.
        check: as `run.check.check` gives it.
    """

    path: Path
    float_path: Path | None
    size_bytes: int
    float_size_bytes: int
    shape: tuple[int, ...]
    feed: Feed
    what: str
    labelled: bool
    check: dict[str, Any]

    @property
    def said(self) -> dict[str, Any]:
        """The check without what labels that mean nothing make of it."""
        if self.labelled:
            return self.check
        nothing = ("accuracy", "torch_accuracy")
        found = {key: value for key, value in self.check.items() if key not in nothing}
        if "int8" in found:
            found["int8"] = {k: v for k, v in found["int8"].items() if k not in nothing}
        return found

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "path": str(self.path),
            "float_path": None if self.float_path is None else str(self.float_path),
            "size_bytes": self.size_bytes,
            "float_size_bytes": self.float_size_bytes,
            "compared_on": self.what,
            "check": self.said,
            **self.feed.to_dict(self.shape, self.check.get("int8")),
        }


def seen_by(given: Loaded, calibration: Path | None, count: int) -> Seen:
    """The images to compare with and to calibrate with.

    For a run, its held-out images and some that it was trained on, or `calibration`. For another
    network `calibration` does both. Without any there is noise to compare with.

    Args:
        given: the network.
        calibration: a folder or `.zip` of images like those it will see.
        count: how many set the ranges at most.

    Raises:
        DataError: no readable image.
    """
    side, channels = given.feed.resized(given.architecture.resolution), given.architecture.channels
    ranges = None
    if calibration is not None:
        ranges = _unlabelled("images", sample(calibration, side, count), channels)
    if (found := own(given.name)) is not None:
        train = found.parts.train
        some = train[np.unique(np.linspace(0, len(train) - 1, count).astype(int))]
        held_out = Some(found.images, found.parts.test)
        ranges = ranges or Some(found.images, some)
        return Seen("held-out images", held_out, ranges, found.folder.absolute())
    if ranges is not None:
        return Seen("images", ranges, ranges)
    noise = np.random.default_rng(0).integers(0, 256, (_NOISE, side, side, 3), np.uint8)
    return Seen("images of random noise", _unlabelled("noise", noise, channels))


def _unlabelled(name: str, pixels: NDArray[np.uint8], channels: int) -> Some:
    pixels = pixels if channels == 3 else grey(pixels)
    images = Images(name, pixels, np.zeros(len(pixels), np.int64), ("",))
    return Some(images, np.arange(len(pixels)))


def export(
    given: Loaded,
    path: Path,
    seen: Seen,
    *,
    int8: bool = False,
    told: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Writes the network as a `.tflite` and compares it with torch.

    Args:
        given: the network.
        path: of the file; with `int8` the float one lies beside it, as `…_float.tflite`. What a
            program needs to feed each lies beside it as `….tflite.json`.
        seen: images for the comparison and for the ranges of int8.
        int8: write full integers.
        told: hears of the progress.

    Raises:
        ModelError: int8 without real images, or a float file that differs by more than rounding.
        StudyError: the file cannot be written.
    """
    if int8 and seen.ranges is None:
        raise ModelError("int8 needs --calibrate with a folder of images like those it will see")
    architecture, scale = given.architecture, given.feed.pixels
    graph = architecture.graph()
    network = Network(graph)
    load_weights(network, given.weights)
    model, integers = write(graph, given.weights), None
    if int8 and seen.ranges is not None:
        told("finding the ranges of int8")
        integers = quantize(model, inputs(*seen.ranges, architecture.resolution, scale))
    found = check(model, network, *seen.compared, integers, scale=scale, told=told)
    beside = path.with_name(f"{path.stem}_float{path.suffix}") if integers else None
    result = Exported(
        path=path,
        float_path=beside,
        size_bytes=len(integers or model),
        float_size_bytes=len(model),
        shape=graph.nodes[0].shape,
        feed=given.feed,
        what=seen.what,
        labelled=seen.run is not None,
        check=found,
    )
    said = {
        **({} if seen.run is None else {"run": str(seen.run)}),
        "check": result.said,
        "digest": architecture.digest,
        "architecture": architecture.to_dict(),
        "versions": versions(),
    }
    for file, content, scales in (
        (path, integers or model, found.get("int8")),
        (beside, model, None),
    ):
        if file is not None:
            write_bytes(file, content)
            fed = given.feed.to_dict(result.shape, scales)
            write_json(file.with_name(f"{file.name}.json"), {"model": file.name, **fed, **said})
    return result
