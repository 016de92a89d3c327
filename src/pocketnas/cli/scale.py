"""`pocketnas scale`: a network grown into a family."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketnas.cli.latencies import Int8, Json, Program, Seconds, Threads

if TYPE_CHECKING:
    from pocketnas.run.family import Member


def scale(
    network: Annotated[
        str,
        typer.Argument(help="A name of the zoo, a run folder, or a .json or .txt architecture."),
    ],
    phi: Annotated[
        list[float] | None,
        typer.Option(help="How many times it about doubles; can be repeated. [default: 0 to 7]"),
    ] = None,
    coefficients: Annotated[
        str, typer.Option(help="alpha,beta,gamma: growth of depth, width, resolution.")
    ] = "1.2,1.1,1.15",
    ends: Annotated[
        bool,
        typer.Option(
            "--ends/--keep-ends",
            help="Keep stem, head and the length of the first and last stage, as"
            " EfficientNet-Lite does.",
        ),
    ] = True,
    resolution: Annotated[
        int | None, typer.Option(help="Side of the base's image in pixels. [default: its own]")
    ] = None,
    divisor: Annotated[int, typer.Option(min=1, help="Filters are multiples of it.")] = 8,
    to_latency: Annotated[
        float | None, typer.Option(help="The largest member within so many milliseconds, measured.")
    ] = None,
    to_madds: Annotated[
        float | None, typer.Option(help="Within so many million multiply-adds.")
    ] = None,
    to_params: Annotated[
        float | None, typer.Option(help="Within so many million parameters.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="Measure the members there: host, ssh:user@board or android:SERIAL. [default: only"
            " with --to-latency, on host]"
        ),
    ] = None,
    benchmark_model: Program = None,
    threads: Threads = 1,
    int8: Int8 = False,
    seconds: Seconds = 2.0,
    search_coefficients: Annotated[
        bool,
        typer.Option(
            "--search-coefficients",
            help="Find alpha,beta,gamma for this network: train it grown by every point of a grid.",
        ),
    ] = False,
    data: Annotated[str | None, typer.Option(help="For that: what train takes as --data.")] = None,
    grid_step: Annotated[float, typer.Option(help="For that: of the grid, from 1.")] = 0.1,
    epochs: Annotated[int, typer.Option(help="For that: of each training.")] = 5,
    seeds: Annotated[int, typer.Option(help="For that: trainings of each network.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A folder for the members, as .json that other verbs take. [default of a search:"
            " runs/scale-<network>-<number>]"
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Grow a network in depth, width and resolution together (EfficientNet's compound scaling).

    Prints its family, or with a limit the largest member within it; phi goes in steps of 0.1 there.
    """
    if search_coefficients:
        from pocketnas.cli.coefficients import search

        search(network, data, out, json_=json_, resolution=resolution, step=grid_step,
               epochs=epochs, seeds=seeds, ends=ends, divisor=divisor)  # fmt: skip
        return
    from functools import partial
    from typing import Any

    from pocketnas.arch.compound import parse_coefficients
    from pocketnas.cli.waiting import waiting
    from pocketnas.devices import Device, Latency
    from pocketnas.errors import ModelError, SettingError
    from pocketnas.run.family import Family, opened, within
    from pocketnas.run.subject import subject
    from pocketnas.tflite.writer import write

    base = subject(network, resolution=resolution).architecture
    if base is None:
        raise ModelError(f"{network}: is exported already; its run folder or .json can grow")
    given = {"latency": to_latency, "madds": to_madds, "parameters": to_params}
    limits = {name: most for name, most in given.items() if most is not None}
    if limits and phi:
        raise SettingError("--phi is for the family; with a limit phi is what is looked for")
    family = Family(base, parse_coefficients(coefficients), ends=ends, divisor=divisor)

    def timed(on: Device, told: Any, architecture: Any) -> Latency:
        model = write(architecture.graph(), quantize=int8)
        return on.compare({network: model}, budget_s=seconds, watch=told)[network]

    with waiting("scaling") as told:
        measured = device is not None or to_latency is not None
        program = None if benchmark_model is None else str(benchmark_model)
        on = opened(base, device or "host", program, threads, int8) if measured else None
        try:
            measure = None if on is None else partial(timed, on, told)
            if limits:
                members = [within(family, limits, measure)]
            else:
                members = [family.member(value) for value in phi or range(8)]
                if measure is not None:
                    members = [each.timed(measure(each.architecture)) for each in members]
        finally:
            if on is not None:
                on.close()
    files = _written(network, members, out)
    if json_:
        rows = [each.to_dict() | {"file": file} for each, file in zip(members, files, strict=True)]
        typer.echo(json.dumps(rows, indent=2))
        return
    _print(network, members)
    for file in filter(None, files):
        typer.echo(file)


def _written(network: str, members: "list[Member]", out: Path | None) -> list[str | None]:
    from pocketnas.run.folder import short_name, write_json

    if out is None:
        return [None] * len(members)
    files = [out / f"{short_name(network)}-phi{each.phi:g}.json" for each in members]
    for each, file in zip(members, files, strict=True):
        write_json(file, each.architecture.to_dict())
    return [str(file) for file in files]


def _print(network: str, members: "list[Member]") -> None:
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import count, plus_minus

    table = Table(title=network)
    timed = any(each.latency for each in members)
    for name in ("phi", "depth", "width", "pixels", "parameters", "MAdds", *["latency"] * timed):
        table.add_column(name, justify="right")
    for each in members:
        table.add_row(
            f"{each.phi:g}",
            f"×{each.scale.depth:.2f}",
            f"×{each.scale.width:.2f}",
            str(each.architecture.resolution),
            f"{each.parameters:,}",
            count(each.madds),
            *([plus_minus(each.latency.to_dict())] if each.latency else []),
        )
    Console(highlight=False).print(table)
