"""`pocketnas train`: a network on the user's images, from scratch or from known weights."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def train(
    network: Annotated[
        str | None,
        typer.Argument(help="A name of the zoo, a run folder, or a .json or .txt architecture."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="What `pocketnas search --data` takes: images by class.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Fine-tune these: what `pocketnas export --weights` takes."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A name of `pocketnas recipes`. [default: fast; with weights finetune]"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="The recipe's schedule is stretched to it.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Images a step; the learning rate follows it.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its peak.")] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Side of the input in pixels. [default: 28 or 96, as search]")
    ] = None,
    smallest: Annotated[
        int | None,
        typer.Option(
            help="Side of the last map: early strides become 1 until it is reached. [default: as"
            " published; below 96 pixels and without weights 2]"
        ),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option("--flip/--no-flip", help="Mirror images. [default: photos yes]"),
    ] = None,
    hold_out: Annotated[
        float, typer.Option(help="Share of each class that is only tested on.")
    ] = 0.2,
    precision: Annotated[
        str, typer.Option(help="Of products on a GPU: auto, float32, bfloat16, float16.")
    ] = "auto",
    parts: Annotated[
        int, typer.Option(help="A batch goes through the network in so many, to save memory.")
    ] = 1,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu, cuda or cuda:N; several with commas share each batch. [default: a GPU if"
            " there is one]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write its event files into the run folder too.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The run folder. [default: runs/train-<network>-<number>]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the training in this folder.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON; progress goes to stderr.")
    ] = False,
) -> None:
    """Train a network on your images, from scratch or from weights that know images already.

    Everything goes into one run folder, which show, measure, evaluate, predict and export take:
    best.safetensors, best.json, log.jsonl, curves.png. A training that was stopped, even by
    kill -9, goes on with --resume and ends in the same weights.
    """
    from shutil import rmtree

    from pocketnas.cli.training import following
    from pocketnas.data.load import located
    from pocketnas.errors import PocketNASError, SettingError
    from pocketnas.run.folder import RunFolder, next_run, short_name
    from pocketnas.run.train_config import TrainConfig
    from pocketnas.run.trained import stored_training

    if resume is not None:
        if network is not None or data is not None or out is not None:
            raise SettingError("--resume takes the network, the data and all settings from the run")
        config, path = stored_training(resume), resume
    else:
        if network is None or data is None:
            raise SettingError("needs a network and --data, or --resume with a run folder")
        config = TrainConfig(
            network=str(Path(network).absolute()) if Path(network).exists() else network,
            data=located(data),
            weights=None if weights is None else str(weights.absolute()),
            recipe=recipe,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            resolution=resolution,
            smallest=smallest,
            flip=flip,
            hold_out=hold_out,
            precision=precision,
            parts=parts,
            seed=seed,
            device=device,
        )
        path = out or next_run(Path("runs"), f"train-{short_name(network)}")
        if (path / "settings.json").exists():
            raise SettingError(f"{path}: holds a training already; go on with --resume {path}")
    fresh = not path.exists()
    folder = RunFolder(path)
    folder.keep_caches_inside()
    try:
        with following(folder, to_stderr=json_, tensorboard=tensorboard) as follow:
            from pocketnas.run.train import train as run

            follow.note(f"run folder: {folder.path}")
            result = run(config, folder, follow)
    except PocketNASError:
        if fresh and not folder.settings.exists():  # there is nothing to go on with
            rmtree(folder.path)
        raise
    except KeyboardInterrupt:
        typer.echo(
            f"pocketnas: stopped; go on with: pocketnas train --resume {folder.path}", err=True
        )
        sys.exit(130)
    if json_:
        typer.echo(json.dumps(result.about | {"seconds": result.seconds}, indent=2))
        return
    from pocketnas.report.figures import duration, percent, wilson

    low, high = wilson(result.accuracy, result.held_out)
    typer.echo(
        f"{percent(result.accuracy)} of {result.held_out} held-out images (95 % interval"
        f" {percent(low)} to {percent(high)}), after {result.epochs} epochs on"
        f" {result.trained_on} images in {duration(result.seconds)}"
    )
    typer.echo(f"{folder.best_weights}\n{folder.curves}")
    typer.echo(f"next: pocketnas export {path} -o model.tflite, or pocketnas predict {path} IMAGE")
