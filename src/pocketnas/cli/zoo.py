"""`pocketnas zoo`: the published networks."""

import json
from typing import Annotated, Any

import typer


def zoo(
    family: Annotated[
        str | None, typer.Option(help="Only this family, such as mobilenet_v3.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the published networks with their size and published accuracy.

    Every name works with show, measure, compare and export. Families with a width multiplier take
    any width, listed or not: mobilenet_v2_0.9.
    """
    from rich.console import Console
    from rich.table import Table

    from pocketnas.graph.count import madds, parameters
    from pocketnas.report.figures import count
    from pocketnas.zoo.registry import entries

    rows: list[dict[str, Any]] = []
    for item in entries(family):
        graph = item.architecture().graph()
        rows.append(
            {
                "name": item.name,
                "family": item.family,
                "resolution": item.resolution,
                "params": parameters(graph),
                "madds": madds(graph),
                "top1": item.published.top1,
                "source": item.published.source,
            }
        )
    if json_:
        typer.echo(json.dumps(rows, indent=2))
        return
    console = Console(highlight=False)
    room = console.width - 82  # beside the other columns
    table = Table(title=f"{len(rows)} published networks; top-1 on ImageNet as published")
    table.add_column("network", no_wrap=True)
    for name in ("pixels", "parameters", "MAdds", "top-1"):
        table.add_column(name, justify="right", no_wrap=True)
    if room >= 30:
        table.add_column("source", no_wrap=True)
    last = None
    for row in rows:
        if last not in (None, row["family"]):
            table.add_section()
        last = row["family"]
        top1 = f"{row['top1']:.1f} %" if row["top1"] is not None else ""
        table.add_row(
            row["name"],
            str(row["resolution"]),
            f"{row['params']:,}",
            count(row["madds"]),
            top1,
            *([_cut(row["source"], room)] if room >= 30 else []),
        )
    console.print(table)
    if room < 30:
        console.print("Sources: in a wider terminal, or by --json.")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
