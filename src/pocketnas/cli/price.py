"""`pocketnas price`: what networks cost by a latency table, operator by operator."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pocketnas.cli.latencies import Json, Networks, Resolution


def price(
    table: Annotated[
        Path, typer.Argument(help="A table of `pocketnas calibrate`, or ProxylessNAS's .yaml.")
    ],
    networks: Networks,
    resolution: Resolution = None,
    ops: Annotated[int, typer.Option(min=0, help="How many operators to list; 0 for none.")] = 10,
    json_: Json = False,
) -> None:
    """Tell what networks take by a latency table, without measuring them.

    With a table of ours, and of operators that it has not seen, the share of the latency that was
    guessed is said. ProxylessNAS's tables know whole blocks.
    """
    from pocketnas.latency.table import LatencyTable
    from pocketnas.run.pricing import priced
    from pocketnas.run.subject import subject
    from pocketnas.run.tables import read

    found = read(table)
    rows = [priced(found, subject(word, resolution=resolution)) for word in networks]
    if json_:
        typer.echo(json.dumps([row.to_dict() for row in rows], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import milliseconds, percent

    console = Console(highlight=False)
    if isinstance(found, LatencyTable):
        from pocketnas.cli.calibrate import summary

        for line in summary(found.about):
            console.print(line, markup=False, soft_wrap=True)
    for row in rows:
        guessed = f", {percent(1 - row.known)} of it guessed" if row.known < 0.995 else ""
        console.print(f"{row.name}: {milliseconds(row.milliseconds)}{guessed}", markup=False)
        if not ops:
            continue
        shown = Table(title=f"{row.name}: the dearest {min(ops, len(row.parts))}")
        shown.add_column("part", overflow="fold")
        shown.add_column("what", overflow="fold")
        for name in ("price", "share"):
            shown.add_column(name, justify="right", no_wrap=True)
        for part in sorted(row.parts, key=lambda part: -part.milliseconds)[:ops]:
            share = percent(part.milliseconds / row.milliseconds)
            shown.add_row(part.name, part.what, milliseconds(part.milliseconds), share)
        console.print(shown)
