"""`pocketnas predict`: what a network sees in images."""

import json
from pathlib import Path
from typing import Annotated

import typer


def predict(
    network: Annotated[
        str,
        typer.Argument(help="A run folder, a .tflite, or a name of the zoo with --weights."),
    ],
    files: Annotated[
        list[Path], typer.Argument(help="Images, sounds for a network of sounds, or folders.")
    ],
    weights: Annotated[
        Path | None, typer.Option(help="A checkpoint. [default: those of the run]")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes.")] = 3,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Name what images show, with probabilities.

    A file that cannot be read is said so, and the others follow; the exit status is then 1.
    """
    from pocketnas.report.figures import percent
    from pocketnas.run.answerer import answerer
    from pocketnas.run.predict import predict as run

    failed, found = False, []
    for one in run(answerer(network, weights), files, top):
        failed |= one.error is not None
        if json_:
            classes = [{"class": name, "probability": odds} for name, odds in one.classes]
            found.append({"file": str(one.file), "classes": classes, "error": one.error})
        elif one.error is not None:
            typer.echo(f"pocketnas: {one.error}", err=True)
        else:
            said = ", ".join(f"{name} {percent(odds)}" for name, odds in one.classes)
            typer.echo(f"{one.file}: {said}")
    if json_:
        typer.echo(json.dumps(found, indent=2))
    if failed:
        raise typer.Exit(1)
