"""`pocketnas export`: trained weights as a checked `.tflite`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def export(
    network: Annotated[
        str, typer.Argument(help="A name of the zoo, a run folder, or a JSON architecture.")
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
        int | None, typer.Option(min=1, help="Side of the image in pixels. [default: its own]")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Write full integers; needs --calibrate.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="A folder or .zip of images like those the network will see."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many of those at most.")] = 100,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a network with its trained weights as .tflite, and compare it with torch.

    Without images the comparison uses random noise. int8 takes its ranges from the images.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.run.export import export as run
    from pocketnas.run.export import trained

    with waiting("exporting"):
        pretrained = trained(network, weights, resolution=resolution)
        done = run(pretrained, out, calibration=calibrate, images=images, int8=int8)
    if json_:
        typer.echo(json.dumps(asdict(done) | {"path": str(done.path)}, indent=2))
        return
    from pocketnas.report.figures import percent, size, tiny

    what = "images" if done.real else "inputs of random noise"
    typer.echo(
        f"{done.path}: {size(done.size_bytes)}, {'int8' if done.int8 else 'float32'},"
        f" input {'×'.join(map(str, done.shape))}"
    )
    typer.echo(
        f"compared with torch on {done.images} {what}: largest difference"
        f" {tiny(done.largest_difference)}, same class {percent(done.agreement)}"
    )
    mean, std = (", ".join(f"{v:g}" for v in values) for values in (done.mean, done.std))
    typer.echo(f"feed it (pixel - {mean}) / {std}, pixels from 0 to 255, RGB")
    if done.int8:
        typer.echo(f"as integers: round(value / {done.scale:.6g}) + {done.zero_point}")
