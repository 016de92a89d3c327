"""How a network is fed and its answers are read: what its weights do not say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketnas.data.pixels import OURS, Pixels

CENTRE = 0.875
"""The usual share of an image's side that a network sees (Inception's 224 of 256 pixels)."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What a program needs beside the network.

    Attributes:
        pixels: the scale of its input.
        centre: the input's side as a share of what an image's short side is resized to.
        classes: names of its outputs, in their order; empty where nobody said.
        front_end: how sound becomes an image: `Images.front_end`.
    """

    pixels: Pixels = OURS
    centre: float = 1.0
    classes: tuple[str, ...] = ()
    front_end: Mapping[str, float] | None = None

    def resized(self, side: int) -> int:
        """What the short side of an image is resized to, for an input of `side` pixels."""
        return round(side / self.centre)

    def to_dict(
        self, shape: Sequence[int], quantization: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """For a JSON file; `stored_feed` reads it.

        Args:
            shape: of the input: side, side, channels.
            quantization: of an int8 file: "input" and "output", each with scale and zero_point.
        """
        resized = self.resized(shape[0])
        how = f"short side resized to {resized}, then centre crop"
        if self.front_end is not None:
            how = "log-mel picture of the sound: pocketnas.data.audio.front_end"
        given, found = "(pixel (0 to 255) - mean) / std", "logits, one a class"
        if quantization is not None:
            given = f"({given}) / quantization.scale + quantization.zero_point, rounded"
            found += ": (output - quantization.zero_point) * quantization.scale"
        dtype = "float32" if quantization is None else "int8"

        def scales(end: str) -> dict[str, Any]:
            return {} if quantization is None else {"quantization": quantization[end]}

        return {
            "input": {
                "shape": [1, *shape],
                "layout": "NHWC",
                "dtype": dtype,
                "mean": list(self.pixels.mean),
                "std": list(self.pixels.std),
                "resized": resized,
                "front_end": None if self.front_end is None else dict(self.front_end),
                "meaning": f"{given}; {how}",
                **scales("input"),
            },
            "output": {"dtype": dtype, "meaning": found, **scales("output")},
            "classes": list(self.classes),
        }


def stored_feed(file: Path) -> Feed | None:
    """What `file` (`best.json`, `….tflite.json`) says; None where it is not there or says less."""
    try:
        said = json.loads(file.read_bytes())
        given = said["input"]
        return Feed(
            pixels=Pixels(tuple(given["mean"]), tuple(given["std"])),
            centre=given["shape"][1] / given["resized"],
            classes=tuple(said["classes"]),
            front_end=given.get("front_end"),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, ZeroDivisionError):
        return None
