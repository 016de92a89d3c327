"""The final table, for people or for programs."""

import json

import typer
from rich.console import Console
from rich.table import Table

from pocketnas.report.summary import Row, Summary
from pocketnas.run.folder import RunFolder


def print_summary(summary: Summary, folder: RunFolder, *, json_: bool) -> None:
    """Prints what the run found and where it lies."""
    if json_:
        paths = {
            "folder": str(folder.path),
            "model": str(folder.model),
            "about": str(folder.about),
            "pareto": str(folder.pareto),
            "report": str(folder.report),
        }
        typer.echo(json.dumps(summary.to_dict() | paths, indent=2))
        return
    first = summary.rows[0].latency
    table = Table(
        title=f"{summary.data['name']}: {summary.data['test']} test images; batch 1 on"
        f" {first['device']}, {first['threads']} thread{'s' if first['threads'] > 1 else ''}"
    )
    table.add_column("network")
    for name in ("accuracy", "latency, ms", "MAdds", "parameters", "KiB"):
        table.add_column(name, justify="right")
    for row in (*summary.rows, *summary.finalists):
        table.add_row(*_cells(row))
    console = Console(highlight=False)
    console.print(table)
    check = summary.check
    console.print(
        f"best.tflite against torch on {check['images']} real images: largest difference"
        f" {check['largest_difference']:.1e}, same class {check['agreement']:.1%},"
        f" accuracy {check['accuracy']:.1%}",
        soft_wrap=True,
    )
    for path in (folder.model, folder.report):
        console.print(str(path), markup=False, soft_wrap=True)


def _cells(row: Row) -> list[str]:
    latency = row.latency
    half = (latency["high"] - latency["low"]) / 2
    return [
        row.name,
        f"{row.accuracy:.1%}",
        f"{latency['milliseconds']:.3f} ±{half:.3f}",
        f"{row.madds / 1e6:.2f} M",
        f"{row.parameters:,}",
        f"{row.size_bytes / 1024:.0f}",
    ]
