"""`pocketnas export`: trained weights as a checked `.tflite`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pocketnas.run.export import Exported


def export(
    network: Annotated[
        str,
        typer.Argument(help="A name of the zoo, a run folder, or a .json or .txt architecture."),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(
            help="A PyTorch or safetensors checkpoint: ours, timm's, torchvision's or"
            " efficientnet-lite's. [default: those of the run]"
        ),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")] = Path(
        "model.tflite"
    ),
    resolution: Annotated[
        int | None, typer.Option(help="Side of the image in pixels. [default: its own]")
    ] = None,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Write full integers, and beside it the float file."),
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help="A folder or .zip of images like those the network will see; sets the ranges of"
            " int8. [default: of a run, images it was trained on]"
        ),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many of those at most.")] = 100,
    mean: Annotated[
        str | None,
        typer.Option(
            help="Of the pixels (0 to 255) in training. [default: by the weights' origin]"
        ),
    ] = None,
    std: Annotated[str | None, typer.Option(help="Likewise, such as 58.395,57.12,57.375.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a network with its trained weights as .tflite, and compare it with torch.

    A run's files are scored on its held-out images, beside the network in torch. Without any
    images the comparison uses random noise. What a program needs to feed the file, and the names of
    its classes, lie beside it as FILE.json.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.run.export import export as run
    from pocketnas.run.export import seen_by
    from pocketnas.run.loaded import loaded

    with waiting("exporting") as told:
        given = loaded(network, weights, resolution=resolution)
        given = given.with_pixels(_numbers("mean", mean), _numbers("std", std))
        done = run(given, out, seen_by(given, calibrate, images), int8=int8, told=told)
    if json_:
        typer.echo(json.dumps(done.to_dict(), indent=2))
        return
    _print(done)


def _print(done: "Exported") -> None:
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import percent, size, tiny

    check, int8 = done.check, done.check.get("int8")
    table = Table(title=f"torch and LiteRT on {check['images']:,} {done.what}")
    table.add_column("network", overflow="fold")
    labelled = ("accuracy", "drop") if done.labelled else ()
    for name in (*labelled, "same class", "largest difference", "size"):
        table.add_column(name, justify="right")

    def accuracy(found: float | None) -> list[str]:
        if found is None or not done.labelled:
            return []
        drop = check["torch_accuracy"] - found
        return [percent(found), f"{100 * drop:+.1f}"]

    if done.labelled:
        table.add_row("in torch", percent(check["torch_accuracy"]))
    table.add_row(
        f"{done.float_path or done.path} (float32)",
        *accuracy(check["accuracy"]),
        percent(check["agreement"]),
        tiny(check["largest_difference"]),
        size(done.float_size_bytes),
    )
    if int8:
        table.add_row(
            f"{done.path} (int8)",
            *accuracy(int8["accuracy"]),
            percent(int8["agreement"]),
            "",
            size(done.size_bytes),
        )
    Console(highlight=False).print(table)
    mean, std = (", ".join(f"{v:g}" for v in values) for values in done.feed.pixels)
    colour = "RGB" if done.shape[2] == 3 else "grey"
    shape = "×".join(map(str, (1, *done.shape)))
    typer.echo(f"feed it {shape}: (pixel - {mean}) / {std}, pixels from 0 to 255, {colour}")
    if int8:
        scales = int8["input"]
        typer.echo(f"as integers: round(value / {scales['scale']:.6g}) + {scales['zero_point']}")
    typer.echo(f"all that a program needs: {done.path}.json")


def _numbers(name: str, text: str | None) -> tuple[float, ...]:
    """One number, or three for red, green and blue."""
    from pocketnas.errors import SettingError

    if text is None:
        return ()
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) not in (1, 3) or (name == "std" and min(found) <= 0):
        raise SettingError(f"--{name}: needs one number or three, such as 127.5; got {text!r}")
    return found
