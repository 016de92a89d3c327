"""`pocketnas evaluate`: how often networks are right on labelled images."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pocketnas.run.scoring import Score

_MISTAKES = 5


def evaluate(
    networks: Annotated[
        list[str],
        typer.Argument(
            help="Run folders, .tflite files, names of the zoo with --weights, .json or .txt"
            " architectures with --weights."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="What train takes as --data. [default: the run's own]. Of the data a network was"
            " trained on, only the held-out images are looked at."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A checkpoint. [default: those of the run]")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Side of the image in pixels. [default: its own]")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="For torch. [default: a GPU if there is one]")
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Draw which class is taken for which, of one network.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score networks on labelled images: accuracy, and what they take for what."""
    from pocketnas.cli.waiting import waiting
    from pocketnas.errors import SettingError
    from pocketnas.report.confusion import confusion_png
    from pocketnas.run.evaluating import evaluate as run

    if len(networks) > 1 and (weights or png):
        raise SettingError("--weights and --png are for one network at a time")
    with waiting("scoring") as told:
        rows = [
            run(word, data, weights, resolution=resolution, device=device, told=told)
            for word in networks
        ]
    if json_:
        typer.echo(json.dumps([score.to_dict() | {"data": what} for what, score in rows], indent=2))
    else:
        _print(rows)
    if png:
        confusion_png(rows[0][1], png)


def _print(rows: "list[tuple[str, Score]]") -> None:
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import from_to, percent, wilson

    console = Console(highlight=False)
    table = Table(caption="in brackets the 95 % interval that so many images allow")
    table.add_column("network", overflow="fold")
    table.add_column("images", overflow="fold")
    first = any(score.top5 is not None for _, score in rows)
    for name in ("accuracy", *(["in the first 5"] if first else []), "loss"):
        table.add_column(name, justify="right")
    for what, score in rows:
        table.add_row(
            f"{score.name} ({score.kind})",
            f"{score.images:,} {what}",
            f"{percent(score.top1)} ({from_to(*wilson(score.top1, score.images), 100)})",
            *(["" if score.top5 is None else percent(score.top5)] if first else []),
            f"{score.loss:.3f}",
        )
    console.print(table)
    if len(rows) > 1:
        return
    score = rows[0][1]
    worst = sorted(score.by_class.items(), key=lambda pair: pair[1])[:_MISTAKES]
    texts = [
        ("lowest", [f"{name} {percent(share)}" for name, share in worst]),
        ("taken for another", [f"{a} for {b}: {n}" for a, b, n in score.mistakes[:_MISTAKES]]),
    ]
    for what, found in texts:
        if found:
            console.print(f"{what}: {', '.join(found)}", markup=False, soft_wrap=True)
