"""`pocketnas calibrate`: a latency table for a space on a device, with its error."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pocketnas.cli.latencies import Json, Program, Threads, Where

if TYPE_CHECKING:
    from pocketnas.latency.table import LatencyTable

_FEW = 10  # operators that are listed


def calibrate(
    space: Annotated[
        str, typer.Option(help="A name of `pocketnas spaces`, or file.py:function.")
    ] = "mnasnet",
    resolution: Annotated[int, typer.Option(help="Side of the image in pixels.")] = 224,
    device: Where = "host",
    benchmark_model: Program = None,
    threads: Threads = 1,
    int8: Annotated[bool, typer.Option("--int8", help="Of full-integer networks.")] = False,
    classes: Annotated[int, typer.Option(help="Classes of the networks.")] = 1000,
    channels: Annotated[int, typer.Option(help="Colours of the image.")] = 3,
    width: Annotated[
        float | None,
        typer.Option(help="Multiplies MobileNetV2's filters. [default: 1 from 96 px on]"),
    ] = None,
    depth: Annotated[
        float | None,
        typer.Option(help="Multiplies MobileNetV2's layers. [default: 1 from 96 px on]"),
    ] = None,
    seconds: Annotated[float, typer.Option(help="About how long it may take.")] = 150.0,
    networks: Annotated[
        int, typer.Option(min=16, help="Whole networks to learn from; a third more to check with.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Of the networks that are drawn.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="The table's file. [default: tables/<device and space>.json]"),
    ] = None,
    json_: Json = False,
) -> None:
    """Make a latency table: what each operator of a space costs on a device, and how far it is off.

    Operators are timed alone, then whole networks, which tell what operators cost among others. The
    error is that on networks the table has not seen. Then: pocketnas search --latency table
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.run.calibrating import Target
    from pocketnas.run.calibrating import calibrate as run
    from pocketnas.run.tables import keep
    from pocketnas.spaces import absolute, named

    named(space)  # what is wrong is said before anything is measured
    target = Target(
        space=absolute(space),
        resolution=resolution,
        classes=classes,
        channels=channels,
        width=width,
        depth=depth,
        device=device,
        program=None if benchmark_model is None else str(benchmark_model),
        threads=threads,
        int8=int8,
    )
    with waiting("calibrating") as told:
        table = run(target, seconds=seconds, networks=networks, seed=seed, watch=told)
    path = keep(table, out)
    if json_:
        typer.echo(json.dumps({"table": str(path), **table.about}, indent=2))
        return
    for line in summary(table.about):
        typer.echo(line)
    print_dearest(table)
    typer.echo(path)


def summary(about: dict[str, Any] | Any) -> list[str]:
    """What a table is of, and how far it is off, in lines."""
    from pocketnas.report.figures import device_text, milliseconds, percent

    target, check = about["target"], about["check"]
    kind = "int8" if target["int8"] else "float"
    threads = target["threads"]
    return [
        f"{target['space']} at {target['resolution']} px, {kind}, on"
        f" {device_text(about['device']['device'])}, {threads} thread{'s' * (threads > 1)};"
        f" in {about['seconds']:.0f} s",
        f"{about['operators']} operators alone, {about['networks']} networks; the reference takes"
        f" {milliseconds(about['reference_ms'])}",
        f"on {check['networks']} networks that it had not seen: off by"
        f" {percent(check['mean_error'])} in the mean, {percent(check['within_5'], 0)} within 5 %,"
        f" {percent(check['within_10'], 0)} within 10 %, rank correlation {check['spearman']:.4f};"
        f" their own intervals are ±{percent(check['noise'])}",
    ]


def print_dearest(table: "LatencyTable") -> None:
    """The operators that cost the most."""
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import milliseconds

    shown = Table(title=f"the dearest of {len(table.entries)} operators")
    shown.add_column("operator", overflow="fold")
    for name in ("in a network", "alone"):
        shown.add_column(name, justify="right", no_wrap=True)
    for entry in sorted(table.entries, key=lambda entry: -entry.price)[:_FEW]:
        alone = "guessed" if entry.alone is None else milliseconds(entry.alone)
        shown.add_row(str(entry.operator), milliseconds(entry.price), alone)
    Console(highlight=False).print(shown)
