"""What `measure` and `compare` share: their options, their table of latencies, their warnings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pocketnas.devices.device import Delegation
    from pocketnas.run.measuring import Measured

Networks = Annotated[
    list[str],
    typer.Argument(help="Names of the zoo, run folders, .json or .txt architectures, .tflite."),
]
Resolution = Annotated[
    int | None, typer.Option(help="Side of the image in pixels. [default: each one's own]")
]
Where = Annotated[
    str, typer.Option("--device", help="host (this computer), ssh:user@board or android:SERIAL.")
]
Program = Annotated[
    Path | None,
    typer.Option(
        "--benchmark-model",
        envvar="POCKETNAS_BENCHMARK_MODEL",
        help="For a phone: the file of Google's benchmark_model, built for Android.",
    ),
]
Threads = Annotated[int, typer.Option(help="Threads of the measured models.")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Measure the full-integer networks, with float beside them.")
]
Seconds = Annotated[float, typer.Option(help="At most so long for each network.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_latencies(console: "Console", rows: Sequence["Measured"], *, int8: bool) -> None:
    from rich.table import Table

    from pocketnas.report.figures import milliseconds, percent, plus_minus, size

    table = Table(title=where(rows, int8=int8))
    table.add_column("network", overflow="fold")
    floats = ("in float",) if int8 else ()
    for name in ("latency", *floats, "median now", "spread", "runs", "XNNPACK", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            plus_minus(row.latency.to_dict()),
            *([plus_minus(row.float_latency.to_dict())] if row.float_latency else []),
            milliseconds(row.latency.raw_median),
            percent(row.latency.raw_spread),
            str(row.latency.runs),
            _taken(row.delegation),
            size(row.size_bytes),
        )
    console.print(table)
    warn(console, rows)


def where(rows: Sequence["Measured"], *, int8: bool) -> str:
    from pocketnas.report.figures import device_text

    latency = rows[0].latency
    threads = "1 thread" if latency.threads == 1 else f"{latency.threads} threads"
    kind = "int8, " if int8 else ""
    return f"{kind}{device_text(latency.device)}, {threads}, batch 1"


def warn(console: "Console", rows: Sequence["Measured"]) -> None:
    """Says what is slower than a user would expect, and why."""
    for row in rows:
        found, cause, effect = row.delegation, "", ""
        if found and found.left and found.partitions > 1:
            left = found.left
            names = ", ".join(f"{left.count(op)} {op}" for op in dict.fromkeys(left))
            cause = (
                f"XNNPACK does not take {names}, which cuts the network into"
                f" {_pieces(found.partitions)}"
            )
        floats = row.float_latency
        if floats and (times := row.latency.ratio / floats.ratio) > 1:
            effect = f"int8 takes {times:.2f} times as long as float here"
        if cause or effect:
            text = f"warning: {row.name}: {'; '.join(filter(None, (effect, cause)))}"
            console.print(text, markup=False, soft_wrap=True)


def _taken(found: "Delegation | None") -> str:
    if found is None:
        return "not told"
    left = f", {len(found.left)} left" if found.left else ""
    return _pieces(found.partitions) + left


def _pieces(count: int) -> str:
    return "1 piece" if count == 1 else f"{count} pieces"
