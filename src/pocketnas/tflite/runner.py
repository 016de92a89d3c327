"""Runs a `.tflite` on floats, whatever its own input and output types are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketnas.errors import ModelError


class Runner:
    """One model in LiteRT, one thread.

    Attributes:
        shape: of its input.
        scale: of its input: real value = (integer - `zero_point`) * `scale`; 1 for float.
        zero_point: see `scale`; 0 for float.
        output_scale: of its output, likewise.
        output_zero_point: see `output_scale`.

    Raises:
        ModelError: LiteRT refuses the model.
    """

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter  # a second; not for who only writes

        try:
            with quiet():
                self._interpreter = Interpreter(model_content=model, num_threads=1)
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"LiteRT refuses the model: {' '.join(str(error).split())}") from None
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self.shape = tuple(int(size) for size in self._input["shape"])
        self.scale, self.zero_point = _quantization(self._input)
        self.output_scale, self.output_zero_point = _quantization(self._output)

    @property
    def is_integer(self) -> bool:
        """Whether its input is a whole number."""
        return bool(np.issubdtype(self._input["dtype"], np.integer))

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first output, as floats, for one input of `shape`, as floats."""
        value = image
        if self.is_integer:
            limits = np.iinfo(self._input["dtype"])
            value = np.round(image / self.scale) + self.zero_point
            value = value.clip(limits.min, limits.max).astype(self._input["dtype"])
        self._interpreter.set_tensor(self._input["index"], value)
        self._interpreter.invoke()
        found = self._interpreter.get_tensor(self._output["index"])
        floats: NDArray[np.float32] = found.astype(np.float32) - self.output_zero_point
        return floats * np.float32(self.output_scale)


def _quantization(details: dict[str, Any]) -> tuple[float, int]:
    scale, zero_point = details["quantization"]
    return (float(scale), int(zero_point)) if scale else (1.0, 0)


@contextmanager
def quiet() -> Iterator[None]:
    """LiteRT announces its delegate on file descriptor 2; that is no news to anybody here."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
