"""`pocketnas search`: the main job, from images to a checked `.tflite`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from pocketnas.cli.adapted import print_adapted, refuse_short
from pocketnas.cli.latencies import Program
from pocketnas.run.config import RunConfig
from pocketnas.search.limits import UNITS

if TYPE_CHECKING:
    from pocketnas.run.folder import RunFolder

_DEFAULT = RunConfig()


def search(
    data: Annotated[
        str,
        typer.Option(
            help="A folder (or .zip) with one folder of JPEG, PNG or WAV a class, a .npz or .tar,"
            " or mnist5k, cifar10, cifar100, imagenette."
        ),
    ] = _DEFAULT.data,
    space: Annotated[
        str,
        typer.Option(help="What is searched: a name of `pocketnas spaces`, or file.py:function."),
    ] = _DEFAULT.space,
    resolution: Annotated[
        int | None,
        typer.Option(help="Side of the input in pixels. [default: 28 for mnist5k, else 96]"),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help=f"Architectures to try. [default: {_DEFAULT.trials}]")
    ] = None,
    control: Annotated[
        int | None,
        typer.Option(help="Random architectures to try beside them. [default: as many]"),
    ] = None,
    target_ms: Annotated[
        float | None,
        typer.Option(help="Target latency. [default: MobileNetV2's at the same size]"),
    ] = None,
    reward: Annotated[
        str,
        typer.Option(
            help="soft: trade accuracy for latency; hard: a limit; absolute: at the target; pareto:"
            " search the whole front."
        ),
    ] = _DEFAULT.reward,
    weight: Annotated[
        float | None,
        typer.Option(
            help="Of the latency in the reward; if not given soft -0.07, hard -1, absolute -0.1."
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a further cost, in quotes: 'size<=500' is hard, 'size~500' trades; may be"
            f" repeated. Costs: {', '.join(f'{name} ({unit})' for name, unit in UNITS.items())}."
        ),
    ] = None,
    searcher: Annotated[
        str,
        typer.Option(
            help="guided (predicts accuracy), ppo or reinforce (RNN controller), evolution, random."
        ),
    ] = _DEFAULT.searcher,
    device: Annotated[
        str,
        typer.Option(
            help="Where latency is measured: host (this computer), ssh:user@board, android:SERIAL."
        ),
    ] = _DEFAULT.device,
    latency: Annotated[
        str,
        typer.Option(
            help="Of the trials: device (measured), table (made by `pocketnas calibrate`, or now),"
            " or a table's file. The best are measured in any case."
        ),
    ] = _DEFAULT.latency,
    second_device: Annotated[
        str | None,
        typer.Option(help="Another device, of the limit on its latency: --limit 'second<=20'."),
    ] = None,
    benchmark_model: Program = None,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Ship the full-integer network: its latency and its accuracy."),
    ] = False,
    threads: Annotated[int, typer.Option(help="Threads of the measured model.")] = _DEFAULT.threads,
    measure_seconds: Annotated[
        float | None,
        typer.Option(
            help="At most so long for each measurement. [default: 1 on a computer, 10 on a phone]"
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            help="Proposals an update. [default: 4 of guided search, the papers' 20 else]"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of a proxy training. [default: by the images, at least 3]"),
    ] = None,
    halving: Annotated[
        bool,
        typer.Option("--halving", help="Stop the worse half of each batch after a third."),
    ] = False,
    warm_start: Annotated[
        Path | None,
        typer.Option(help="Begin with what another run of the same space and images has learned."),
    ] = None,
    grow: Annotated[
        str | None,
        typer.Option(
            help="Of NASNet's cells: the size N@P that the found ones are built at in the end, N"
            " cells a stage and about P channels before the classifier."
        ),
    ] = None,
    finalists: Annotated[
        int, typer.Option(help="How many of the best are trained longer.")
    ] = _DEFAULT.finalists,
    check_proxy: Annotated[
        int | None,
        typer.Option(
            help="Further trials to train as long, to see how far the proxy's ranking holds."
        ),
    ] = None,
    adapt: Annotated[
        float | None,
        typer.Option(
            help="Shrink the winner layer by layer to this share of its latency in the end"
            " (NetAdapt, as MobileNetV3 was made); `pocketnas adapt` has all settings."
        ),
    ] = None,
    then: Annotated[
        str, typer.Option(help="After --adapt: finetune, or train from scratch.")
    ] = _DEFAULT.then,
    final_epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of a final training. [default: by the images, at least 8]"),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(help="Multiplies MobileNetV2's filters. [default: 1 from 96 px on]"),
    ] = None,
    depth: Annotated[
        float | None,
        typer.Option(help="Multiplies MobileNetV2's layers. [default: 1 from 96 px on]"),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option("--flip/--no-flip", help="Mirror images in training. [default: photos yes]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Trainings at once. [default: one a core]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = _DEFAULT.seed,
    out: Annotated[
        Path | None, typer.Option(help="The run folder. [default: runs/<data>-<number>]")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with this run; only --trials, --control and --check-proxy may differ."
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON; progress goes to stderr.")
    ] = False,
) -> None:
    """Search an image network that is accurate and fast on your device, and ship it as .tflite.

    Everything goes into one run folder: study.db, best.tflite, best.json, pareto.png, report.html.
    A run that was stopped, even by kill -9, goes on with --resume.
    """
    from dataclasses import replace
    from shutil import rmtree

    from pocketnas.cli.progress import watching
    from pocketnas.cli.table import print_summary
    from pocketnas.data.load import located
    from pocketnas.errors import DataError, SettingError
    from pocketnas.run.folder import RunFolder, next_run
    from pocketnas.run.plan import growing
    from pocketnas.run.stored import begun, stored_config
    from pocketnas.run.tables import read
    from pocketnas.spaces import absolute, named
    from pocketnas.tflite.quantize import check_quantizer

    given = RunConfig(
        data=located(data),
        space=absolute(space),
        resolution=resolution,
        width=width,
        depth=depth,
        trials=_DEFAULT.trials if trials is None else trials,
        control=control,
        batch=batch,
        searcher=searcher,
        reward=reward,
        weight=weight,
        limits=tuple(limit or ()),
        target_ms=target_ms,
        device=device,
        latency=latency if latency in ("device", "table") else str(Path(latency).absolute()),
        second_device=second_device,
        benchmark_model=None if benchmark_model is None else str(benchmark_model.absolute()),
        int8=int8,
        threads=threads,
        measure_seconds=measure_seconds,
        epochs=epochs,
        halving=halving,
        warm_start=None if warm_start is None else str(warm_start.absolute()),
        final_epochs=final_epochs,
        grow=grow,
        finalists=finalists,
        check_proxy=check_proxy or 0,
        adapt=adapt,
        then=then,
        flip=flip,
        workers=workers,
        seed=seed,
    )
    if resume is None:
        path = out or next_run(Path("runs"), Path(data).stem or "images")
        if begun(path):
            raise SettingError(f"{path}: holds a run already; go on with --resume {path}")
        growing(named(space), given.growth)  # what is wrong is said before there is a folder
        if given.warm_start is not None:
            stored_config(Path(given.warm_start))
        if given.int8:
            check_quantizer()
        if given.latency not in ("device", "table"):
            read(Path(given.latency))
        config = given
    else:
        path = resume
        if out is not None:
            raise SettingError("--out and --resume exclude each other")
        free: dict[str, Any] = {"trials": 1, "control": 0, "check_proxy": 0}
        if replace(given, **free) != replace(_DEFAULT, **free):
            raise SettingError(
                "with --resume only --trials, --control and --check-proxy may be given;"
                f" the other settings stay as they are in {resume}"
            )
        stored = stored_config(path)
        config = replace(
            stored,
            trials=stored.trials if trials is None else trials,
            control=stored.control if control is None else control,
            check_proxy=stored.check_proxy if check_proxy is None else check_proxy,
        )
    fresh = not path.exists()
    folder = RunFolder(path)
    folder.keep_caches_inside()
    try:
        with watching(to_stderr=json_) as watch:
            from pocketnas.run.pipeline import run

            watch.note(f"run folder: {folder.path}")
            summary = run(config, folder, watch)
    except DataError:
        if fresh:  # there is nothing to go on with
            rmtree(folder.path)
        raise
    except KeyboardInterrupt:
        _stopped(folder)
    if not json_:
        print_summary(summary, folder, json_=False)
    try:
        small = None if config.adapt is None else _adapted(config, folder, to_stderr=json_)
    except KeyboardInterrupt:
        _stopped(folder)
    if json_:
        print_summary(summary, folder, json_=True, adapted=small)
    if small is not None:
        refuse_short(small)


def _stopped(folder: "RunFolder") -> NoReturn:
    typer.echo(f"pocketnas: stopped; go on with: pocketnas search --resume {folder.path}", err=True)
    sys.exit(130)


def _adapted(config: RunConfig, folder: "RunFolder", *, to_stderr: bool) -> dict[str, Any]:
    """The winner shrunk, in a folder inside the run's; or what was found there already."""
    from pocketnas.cli.training import following
    from pocketnas.run.adapt.adapting import run
    from pocketnas.run.adapt.config import after_search
    from pocketnas.run.folder import RunFolder

    inner = RunFolder(folder.path / "adapted")
    with following(inner, to_stderr=to_stderr, tensorboard=False) as follow:
        follow.note(f"run folder: {inner.path}")
        result = run(after_search(config, folder.path), inner, follow)
    if not to_stderr:
        print_adapted(result, inner)
    return result
