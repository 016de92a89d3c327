"""`pocketnas`: collects the verbs, and turns errors that a user can mend into one sentence."""

import sys

import typer

from pocketnas import __version__
from pocketnas.cli.adapt import adapt
from pocketnas.cli.calibrate import calibrate
from pocketnas.cli.compare import compare
from pocketnas.cli.device import device, devices
from pocketnas.cli.evaluate import evaluate
from pocketnas.cli.export import export
from pocketnas.cli.measure import measure
from pocketnas.cli.predict import predict
from pocketnas.cli.price import price
from pocketnas.cli.recipes import recipes
from pocketnas.cli.report import report
from pocketnas.cli.scale import scale
from pocketnas.cli.search import search
from pocketnas.cli.show import show
from pocketnas.cli.spaces import spaces
from pocketnas.cli.train import train
from pocketnas.cli.zoo import zoo
from pocketnas.errors import PocketNASError

app = typer.Typer(
    name="pocketnas",
    help="Finds image networks that are accurate and fast on your own device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its markup would swallow a help text's [default: ...]
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS = (
    *(search, report, spaces, zoo, show, measure, compare),
    *(train, recipes, adapt, scale, evaluate, predict, export, calibrate, price, devices),
)
for verb in VERBS:
    app.command(short_help=(verb.__doc__ or "").partition("\n")[0])(verb)  # else cut off with dots

app.add_typer(device, name="device")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pocketnas {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def main() -> None:
    """The entry point of the `pocketnas` program."""
    try:
        app()
    except PocketNASError as error:
        typer.echo(f"pocketnas: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("pocketnas: stopped", err=True)
        sys.exit(130)
