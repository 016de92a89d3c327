"""`pocketnas scale --search-coefficients`: which way to grow a network, by trainings."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pocketnas.run.coefficients import Tried

_SHOWN = 10  # of the grid


def search(
    network: str, data: str | None, out: Path | None, *, json_: bool, **settings: Any
) -> None:
    """Trains the grid and prints it, the best first."""
    from pocketnas.cli.progress import watching
    from pocketnas.data.load import located
    from pocketnas.errors import SettingError
    from pocketnas.report.scaling import grid_png
    from pocketnas.run.coefficients import search_coefficients
    from pocketnas.run.folder import RunFolder, next_run, short_name, write_json

    if data is None:
        raise SettingError("--search-coefficients needs --data: what train takes as --data")
    folder = RunFolder(out or next_run(Path("runs"), f"scale-{short_name(network)}"))
    folder.keep_caches_inside()
    word = str(Path(network).absolute()) if Path(network).exists() else network
    try:
        with watching(to_stderr=json_) as watch:
            watch.note(f"run folder: {folder.path}")
            tried = search_coefficients(word, located(data), folder, watch, **settings)
    except KeyboardInterrupt:
        typer.echo(
            f"pocketnas: stopped; the same command with --out {folder.path} goes on", err=True
        )
        raise typer.Exit(130) from None
    rows = [each.to_dict() for each in tried]
    write_json(folder.path / "grid.json", rows)
    grid_png(rows, folder.path / "grid.png")
    if json_:
        typer.echo(json.dumps({"folder": str(folder.path), "tried": rows}, indent=2))
        return
    _print(tried, folder.path / "grid.png", network)


def _print(tried: "list[Tried]", picture: Path, network: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from pocketnas.report.figures import count, percent
    from pocketnas.run.coefficients import GRID, best

    table = Table(title=f"{network}, grown to about twice the cost")
    table.add_column("alpha,beta,gamma")
    for name in ("pixels", "MAdds", "accuracy"):
        table.add_column(name, justify="right")
    left = _SHOWN
    for each in tried:
        if each.kind == GRID:
            left -= 1
            if left < 0:
                continue
        spread = "" if each.deviation is None else f" ±{100 * each.deviation:.1f}"
        table.add_row(
            each.name, str(each.resolution), count(each.madds), percent(each.mean) + spread
        )
    console = Console(highlight=False)
    console.print(table)
    hidden = max(0, sum(each.kind == GRID for each in tried) - _SHOWN)
    more = f" ({hidden} more points of the grid are in grid.json)" if hidden else ""
    console.print(f"best: --coefficients {best(tried).name}{more}", markup=False, soft_wrap=True)
    console.print(str(picture), markup=False, soft_wrap=True)
