"""What an adaptation has come to, for people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pocketnas.run.folder import RunFolder


def print_adapted(result: Mapping[str, Any], folder: "RunFolder") -> None:
    """The start and the end side by side, and where the end lies."""
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import count, from_to, percent, plus_minus, size, wilson

    tested = result["tested_on"]
    table = Table(title=f"{result['steps']} steps; accuracy on {tested} images that chose nothing")
    table.add_column("network")
    for name in ("accuracy", "latency", "MAdds", "parameters", "size"):
        table.add_column(name, justify="right")
    for name in ("start", "adapted"):
        row = result[name]
        table.add_row(
            name,
            f"{percent(row['accuracy'])} ({from_to(*wilson(row['accuracy'], tested), 100)})",
            plus_minus(row["latency"]),
            count(row["madds"]),
            f"{row['parameters']:,}",
            size(row["size_bytes"]),
        )
    console = Console(highlight=False)
    console.print(table)
    share = result["adapted"]["latency"]["ratio"] / result["start"]["latency"]["ratio"]
    console.print(f"{percent(share)} of the start's latency", markup=False)
    for file in (folder.model, folder.report):
        console.print(str(file), markup=False, soft_wrap=True)


def refuse_short(result: Mapping[str, Any]) -> None:
    """Says that the target was not met, if so, and ends with status 1."""
    if result["short"]:
        typer.echo(f"pocketnas: {result['short']}; the best so far is kept", err=True)
        raise typer.Exit(1)
