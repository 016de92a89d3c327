"""An A/A run as a picture: ratios that hold still beside raw times that do not."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pocketnas.devices.device import Latency
from pocketnas.errors import SettingError
from pocketnas.report.figures import device_text
from pocketnas.report.files import replace_file

_INK, _QUIET, _GRID, _COLOURS = "#1b1f24", "#9aa3ad", "#e3e6ea", ("#2a6fc9", "#b3203c")


def steadiness_png(series: Mapping[str, Sequence[Latency]], path: Path) -> None:
    """Each network's ratios with their intervals, over its repeats; raw medians in grey behind.

    All are shares of their own mean, so that they can be compared. 1600x900 pixels.

    Raises:
        SettingError: the file cannot be written.
    """
    figure = Figure(figsize=(10, 5.6), dpi=160, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for (name, found), colour in zip(series.items(), _COLOURS, strict=False):
        repeats = range(1, len(found) + 1)
        raw = [latency.raw_median for latency in found]
        mean = sum(raw) / len(raw)
        axes.plot(repeats, [time / mean for time in raw], color=_QUIET, linewidth=1.2,
                  linestyle="-" if colour == _COLOURS[0] else ":", label=f"{name}, raw median",
                  zorder=1)  # fmt: skip
        mean = sum(latency.ratio for latency in found) / len(found)
        share = [latency.ratio / mean / latency.milliseconds for latency in found]
        spread = [
            [
                each * (latency.milliseconds - latency.low)
                for each, latency in zip(share, found, strict=True)
            ],
            [
                each * (latency.high - latency.milliseconds)
                for each, latency in zip(share, found, strict=True)
            ],
        ]
        axes.errorbar(repeats, [latency.ratio / mean for latency in found], yerr=spread, fmt="o-",
                      color=colour, markersize=6, linewidth=1.6, elinewidth=1.2,
                      label=f"{name}, ratio with its 95 % interval", zorder=2)  # fmt: skip
    axes.set_xlabel(f"repeat, on {device_text(next(iter(series.values()))[0].device)}",
                    fontsize=12, color=_INK, parse_math=False)  # fmt: skip
    axes.set_ylabel("share of the mean", fontsize=12, color=_INK)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(True, axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=11, ncols=2)
    axes.tick_params(colors=_INK, labelsize=11, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_QUIET)
    figure.suptitle("The same networks again and again", x=0.012, ha="left", fontsize=15,
                    fontweight="bold", color=_INK)  # fmt: skip
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    try:
        replace_file(path, buffer.getvalue())
    except OSError as error:
        raise SettingError(f"{path}: the picture cannot be written: {error.strerror}") from None
