"""What `measure` and `compare` share: their options, their table of latencies, their warnings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pocketnas.run.measuring import Measured

Networks = Annotated[
    list[str],
    typer.Argument(help="Names of the zoo, run folders, .json or .txt architectures, .tflite."),
]
Resolution = Annotated[
    int | None, typer.Option(help="Side of the image in pixels. [default: each one's own]")
]
Where = Annotated[str, typer.Option("--device", help="host (this computer), or ssh:user@board.")]
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
        left = row.delegation.left
        table.add_row(
            row.name,
            plus_minus(row.latency.to_dict()),
            *([plus_minus(row.float_latency.to_dict())] if row.float_latency else []),
            milliseconds(row.latency.raw_median),
            percent(row.latency.raw_spread),
            str(row.latency.runs),
            _pieces(row.delegation.partitions) + (f", {len(left)} left" if left else ""),
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
        left, cause, effect = row.delegation.left, "", ""
        if left and row.delegation.partitions > 1:
            names = ", ".join(f"{left.count(op)} {op}" for op in dict.fromkeys(left))
            cause = (
                f"XNNPACK does not take {names}, which cuts the network into"
                f" {_pieces(row.delegation.partitions)}"
            )
        floats = row.float_latency
        if floats and (times := row.latency.ratio / floats.ratio) > 1:
            effect = f"int8 takes {times:.2f} times as long as float here"
        if cause or effect:
            text = f"warning: {row.name}: {'; '.join(filter(None, (effect, cause)))}"
            console.print(text, markup=False, soft_wrap=True)


def _pieces(count: int) -> str:
    return "1 piece" if count == 1 else f"{count} pieces"
