"""`pocketnas spaces`: the search spaces, their decisions and sizes, random networks of them."""

import json
from inspect import getdoc
from math import exp, log, log10
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pocketnas.arch.architecture import Architecture
    from pocketnas.spaces.space import Space

_FEW = 6  # decisions of a space that is one among several: MnasNet's of one block


def spaces(
    name: Annotated[
        str | None, typer.Argument(help="Show this one: a name, or your own as file.py:function.")
    ] = None,
    blocks: Annotated[
        int | None, typer.Option(min=1, max=7, help="Only the first so many blocks of mnasnet.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Print so many random networks as block strings.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the random networks.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the search spaces: decisions, options, size, random networks.

    The paper's example of five blocks: pocketnas spaces mnasnet --blocks 5
    """
    from pocketnas.errors import SettingError
    from pocketnas.spaces import SPACES, Skeleton, mnasnet_space, named

    if blocks is not None and name != "mnasnet":
        raise SettingError("--blocks is for the space mnasnet")
    known = {key: named(key) for key in ([name] if name else SPACES)}
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
            "about": _about(key),
            "decisions": [{"name": d.name, "options": list(d.options)} for d in space.decisions],
            "size": space.size,
            "sample": _sample(space, sample, seed),
        }
        for key, space in known.items()
    ]
    if json_:
        typer.echo(json.dumps(rows, indent=2, default=str))
        return
    for row in rows:
        _print(row, _FEW if name is None else None)


def _about(name: str) -> str:
    """What the space's own function says of it in a line."""
    from pocketnas.spaces import SPACES

    return (getdoc(SPACES[name]) or "").partition("\n")[0] if name in SPACES else f"From {name}."


def _sample(space: "Space[Architecture]", n: int, seed: int) -> list[dict[str, Any]]:
    from pocketnas.arch.notation import to_lines
    from pocketnas.errors import ArchitectureError
    from pocketnas.graph.count import madds, parameters
    from pocketnas.search.searcher import RandomSearch

    found: list[dict[str, Any]] = []
    for genotype in RandomSearch(space.decisions, seed=seed).ask(n):
        row: dict[str, Any] = {"genotype": genotype}
        try:
            network = space.decode(genotype)
            graph = network.graph()
            row |= {"parameters": parameters(graph), "madds": madds(graph)}
            row |= {"lines": to_lines(network)}
        except ArchitectureError as error:
            row |= {"error": str(error)}
        found.append(row)
    return found


def _print(row: dict[str, Any], few: int | None) -> None:
    from pocketnas.report.figures import count

    decisions = row["decisions"]
    repeated = len({decision["name"].partition(".")[0] for decision in decisions})
    typer.echo(f"{row['name']}: {len(decisions)} decisions, {_power(row['size'], repeated)}")
    typer.echo(f"  {row['about']}")
    wide = max(len(decision["name"]) for decision in decisions[:few])
    for decision in decisions[:few]:
        options = ", ".join(str(option) for option in decision["options"])
        typer.echo(f"  {decision['name']:<{wide}}  {options}")
    if few is not None and len(decisions) > few:
        typer.echo(f"  … and {len(decisions) - few} more: pocketnas spaces {row['name']}")
    for i, network in enumerate(row["sample"], start=1):
        if "error" in network:
            typer.echo(f"  random network {i}: {network['error']}")
            continue
        typer.echo(
            f"  random network {i}: {network['parameters']:,} parameters,"
            f" {count(network['madds'])} MAdds"
        )
        for line in network["lines"]:
            typer.echo(f"    {line}")


def _power(size: int, blocks: int) -> str:
    root = round(exp(log(size) / blocks)) if blocks > 1 else 0
    power = f"{root}^{blocks} = " if root**blocks == size else ""
    figure = f"{size:.3g}" if size < 1e300 else f"10^{log10(size):.0f}"
    return f"{power}{figure} choices"
