"""`pocketnas measure` and `pocketnas compare`: latencies on this computer."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

_Networks = Annotated[
    list[str], typer.Argument(help="Names of the zoo, run folders, JSON architectures, .tflite.")
]
_Resolution = Annotated[
    int | None, typer.Option(min=1, help="Side of the image in pixels. [default: each one's own]")
]
_Threads = Annotated[int, typer.Option(min=1, help="Threads of the measured models.")]
_Int8 = Annotated[
    bool, typer.Option("--int8", help="Measure the full-integer networks instead of float.")
]
_Seconds = Annotated[float, typer.Option(min=0.1, help="At most so long for each network.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def measure(
    networks: _Networks,
    resolution: _Resolution = None,
    threads: _Threads = 1,
    int8: _Int8 = False,
    seconds: _Seconds = 2.0,
    ops: Annotated[int, typer.Option(min=0, help="How many operators to list; 0 for none.")] = 10,
    json_: _Json = False,
) -> None:
    """Measure networks on this computer: latency, spread, and which operators take the time.

    Networks of the zoo get made-up weights: latency does not depend on them. An operator's share is
    its time alone over the sum of all operators alone.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.run.measuring import measure as run
    from pocketnas.run.subject import subject

    subjects = [subject(word, resolution=_own(word, resolution)) for word in networks]
    with waiting("measuring") as told:
        rows = run(
            subjects, int8=int8, threads=threads, seconds=seconds, operators=ops > 0, told=told
        )
    if json_:
        typer.echo(json.dumps([row.to_dict() for row in rows], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import milliseconds, percent

    console = Console(highlight=False)
    _print_latencies(console, rows, int8=int8)
    for row in rows:
        found = row.operators
        if not found:
            continue
        table = Table(title=f"{row.name}: operators alone, the slowest {min(ops, len(found))}")
        table.add_column("operator", no_wrap=True)
        table.add_column("output", overflow="fold")
        for name in ("shape", "alone", "share"):
            table.add_column(name, justify="right", no_wrap=True)
        for time in sorted(found, key=lambda time: -time.milliseconds)[:ops]:
            shape = "×".join(map(str, time.shape))
            table.add_row(time.op, _short(time.name), shape, milliseconds(time.milliseconds),
                          percent(time.share))  # fmt: skip
        console.print(table)
        total = sum(time.milliseconds for time in found)
        console.print(
            f"{len(found)} operators alone sum to {milliseconds(total)};"
            f" the network takes {milliseconds(row.latency.milliseconds)}",
            markup=False,
        )


def compare(
    networks: _Networks,
    resolution: _Resolution = None,
    threads: _Threads = 1,
    int8: _Int8 = False,
    seconds: _Seconds = 3.0,
    png: Annotated[
        Path | None, typer.Option(help="Where the picture goes. [default: compare.png]")
    ] = None,
    json_: _Json = False,
) -> None:
    """Compare networks on this computer, all in one interleaved run.

    Draws published accuracy against the latency measured here. The order of latencies is this
    device's own; another device may order the networks differently.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.report.comparison import Point, comparison_png
    from pocketnas.run.measuring import measure as run
    from pocketnas.run.subject import subject

    subjects = [subject(word, resolution=_own(word, resolution)) for word in networks]
    with waiting("measuring all in turn") as told:
        rows = run(subjects, int8=int8, threads=threads, seconds=seconds, told=told)
    picture = png or Path("compare.png")
    points = [
        Point(row.name, row.latency, row.published.top1)
        for row in rows
        if row.published and row.published.top1 is not None
    ]
    if points:
        comparison_png(points, picture)
    if json_:
        found = [row.to_dict() for row in rows]
        typer.echo(
            json.dumps({"networks": found, "png": str(picture) if points else None}, indent=2)
        )
        return
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import count, plus_minus, size

    console = Console(highlight=False)
    table = Table(title=_where(rows, int8=int8))
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
            ", ".join(f"{ms:g} ms {where}" for where, ms in published.latencies.items())
            if published
            else "",
        )
    console.print(table)
    _warn(console, rows, int8=int8)
    for row in rows:
        if row.published:
            console.print(f"{row.name}: {row.published.source}", markup=False, soft_wrap=True)
    if points:
        console.print(str(picture), markup=False, soft_wrap=True)


def _own(word: str, resolution: int | None) -> int | None:
    """A `.tflite` has its resolution; beside one, --resolution is for the other networks."""
    return None if word.endswith(".tflite") else resolution


def _print_latencies(console: Any, rows: Sequence[Any], *, int8: bool) -> None:
    from rich.table import Table

    from pocketnas.report.figures import milliseconds, percent, plus_minus, size

    table = Table(title=_where(rows, int8=int8))
    table.add_column("network", overflow="fold")
    for name in ("latency", "median now", "spread", "runs", "XNNPACK", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        left = row.delegation.left
        table.add_row(
            row.name,
            plus_minus(row.latency.to_dict()),
            milliseconds(row.latency.raw_median),
            percent(row.latency.raw_spread),
            str(row.latency.runs),
            _pieces(row.delegation.partitions) + (f", {len(left)} left" if left else ""),
            size(row.size_bytes),
        )
    console.print(table)
    _warn(console, rows, int8=int8)


def _where(rows: Sequence[Any], *, int8: bool) -> str:
    from pocketnas.report.figures import device_text

    latency = rows[0].latency
    threads = "1 thread" if latency.threads == 1 else f"{latency.threads} threads"
    kind = "int8, " if int8 else ""
    return f"{kind}{device_text(latency.device)}, {threads}, batch 1"


def _warn(console: Any, rows: Sequence[Any], *, int8: bool) -> None:
    """Says where XNNPACK leaves operators to LiteRT's own, slower kernels."""
    for row in rows:
        left = row.delegation.left
        if not left or row.delegation.partitions < 2:
            continue
        names = ", ".join(f"{left.count(op)} {op}" for op in dict.fromkeys(left))
        console.print(
            f"warning: {row.name}: XNNPACK does not take {names}, which cuts the network into"
            f" {_pieces(row.delegation.partitions)}"
            + (" and can make int8 slower than float" if int8 else ""),
            markup=False,
            soft_wrap=True,
        )


def _short(name: str, limit: int = 44) -> str:
    """A tensor's name; TensorFlow's are lists of all that was fused into it."""
    first = name.partition(";")[0]
    return first if len(first) <= limit else f"…{first[1 - limit :]}"


def _pieces(count: int) -> str:
    return "1 piece" if count == 1 else f"{count} pieces"
