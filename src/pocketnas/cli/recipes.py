"""`pocketnas recipes`: how networks can be trained."""

import json
from typing import Annotated

import typer


def recipes(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the training recipes with their numbers and sources."""
    from dataclasses import asdict

    from pocketnas.train.recipes import RECIPES

    if json_:
        found = {
            name: asdict(recipe)
            | {"optimizer": str(recipe.optimizer), "schedule": str(recipe.schedule)}
            for name, recipe in RECIPES.items()
        }
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="recipes of pocketnas train --recipe")
    for name in ("name", "epochs", "batch", "optimizer", "learning rate", "augmentation", "more"):
        table.add_column(name, overflow="fold")
    for name, recipe in RECIPES.items():
        more = [
            f"weight decay {recipe.weight_decay:g}",
            f"smoothing {recipe.label_smoothing:g}" if recipe.label_smoothing else "",
            f"dropout {recipe.dropout:g}" if recipe.dropout is not None else "",
            f"drop path {recipe.drop_path:g}" if recipe.drop_path else "",
            f"auxiliary head {recipe.auxiliary:g}" if recipe.auxiliary else "",
            f"clip {recipe.clip:g}" if recipe.clip else "",
            f"average {recipe.average:g}" if recipe.average else "",
            f"[{recipe.source}]",
        ]
        table.add_row(
            name,
            str(recipe.epochs),
            str(recipe.batch),
            str(recipe.optimizer),
            f"{recipe.learning_rate:g}, {recipe.schedule}",
            str(recipe.augmentation),
            ", ".join(filter(None, more)).replace("[", "\\["),
        )
    Console(highlight=False).print(table)
