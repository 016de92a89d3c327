"""`pocketnas adapt`: a trained network shrunk to a latency."""

import json
from pathlib import Path
from shutil import rmtree
from typing import Annotated

import typer

from pocketnas.cli.adapted import print_adapted, refuse_short
from pocketnas.cli.latencies import Program, Threads, Where


def adapt(
    network: Annotated[
        str | None,
        typer.Argument(help="A run folder, or a network with --weights and --data."),
    ] = None,
    to: Annotated[
        float | None, typer.Option(help="Share of the network's latency to shrink it to: 0.7.")
    ] = None,
    target_ms: Annotated[
        float | None, typer.Option(help="Or the latency itself, milliseconds.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="What train takes as --data. [default: the run's own]")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A checkpoint. [default: those of the run]")
    ] = None,
    step: Annotated[
        float, typer.Option(help="Least share of the latency that the first step saves.")
    ] = 0.01,
    decay: Annotated[float, typer.Option(help="Of it, from step to step.")] = 0.98,
    choose: Annotated[
        str,
        typer.Option(help="ratio: accuracy a millisecond (MobileNetV3); accuracy (NetAdapt)."),
    ] = "ratio",
    also: Annotated[
        list[str] | None,
        typer.Option(help="Propose too: kernel (smaller), se (removed), layer (removed)."),
    ] = None,
    tune_steps: Annotated[
        int, typer.Option(help="Of each proposal's short training; more choose better.")
    ] = 30,
    batch: Annotated[int, typer.Option(help="Images a step, of those trainings.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Likewise, its peak.")] = 0.01,
    then: Annotated[
        str, typer.Option(help="The longer training in the end: finetune, or from scratch.")
    ] = "finetune",
    epochs: Annotated[int | None, typer.Option(help="Of that. [default: its recipe's]")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Of that. [default: finetune; from scratch fast]")
    ] = None,
    hold_out: Annotated[
        float, typer.Option(help="Share of --data that is only tested on; a run has its own.")
    ] = 0.2,
    device: Where = "host",
    benchmark_model: Program = None,
    threads: Threads = 1,
    table_seconds: Annotated[
        float, typer.Option(help="About how long making the latency table may take.")
    ] = 60.0,
    measure_seconds: Annotated[
        float, typer.Option(help="For each network on the path, at most.")
    ] = 3.0,
    workers: Annotated[
        int | None, typer.Option(help="Proposals that train at once. [default: one a core]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The run folder. [default: runs/adapt-<network>-<number>]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the adaptation in this folder.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON; progress goes to stderr.")
    ] = False,
) -> None:
    """Shrink a trained network to a latency, layer by layer, keeping its weights (NetAdapt).

    Each step proposes a narrower version of every layer that saves enough on the device, trains
    each for a moment, and keeps the best by images held out; in the end the network is trained
    longer and written as .tflite. The run folder gets adapt.json, shrinking.png and all that train
    leaves. What was stopped, even by kill -9, goes on with --resume.
    """
    from os import cpu_count

    from pocketnas.cli.training import following
    from pocketnas.data.load import located
    from pocketnas.errors import PocketNASError, SettingError
    from pocketnas.run.adapt.config import AdaptConfig
    from pocketnas.run.adapt.trail import FILE, stored_config
    from pocketnas.run.folder import RunFolder, next_run, short_name

    if resume is not None:
        if network or to or target_ms:
            raise SettingError("--resume takes no network and no target: the run folder knows them")
        config, path = stored_config(resume), resume
    else:
        if network is None:
            raise SettingError("needs a network, or --resume with a run folder")
        config = AdaptConfig(
            network=str(Path(network).absolute()) if Path(network).exists() else network,
            data=None if data is None else located(data),
            weights=None if weights is None else str(weights.absolute()),
            share=to,
            target_ms=target_ms,
            step=step,
            decay=decay,
            choose=choose,
            also=tuple(also or ()),
            tune_steps=tune_steps,
            batch=batch,
            learning_rate=learning_rate,
            then=then,
            epochs=epochs,
            recipe=recipe,
            hold_out=hold_out,
            device=device,
            benchmark_model=None if benchmark_model is None else str(benchmark_model),
            threads=threads,
            table_s=table_seconds,
            measure_s=measure_seconds,
            workers=workers or cpu_count() or 1,
            seed=seed,
        )
        path = out or next_run(Path("runs"), f"adapt-{short_name(network)}")
        if (path / FILE).exists():
            raise SettingError(f"{path}: holds an adaptation already; go on with --resume {path}")
    fresh = not path.exists()
    folder = RunFolder(path)
    folder.keep_caches_inside()
    try:
        with following(folder, to_stderr=json_, tensorboard=False) as follow:
            from pocketnas.run.adapt.adapting import run

            follow.note(f"run folder: {folder.path}")
            result = run(config, folder, follow)
    except PocketNASError:
        if fresh and not (folder.path / FILE).exists():
            rmtree(folder.path)
        raise
    except KeyboardInterrupt:
        typer.echo(
            f"pocketnas: stopped; go on with: pocketnas adapt --resume {folder.path}", err=True
        )
        raise typer.Exit(130) from None
    if json_:
        typer.echo(json.dumps(result | {"folder": str(folder.path)}, indent=2))
    else:
        print_adapted(result, folder)
    refuse_short(result)
