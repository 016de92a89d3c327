"""`pocketnas measure`: latencies on this computer, and where the time goes."""

import json
from typing import Annotated

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
    print_latencies,
)


def measure(
    networks: Networks,
    resolution: Resolution = None,
    device: Where = "host",
    benchmark_model: Program = None,
    threads: Threads = 1,
    int8: Int8 = False,
    seconds: Seconds = 2.0,
    ops: Annotated[int, typer.Option(min=0, help="How many operators to list; 0 for none.")] = 10,
    json_: Json = False,
) -> None:
    """Measure networks on a device: latency, spread, and which operators take the time.

    Networks of the zoo get made-up weights: latency does not depend on them. An operator's share is
    its time alone over the sum of all operators alone.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.run.measuring import measure as run
    from pocketnas.run.subject import subject

    subjects = [subject(word, resolution=resolution) for word in networks]
    with waiting("measuring") as told:
        rows = run(
            subjects,
            device=device,
            program=None if benchmark_model is None else str(benchmark_model),
            int8=int8,
            threads=threads,
            seconds=seconds,
            operators=ops > 0,
            told=told,
        )
    if json_:
        typer.echo(json.dumps([row.to_dict() for row in rows], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import milliseconds, percent

    console = Console(highlight=False)
    print_latencies(console, rows, int8=int8)
    for row in rows:
        found = row.operators
        if not found:
            if ops:
                console.print(f"{row.name}: its operators cannot be timed alone", markup=False)
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


def _short(name: str, limit: int = 44) -> str:
    """A tensor's name; TensorFlow's are lists of all that was fused into it."""
    first = name.partition(";")[0]
    return first if len(first) <= limit else f"…{first[1 - limit :]}"
