"""What the folder of a training holds, for the other verbs and for those who go on with it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketnas.arch.notation import to_lines
from pocketnas.data.feed import Feed
from pocketnas.data.images import Images
from pocketnas.errors import StudyError
from pocketnas.graph.count import madds, parameters
from pocketnas.run.ship import versions
from pocketnas.run.start import Start
from pocketnas.run.train_config import TrainConfig
from pocketnas.train.recipe import Recipe


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training came to.

    Attributes:
        accuracy: top-1 of the held-out images.
        held_out: how many they are.
        trained_on: how many images the network was trained on.
        epochs: of the training.
        seconds: of all its sessions, without scoring.
        about: what `best.json` says.
    """

    accuracy: float
    held_out: int
    trained_on: int
    epochs: int
    seconds: float
    about: dict[str, Any]


def stored_training(path: Path) -> TrainConfig:
    """The settings of the training in the folder `path`.

    Raises:
        StudyError: there is none.
    """
    file = path / "settings.json"
    try:
        values = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise StudyError(f"{path}: holds no training (no {file.name})") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{file}: cannot be read ({error})") from None
    return TrainConfig.from_dict(values)


def about(
    config: TrainConfig,
    recipe: Recipe,
    begun: Start,
    images: Images,
    *,
    accuracy: float,
    trained_on: int,
    held_out: int,
) -> dict[str, Any]:
    """The contents of `best.json`: all that a program needs to rebuild and to feed the network."""
    graph = begun.architecture.graph()
    fed = Feed(
        begun.scale,
        begun.architecture.resolution / images.resolution,
        images.classes,
        images.front_end,
    )
    return {
        "weights": "best.safetensors",
        **fed.to_dict(graph.nodes[0].shape),
        "accuracy": accuracy,
        "madds": madds(graph),
        "parameters": parameters(graph),
        "digest": begun.architecture.digest,
        "block_strings": to_lines(begun.architecture),
        "architecture": begun.architecture.to_dict(),
        "config": config.to_dict(),
        "recipe": {"name": config.recipe_name, "source": recipe.source, "epochs": recipe.epochs},
        "data": {
            "name": images.name,
            "images": len(images),
            "train": trained_on,
            "test": held_out,
            "resolution": images.resolution,
            "channels": images.channels,
        },
        "versions": versions(),
    }
