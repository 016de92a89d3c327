"""`pocketnas export`: trained weights as a checked `.tflite`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


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
        bool, typer.Option("--int8", help="Write full integers; needs --calibrate.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="A folder or .zip of images like those the network will see."),
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

    Without images the comparison uses random noise. int8 takes its ranges from the images.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.data.pixels import Pixels
    from pocketnas.run.export import export as run
    from pocketnas.run.export import trained

    with waiting("exporting"):
        pretrained = trained(network, weights, resolution=resolution)
        mean_, std_ = pretrained.pixels
        pixels = Pixels(_numbers("mean", mean) or mean_, _numbers("std", std) or std_)
        pretrained = pretrained._replace(pixels=pixels)
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
