"""Which file ships: the float `.tflite`, or with `--int8` its full-integer form.

Search, table and report go by the latency, the size and the accuracy of that file.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketnas.data.images import Images, Indices, Split
from pocketnas.graph.graph import Graph
from pocketnas.run.check import check, inputs, outputs
from pocketnas.tflite.quantize import check_quantizer, quantize
from pocketnas.tflite.writer import write
from pocketnas.train.network import Network

Floats = NDArray[np.float32]
_CALIBRATION = 100  # training images whose values set the ranges; some dozens do


@dataclass(frozen=True, slots=True)
class Files:
    """A trained network on disk: the float file, and the integer one where that ships."""

    float32: bytes
    int8: bytes | None = None

    @property
    def shipped(self) -> bytes:
        """The one that ships."""
        return self.float32 if self.int8 is None else self.int8


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Top-1 of the file that ships, on validation and on test images; `floats` of the network."""

    validation: float
    test: float
    floats: float


class Shipping:
    """Writes networks in the form in which they ship.

    Args:
        int8: in int8 instead of float32.
        images: of the run.
        parts: those to train on set the ranges of int8; the others are only scored.

    Raises:
        ModelError: int8 cannot be written here.
    """

    def __init__(self, int8: bool, images: Images, parts: Split) -> None:
        if int8:
            check_quantizer()
        self.int8 = int8
        self._images = images
        self._parts = parts

    def candidate(self, graph: Graph) -> bytes:
        """The file of a network that nobody has trained, to measure its latency."""
        return write(graph, quantize=self.int8)

    def files(self, graph: Graph, weights: dict[str, Floats]) -> Files:
        """The files of a trained network.

        Raises:
            ModelError: the weights do not fit, or cannot be quantized.
        """
        model = write(graph, weights)
        if not self.int8:
            return Files(model)
        some = np.linspace(0, len(self._parts.train) - 1, _CALIBRATION).astype(int)
        chosen = self._parts.train[np.unique(some)]
        return Files(model, quantize(model, inputs(self._images, chosen)))

    def accuracies(self, files: Files, validation: float, test: float) -> Accuracies:
        """What the file that ships comes to.

        Args:
            files: of the network.
            validation: accuracy of the trained network, in torch.
            test: likewise.
        """
        if files.int8 is None:
            return Accuracies(validation, test, test)
        return Accuracies(
            self._top1(files.int8, self._parts.validation),
            self._top1(files.int8, self._parts.test),
            test,
        )

    def check(self, files: Files, network: Network) -> dict[str, Any]:
        """Compares the files with the trained network on the test images: `run.check.check`.

        Raises:
            ModelError: the float file differs by more than rounding explains.
        """
        return check(files.float32, network, self._images, self._parts.test, files.int8)

    def _top1(self, model: bytes, indices: Indices) -> float:
        found = outputs(model, self._images, indices).argmax(1)
        return float((found == self._images.labels[indices]).mean())
