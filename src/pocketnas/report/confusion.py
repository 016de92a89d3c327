"""Which class is taken for which, as a picture."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from pocketnas.errors import SettingError
from pocketnas.report.figures import percent
from pocketnas.report.files import replace_file

_INK = "#1b1f24"
_READABLE = 40  # class names at most; of more only the picture
_NUMBERED = 20


class Confused(Protocol):
    """What is drawn: `pocketnas.run.scoring.Score`."""

    @property
    def name(self) -> str: ...
    @property
    def images(self) -> int: ...
    @property
    def top1(self) -> float: ...
    @property
    def classes(self) -> Sequence[str]: ...
    @property
    def confusion(self) -> NDArray[np.int64]: ...


def confusion_png(score: Confused, path: Path) -> None:
    """Draws the shares of each class's images, a row a class, 1400x1280 pixels.

    Raises:
        SettingError: the file cannot be written.
    """
    counts = score.confusion if score.confusion[:, -1].any() else score.confusion[:, :-1]
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(8.75, 8), dpi=160, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    names = list(score.classes)
    if len(names) <= _READABLE:
        across = [*names, "something else"][: counts.shape[1]]
        axes.set_xticks(range(len(across)), across, rotation=90)
        axes.set_yticks(range(len(names)), names)
    if len(names) <= _NUMBERED:
        for (row, column), share in np.ndenumerate(shares):
            if share > 0:
                colour = "white" if share > 0.5 else _INK
                text = f"{100 * share:.0f}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    axes.set_title(
        f"{score.name}: {percent(score.top1)} of {score.images:,} images", color=_INK, loc="left"
    )
    figure.colorbar(drawn, ax=axes, format=PercentFormatter(1.0), label="of the class's images")
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    try:
        replace_file(path, buffer.getvalue())
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None
