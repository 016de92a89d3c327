"""`pocketnas devices` and `pocketnas device`: what can measure, and what it needs before."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pocketnas.cli.latencies import Json, Program, Threads, Where

device = typer.Typer(
    help="Check a device, prepare a board, or simulate a phone.", no_args_is_help=True
)


def devices(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the devices at hand: this computer, and the phones that adb knows.

    Boards are named, not found: ssh:user@host.
    """
    from pocketnas.devices.adb import Adb
    from pocketnas.devices.host_worker import cpu_model
    from pocketnas.errors import DeviceError

    rows = [{"device": "host", "state": "device", "model": cpu_model()}]
    trouble = ""
    try:
        rows += [
            {"device": f"android:{phone.serial}", "state": phone.state, "model": phone.model}
            for phone in Adb().attached()
        ]
    except DeviceError as error:
        trouble = str(error)
    if json_:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = "" if row["state"] == "device" else f" ({row['state']})"
        typer.echo(f"{row['device']:<28} {row['model']}{state}")
    if trouble:
        typer.echo(f"no phones: {trouble}")


@device.command()
def prepare(
    address: Annotated[str, typer.Argument(help="The board: ssh:user@host or ssh:user@host:port.")],
) -> None:
    """Install LiteRT on a Linux board, in an environment of its own in ~/.cache/pocketnas.

    Logging in must work without a question, as after ssh-copy-id. Then: pocketnas measure
    mobilenet_v2 --device ssh:user@host
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.devices.environment import prepare as install

    with waiting(f"preparing {address}") as told:
        found = install(address, told)
    typer.echo(f"{address}: {found}")


@device.command()
def check(
    device: Where = "host",
    benchmark_model: Program = None,
    threads: Threads = 1,
    seconds: Annotated[float, typer.Option(help="About how long to measure.")] = 20.0,
    png: Annotated[Path | None, typer.Option(help="Draw the repeats into this file.")] = None,
    json_: Json = False,
) -> None:
    """Tell how small a difference a device can resolve, and what to mend about it.

    MobileNetV2 is measured against itself again and again, and MobileNetV3-Small beside it.
    """
    from pocketnas.cli.waiting import waiting
    from pocketnas.report.figures import milliseconds, percent
    from pocketnas.report.steadiness import steadiness_png
    from pocketnas.run.device import open_device
    from pocketnas.run.steadiness import steadiness
    from pocketnas.tflite import write
    from pocketnas.zoo import mobilenet_v2
    from pocketnas.zoo.mobilenetv3 import mobilenet_v3_small

    reference, other = write(mobilenet_v2().graph()), write(mobilenet_v3_small().graph())
    program = None if benchmark_model is None else str(benchmark_model)
    with (
        waiting(f"checking {device}") as told,
        open_device(device, reference, threads=threads, program=program) as opened,
    ):
        found = steadiness(opened, reference, other, seconds=seconds, watch=told)
    if json_:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        facts = found.facts
        heat = facts.get("heat") or {}
        known = {
            "governor": facts.get("governor"),
            "cores used": facts.get("affinity"),
            "degrees before": (heat.get("opened") or {}).get("celsius"),
            "degrees after": (heat.get("measured") or {}).get("celsius"),
        }
        words = ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)
        typer.echo(f"{facts['device']}{f': {words}' if words else ''}")
        for name, scatter in (("MobileNetV2 against itself", found.itself),
                              ("MobileNetV3-Small", found.unlike)):  # fmt: skip
            typer.echo(
                f"{name}, {scatter.repeats} times: ratio {scatter.ratio:.4f}, between repeats"
                f" {percent(scatter.between, 2)} (raw times {percent(scatter.raw, 2)}), one"
                f" measurement's own interval ±{percent(scatter.within, 2)}"
            )
            typer.echo(
                f"  resolves {percent(scatter.resolves)}, {milliseconds(scatter.resolves_ms)}:"
                " two networks closer than that cannot be told apart by one measurement each"
            )
        for note in found.notes or ("nothing to mend",):
            typer.echo(f"- {note}")
    if png is not None:
        steadiness_png(found.series, png)
        if not json_:
            typer.echo(png)


@device.command()
def simulate(
    port: Annotated[int, typer.Option(help="To listen on; 0 takes a free one.")] = 5585,
    slowness: Annotated[
        float, typer.Option(help="Its time for a network, as a multiple of this computer's.")
    ] = 1.0,
    noise: Annotated[
        float, typer.Option(help="How far its run times scatter, as a share of themselves.")
    ] = 0.05,
    heating: Annotated[
        float, typer.Option(help="Degrees Celsius that it gains in a second of work.")
    ] = 0.0,
    dropout_every: Annotated[
        float | None, typer.Option(help="Mean seconds between two times that it is unplugged.")
    ] = None,
    dropout: Annotated[float, typer.Option(help="Seconds that it then stays away.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Of its noise and its dropouts.")] = 0,
) -> None:
    """Simulate a phone, to rehearse a search before plugging in a real one. Ctrl-C ends it.

    It speaks adb's own protocol, so the real adb connects to it; its networks run on this computer.
    Any file that is no program of this computer will do as its benchmark_model.
    """
    from time import sleep

    import pocketnas
    from pocketnas.devices.simulated import Phone, SimulatedPhone

    phone = Phone(
        slowness=slowness,
        noise=noise,
        heating_c=heating,
        dropout_every_s=dropout_every,
        dropout_s=dropout,
        seed=seed,
    )
    simulated = SimulatedPhone(phone, port=port)
    try:
        typer.echo(
            f"A simulated phone listens at {simulated.address}; in another terminal:\n"
            f"pocketnas measure mobilenet_v2 --device android:{simulated.address}"
            f" --benchmark-model {pocketnas.__file__}"
        )
        while True:
            sleep(3600)
    except KeyboardInterrupt:
        typer.echo("unplugged for good")
    finally:
        simulated.close()
