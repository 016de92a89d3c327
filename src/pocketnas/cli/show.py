"""`pocketnas show`: one network, stage by stage."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pocketnas.graph.graph import Graph
    from pocketnas.zoo.registry import Published


def show(
    network: Annotated[
        str,
        typer.Argument(help="A name of the zoo, a run folder, or a .json or .txt architecture."),
    ],
    resolution: Annotated[
        int | None, typer.Option(help="Side of the image in pixels. [default: its own]")
    ] = None,
    latency: Annotated[
        bool, typer.Option(help="Measure each stage's share of the latency on this computer.")
    ] = True,
    threads: Annotated[int, typer.Option(help="Threads of the measured model.")] = 1,
    png: Annotated[Path | None, typer.Option(help="Draw the network into this file.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, with every block.")] = False,
) -> None:
    """Show a network by stages: shapes, parameters, MAdds, share of latency, block strings."""
    from pocketnas.arch.notation import to_lines
    from pocketnas.errors import ModelError
    from pocketnas.graph.count import madds, parameters
    from pocketnas.report.layers import stages
    from pocketnas.run.subject import subject

    given = subject(network, resolution=resolution)
    architecture = given.architecture
    if architecture is None:
        raise ModelError(f"{network}: show draws networks; for a .tflite see pocketnas measure")
    graph = architecture.graph()
    lines = to_lines(architecture)
    shares: dict[str, float] = {}
    if latency:
        from pocketnas.cli.waiting import waiting
        from pocketnas.run.measuring import block_shares

        with waiting("measuring each operator alone"):
            shares = block_shares(architecture, threads=threads)
    rows: list[dict[str, Any]] = []
    strings = iter(line for line in lines[1:] if line)
    for path, layers in stages(graph).items():
        blocks = [
            {
                "path": layer.path,
                "input": list(layer.before),
                "output": list(layer.after),
                "params": layer.parameters,
                "madds": layer.madds,
                "latency_share": shares.get(layer.path),
            }
            for layer in layers
        ]
        rows.append(
            {
                "stage": path,
                "blocks": blocks,
                "input": list(layers[0].before),
                "output": list(layers[-1].after),
                "params": sum(layer.parameters for layer in layers),
                "madds": sum(layer.madds for layer in layers),
                "latency_share": sum(shares.get(layer.path, 0.0) for layer in layers)
                if shares
                else None,
                "strings": next(strings),
            }
        )
    if json_:
        published = given.published
        typer.echo(
            json.dumps(
                {
                    "name": network,
                    "resolution": architecture.resolution,
                    "params": parameters(graph),
                    "madds": madds(graph),
                    "top1": published.top1 if published else None,
                    "source": published.source if published else "",
                    "lines": lines,
                    "stages": rows,
                    "architecture": architecture.to_dict(),
                    "png": str(png) if png else None,
                },
                indent=2,
            )
        )
    else:
        _print(network, given.published, graph, rows)
    if png is not None:  # last: where it cannot be written, the figures are out already
        from pocketnas.report.drawing import drawing_png

        drawing_png(architecture, png, shares or None)
        if not json_:
            typer.echo(png)


def _print(
    network: str, published: "Published | None", graph: "Graph", rows: list[dict[str, Any]]
) -> None:
    from rich.console import Console
    from rich.table import Table

    from pocketnas.graph.count import madds, parameters
    from pocketnas.report.figures import count, percent
    from pocketnas.report.layers import shape_text

    table = Table(title=f"{network}: {parameters(graph):,} parameters, {count(madds(graph))} MAdds")
    table.add_column("stage", no_wrap=True)
    table.add_column("input → output", no_wrap=True)
    for name in ("blocks", "parameters", "MAdds", "latency"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("block strings", overflow="fold")
    for row in rows:
        share = row["latency_share"]
        table.add_row(
            row["stage"],
            f"{shape_text(tuple(row['input']))} → {shape_text(tuple(row['output']))}",
            str(len(row["blocks"])),
            f"{row['params']:,}",
            count(row["madds"]),
            "" if share is None else percent(share),
            row["strings"],
        )
    console = Console(highlight=False)
    console.print(table)
    if published and published.top1 is not None:
        console.print(f"published: {published.top1:.1f} % top-1 ({published.source})", markup=False)
