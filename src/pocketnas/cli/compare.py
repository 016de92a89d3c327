"""`pocketnas compare`: networks side by side, with a picture."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketnas.cli.latencies import (
    Int8,
    Json,
    Networks,
    Program,
    Resolution,
    Seconds,
    Threads,
    Where,
    warn,
    where,
)

if TYPE_CHECKING:
    from pocketnas.run.measuring import Measured


def compare(
    networks: Networks,
    resolution: Resolution = None,
    device: Where = "host",
    benchmark_model: Program = None,
    threads: Threads = 1,
    int8: Int8 = False,
    seconds: Seconds = 3.0,
    png: Annotated[
        Path | None, typer.Option(help="Where the picture goes. [default: compare.png]")
    ] = None,
    json_: Json = False,
) -> None:
    """Compare networks on a device, all in one interleaved run.

    Draws published accuracy against the latency measured here. The order of latencies is this
    device's own; another device may order the networks differently.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.report.comparison import Point, comparison_png
    from pocketnas.run.measuring import measure as run
    from pocketnas.run.subject import subject

    subjects = [subject(word, resolution=resolution) for word in networks]
    with waiting("measuring all in turn") as told:
        rows = run(
            subjects,
            device=device,
            program=None if benchmark_model is None else str(benchmark_model),
            int8=int8,
            threads=threads,
            seconds=seconds,
            told=told,
        )
    picture = png or Path("compare.png")
    points = [
        Point(row.name, row.latency, row.published.top1)
        for row in rows
        if row.published and row.published.top1 is not None
    ]
    if json_:
        found = [row.to_dict() for row in rows]
        typer.echo(
            json.dumps({"networks": found, "png": str(picture) if points else None}, indent=2)
        )
    else:
        _print(rows, int8=int8)
    if points:  # last: where it cannot be written, the figures are out already
        comparison_png(points, picture)
        if not json_:
            typer.echo(picture)


def _print(rows: Sequence["Measured"], *, int8: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import count, plus_minus, size

    console = Console(highlight=False)
    table = Table(title=where(rows, int8=int8))
    table.add_column("network", no_wrap=True)
    for name in ("latency here", "× first", "MAdds", "parameters", "size", "top-1", "published"):
        table.add_column(name, justify="right", no_wrap=name != "published")
    for row in rows:
        published = row.published
        table.add_row(
            row.name,
            plus_minus(row.latency.to_dict()),
            f"{row.latency.ratio / rows[0].latency.ratio:.2f}",
            "" if row.madds is None else count(row.madds),
            "" if row.parameters is None else f"{row.parameters:,}",
            size(row.size_bytes),
            f"{published.top1:.1f} %" if published and published.top1 is not None else "",
            ", ".join(f"{ms:g} ms {place}" for place, ms in published.latencies.items())
            if published
            else "",
        )
    console.print(table)
    warn(console, rows)
    for row in rows:
        if row.published:
            console.print(f"{row.name}: {row.published.source}", markup=False, soft_wrap=True)
