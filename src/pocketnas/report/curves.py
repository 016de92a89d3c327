"""A training as a picture: its loss and the accuracy on held-out images over the epochs."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from pocketnas.errors import SettingError
from pocketnas.report.figures import percent
from pocketnas.report.files import replace_file

_INK, _GRID, _BLUE, _RED = "#1b1f24", "#e3e6ea", "#2a6fc9", "#b3203c"


def curves_png(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws the records of a training's log, 1600x900 pixels.

    Raises:
        SettingError: the file cannot be written.
    """
    figure = Figure(figsize=(10, 5.6), dpi=160, facecolor="white", layout="constrained")
    loss = figure.add_subplot()
    share = loss.twinx()
    epochs = [record["epoch"] for record in records]
    for axes, name, colour in ((loss, "loss", _BLUE), (share, "accuracy", _RED)):
        axes.plot(epochs, [record[name] for record in records], color=colour, marker="o",
                  markersize=3 if len(records) < 60 else 0)  # fmt: skip
        axes.spines[["top"]].set_visible(False)
        axes.tick_params(colors=_INK)
    loss.set_xlabel("epoch")
    loss.set_ylabel("loss in training", color=_BLUE)
    share.set_ylabel("accuracy on held-out images", color=_RED)
    share.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    loss.xaxis.set_major_locator(MaxNLocator(integer=True))
    loss.grid(color=_GRID)
    last = records[-1]
    loss.set_title(f"epoch {last['epoch']}: loss {last['loss']:.3f}, {percent(last['accuracy'])}",
                   color=_INK, loc="left")  # fmt: skip
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    try:
        replace_file(path, buffer.getvalue())
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None
