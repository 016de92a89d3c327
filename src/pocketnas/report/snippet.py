"""How to use the network that was found, as a program to paste."""

import json
from pathlib import Path

_SNIPPET = """\
import json
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

about = json.loads(Path({about}).read_bytes())
wanted = about["input"]  # shape (1, height, width, channels), mean and std
photo = ImageOps.exif_transpose(Image.open({image})).convert({mode})
square = ImageOps.fit(photo, wanted["shape"][1:3], Image.Resampling.BICUBIC)
pixels = np.asarray(square, np.float32).reshape(wanted["shape"])

network = Interpreter({model}, num_threads={threads})
classify = network.get_signature_runner()
given = ((pixels - wanted["mean"]) / wanted["std"]).astype(np.float32)
{run}
odds = np.exp(logits - logits.max())
best = int(odds.argmax())
print(f"{{about['classes'][best]}}: {{odds[best] / odds.sum():.1%}}")
"""

_FLOAT = 'logits = classify(image=given)["logits"][0]'
_INT8 = """\
scales, back = wanted["quantization"], about["output"]["quantization"]
whole = np.round(given / scales["scale"]) + scales["zero_point"]
found = classify(image=whole.clip(-128, 127).astype(np.int8))["logits"][0]
logits = (found.astype(np.float32) - back["zero_point"]) * back["scale"]"""


def loading_snippet(
    *,
    channels: int = 3,
    int8: bool = False,
    threads: int = 1,
    model: Path | str = "best.tflite",
    about: Path | str = "best.json",
    image: Path | str = "photo.jpg",
) -> str:
    """A program that names the class of one image; it needs LiteRT, NumPy and Pillow alone.

    Args:
        channels: of the network's input, 1 for gray or 3 for RGB.
        int8: whether the model's input and output are integers.
        threads: for the interpreter.
        model: the `.tflite`, whose signature maps "image" to "logits".
        about: JSON with `input` (shape, mean, std) and `classes` in the order of the logits, as
            `best.json` has them.
        image: to look at.
    """
    return _SNIPPET.format(
        model=_quoted(model),
        about=_quoted(about),
        image=_quoted(image),
        mode=_quoted("L" if channels == 1 else "RGB"),
        threads=threads,
        run=_INT8 if int8 else _FLOAT,
    )


def _quoted(text: Path | str) -> str:
    """A literal in double quotes; JSON's are Python's."""
    return json.dumps(str(text), ensure_ascii=False)
