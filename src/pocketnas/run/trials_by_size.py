"""Networks of different input sizes trained alike on the user's data, some seeds each."""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import torch

from pocketnas.arch.architecture import Architecture
from pocketnas.errors import StudyError
from pocketnas.run.folder import RunFolder
from pocketnas.run.images import opened
from pocketnas.run.patience import Patience
from pocketnas.run.proxy import run_tasks
from pocketnas.run.training import Task, Trained, setup_worker
from pocketnas.run.watch import Watch
from pocketnas.study.executor import LocalExecutor
from pocketnas.study.study import Study
from pocketnas.train.recipe import Recipe


def validated(
    networks: Mapping[str, Architecture],
    data: str,
    recipe: Recipe,
    folder: RunFolder,
    watch: Watch,
    *,
    seeds: int = 1,
    workers: int | None = None,
) -> dict[str, list[float]]:
    """Validation accuracies of each network, one a seed; each training is made once a folder.

    A seed decides the split, too. Each size of input gets images decoded at it.

    Args:
        networks: by what the caller calls them.
        data: what `load` takes.
        recipe: of all trainings.
        folder: remembers each accuracy at once, so that a run that was stopped goes on.
        watch: hears of the progress.
        seeds: trainings of each.
        workers: trainings at once; None: one a core, or a GPU alone.

    Raises:
        DataError: the images cannot be read or trained on.
        StudyError: not one training of a network succeeds.
    """
    cores, gpu = os.cpu_count() or 1, torch.cuda.is_available()
    workers = workers or (1 if gpu else cores)
    executor = LocalExecutor(workers, setup_worker, (max(1, cores // workers),))
    with closing(Study(folder.study)) as study, closing(executor):
        storage = study.storage
        paths = {
            side: _decoded(data, side, folder, watch)
            for side in sorted({network.resolution for network in networks.values()})
        }
        tasks = {
            (name, seed): Task(
                network, paths[network.resolution], recipe, seed, "cuda" if gpu else "cpu"
            )
            for name, network in networks.items()
            for seed in range(seeds)
        }
        watch.begin(len(tasks) * recipe.epochs)
        found: dict[str, list[float]] = {name: [] for name in networks}
        todo = []
        for (name, seed), task in tasks.items():
            known = storage.recall(f"seed {seed}", task.architecture.digest)
            if known is None:
                todo.append((name, seed, task))
            else:
                found[name].append(known["accuracy"])
                watch.advance(recipe.epochs, f"{name} was trained before")
        named = {id(task): (name, seed) for name, seed, task in todo}
        for task, result in run_tasks(executor, [task for *_, task in todo], Patience()):
            name, seed = named[id(task)]
            if isinstance(result, Trained):
                figures = {"accuracy": result.validation, "seconds": result.seconds}
                storage.remember(f"seed {seed}", task.architecture.digest, figures)
                found[name].append(result.validation)
                text = f"{result.validation:.3f} after {result.seconds:.0f} s"
            else:
                text = f"{type(result).__name__}: {result}"
            watch.advance(recipe.epochs, f"{name}, seed {seed}: {text}")
        if failed := [name for name, values in found.items() if not values]:
            raise StudyError(f"{failed[0]}: none of its trainings succeeded")
        return found


def _decoded(data: str, side: int, folder: RunFolder, watch: Watch) -> Path:
    path = folder.images / str(side)
    opened(data, side, path, watch.note)
    return path
