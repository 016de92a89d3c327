"""`pocketnas device`: what devices need before they can measure."""

from typing import Annotated

import typer

device = typer.Typer(help="Prepare a device for measuring.", no_args_is_help=True)


@device.callback()
def _verbs() -> None:
    pass  # so that there is a verb even while there is only one


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
