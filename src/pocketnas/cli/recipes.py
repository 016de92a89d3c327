"""`pocketnas recipes`: how networks can be trained."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pocketnas.train.recipe import Recipe


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
    for name, recipe in RECIPES.items():
        typer.echo(
            f"{name}: {recipe.epochs} epochs, batch {recipe.batch}\n"
            f"    {recipe.optimizer}; learning rate {recipe.learning_rate:g}, {recipe.schedule}\n"
            f"    images: {recipe.augmentation}\n"
            f"    {'; '.join(_more(recipe))}\n"
            f"    from {recipe.source}"
        )


def _more(recipe: "Recipe") -> list[str]:
    numbers = {
        "weight decay": recipe.weight_decay,
        "label smoothing": recipe.label_smoothing,
        "dropout": recipe.dropout,
        "drop path": recipe.drop_path,
        "auxiliary head": recipe.auxiliary,
        "clip": recipe.clip,
        "moving average": recipe.average,
    }
    return [f"{name} {value:g}" for name, value in numbers.items() if value]
