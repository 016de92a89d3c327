"""`pocketnas spaces`: the search spaces, their decisions and sizes."""

import json
from typing import Annotated, Any

import typer

_FEW = 6  # decisions of a space that is one among several: MnasNet's of one block


def spaces(
    name: Annotated[str | None, typer.Argument(help="Show this space's decisions.")] = None,
    blocks: Annotated[
        int | None, typer.Option(min=1, max=7, help="Only the first so many blocks.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the search spaces: decisions, options, size.

    The paper's example of five blocks: pocketnas spaces mnasnet --blocks 5
    """
    from pocketnas.errors import SettingError
    from pocketnas.spaces import SPACES, Skeleton, mnasnet_space

    if name is not None and name not in SPACES:
        raise SettingError(f"no space is called {name!r}; there are: {', '.join(SPACES)}")
    if blocks is not None and name != "mnasnet":
        raise SettingError("--blocks is for the space mnasnet")
    known = {key: make() for key, make in SPACES.items() if name in (None, key)}
    if blocks is not None:
        base = Skeleton()
        skeleton = Skeleton(
            strides=base.strides[: blocks + 1],
            filters=base.filters[:blocks],
            layers=base.layers[:blocks],
        )
        known["mnasnet"] = mnasnet_space(skeleton)
    rows: list[dict[str, Any]] = [
        {
            "name": space.name,
            "decisions": [{"name": d.name, "options": list(d.options)} for d in space.decisions],
            "size": space.size,
        }
        for space in known.values()
    ]
    if json_:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        decisions = row["decisions"]
        repeated = len({decision["name"].partition(".")[0] for decision in decisions})
        typer.echo(f"{row['name']}: {len(decisions)} decisions, {_power(row['size'], repeated)}")
        shown = decisions if name else decisions[:_FEW]
        for decision in shown:
            options = ", ".join(str(option) for option in decision["options"])
            typer.echo(f"  {decision['name']:<18} {options}")
        if len(decisions) > len(shown):
            typer.echo(
                f"  … and {len(decisions) - len(shown)} more: pocketnas spaces {row['name']}"
            )


def _power(size: int, blocks: int) -> str:
    root = round(size ** (1 / blocks))
    power = f"{root}^{blocks} = " if root**blocks == size else ""
    return f"{power}{size:.3g} choices"
