"""`pocketnas spaces`: the search spaces, their decisions and sizes."""

import json
from typing import Annotated, Any

import typer


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
    from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space

    base = Skeleton()
    count = blocks or len(base.filters)
    skeleton = Skeleton(
        strides=base.strides[: count + 1],
        filters=base.filters[:count],
        layers=base.layers[:count],
    )
    known = {"mnasnet": mnasnet_space(skeleton)}
    if name is not None and name not in known:
        raise SettingError(f"no space is called {name!r}; there are: {', '.join(known)}")
    rows: list[dict[str, Any]] = [
        {
            "name": space.name,
            "blocks": count,
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
        typer.echo(
            f"{row['name']}: {count} blocks, {len(decisions)} decisions,"
            f" {_power(row['size'], count)} architectures"
        )
        for decision in decisions if name else decisions[: len(decisions) // count]:
            options = ", ".join(str(option) for option in decision["options"])
            typer.echo(f"  {decision['name']:<18} {options}")
        if not name and count > 1:
            typer.echo(f"  … and the same for blocks 1 to {count - 1} (pocketnas spaces mnasnet)")


def _power(size: int, blocks: int) -> str:
    root = round(size ** (1 / blocks))
    return f"{root}^{blocks} = {size:.3g}" if root**blocks == size else f"{size:.3g}"
