"""The final table, for people or for programs."""

import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from pocketnas.report.figures import count, percent, plus_minus, size
from pocketnas.report.measurement import check_words
from pocketnas.report.summary import Row, Summary
from pocketnas.report.verdict import judgement
from pocketnas.run.folder import RunFolder


def print_summary(
    summary: Summary,
    folder: RunFolder,
    *,
    json_: bool,
    adapted: Mapping[str, Any] | None = None,
) -> None:
    """Prints what the run found and where it lies.

    Args:
        summary: of the run.
        folder: of the run.
        json_: as JSON.
        adapted: what the winner was shrunk to in the end, for JSON.
    """
    if json_:
        paths = {
            "folder": str(folder.path),
            "model": str(folder.model),
            "about": str(folder.about),
            "pareto": str(folder.pareto),
            "report": str(folder.report),
        }
        more = {} if adapted is None else {"adapted": dict(adapted)}
        typer.echo(json.dumps(summary.to_dict() | paths | more, indent=2))
        return
    first = summary.rows[0].latency
    int8 = "int8" in summary.check
    table = Table(
        title=f"{'int8, ' if int8 else ''}{summary.data['name']}, {summary.data['test']} test"
        " images; batch 1 on"
        f" {first['device']}, {first['threads']} thread{'s' if first['threads'] > 1 else ''}"
    )
    table.add_column("network")
    floats = ("in float",) if int8 else ()
    for name in ("accuracy", *floats, "latency", "MAdds", "parameters", "size"):
        table.add_column(name, justify="right")
    for row in (*summary.rows, *summary.finalists):
        table.add_row(*_cells(row, int8=int8))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{judgement(summary)}\n{check_words(summary.check)}", markup=False, soft_wrap=True
    )
    for path in (folder.model, folder.report):
        console.print(str(path), markup=False, soft_wrap=True)


def _cells(row: Row, *, int8: bool) -> list[str]:
    return [
        row.name,
        percent(row.accuracy),
        *([percent(row.float_accuracy or 0.0)] if int8 else []),
        plus_minus(row.latency),
        count(row.madds),
        f"{row.parameters:,}",
        size(row.size_bytes),
    ]
