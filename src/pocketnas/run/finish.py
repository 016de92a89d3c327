"""The end of a run: the best few trained longer, measured beside the rivals, the winner shipped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.devices import Device, Latency, repeated
from pocketnas.errors import StudyError
from pocketnas.graph.count import madds, parameters
from pocketnas.report.figures import percent, plus_minus
from pocketnas.report.summary import Row
from pocketnas.run.check import check
from pocketnas.run.folder import RunFolder, load_weights, write_bytes
from pocketnas.run.plan import Plan
from pocketnas.run.training import Task, Trained, run_task
from pocketnas.run.watch import Watch
from pocketnas.search.reward import Reward
from pocketnas.spaces.space import Space
from pocketnas.study.executor import LocalExecutor
from pocketnas.study.study import Study
from pocketnas.tflite import write
from pocketnas.train import network as torch_network
from pocketnas.train.images import Images, Indices

ROUNDS = 3
"""How often each network of the final table is measured, all in turn."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The final networks, the winner first among the found ones, and the winner's check."""

    winner: Row
    finalists: tuple[Row, ...]
    rivals: tuple[Row, ...]
    check: dict[str, Any]


def finish(
    study: Study,
    planned: Plan,
    task: Task,
    reward: Reward,
    *,
    finalists: int,
    images: Images,
    test: Indices,
    executor: LocalExecutor,
    device: Device,
    folder: RunFolder,
    watch: Watch,
) -> Finished:
    """Trains the best few and the rivals by one recipe, measures them in one go, writes the best.

    The winner has the highest reward by *validation* accuracy; test accuracies only fill the table.

    Raises:
        StudyError: no trial succeeded, or a final training failed.
        ModelError: the exported model is not the trained network.
    """
    found = _best(study, planned.space, finalists)
    networks = {f"found #{i}": network for i, network in enumerate(found, 1)} | dict(planned.rivals)
    trained = _train(networks, task, study, executor, folder, watch)
    models = {
        name: write(network.graph(), load_weights(folder.weights(network.digest)))
        for name, network in networks.items()
    }
    latencies = _measure(models, device)
    rows = {}
    for name, network in networks.items():
        rows[name] = _row(name, network, trained[name], latencies[name], len(models[name]))
        watch.note(
            f"{name}: {percent(rows[name].accuracy)} of the test images in"
            f" {plus_minus(rows[name].latency)}"
        )
    ranked = sorted(
        (row for name, row in rows.items() if name not in planned.rivals),
        key=lambda row: reward(row.validation, row.latency["milliseconds"]),
        reverse=True,
    )
    winner, model = networks[ranked[0].name], models[ranked[0].name]
    twin = torch_network.Network(winner.graph())
    torch_network.load_weights(twin, load_weights(folder.weights(winner.digest)))
    checked = check(model, twin, images, test)
    write_bytes(folder.model, model)
    return Finished(
        replace(ranked[0], name="found"),
        tuple(ranked[1:]),
        tuple(rows[name] for name in planned.rivals),
        checked,
    )


def _best(study: Study, space: Space[Architecture], n: int) -> list[Architecture]:
    """The `n` networks with the highest rewards among all trials, each once."""
    ok = [trial for trial in study.trials if trial.reward is not None]
    if not ok:
        errors = [trial.outcome.error for trial in study.trials if trial.outcome.error]
        raise StudyError(
            f"none of {len(study.trials)} trials succeeded; the first error was:"
            f" {errors[0] if errors else 'none was recorded'}"
        )
    ok.sort(key=lambda trial: trial.reward or 0.0, reverse=True)
    networks: dict[str, Architecture] = {}
    for trial in ok:
        network = space.decode(trial.genotype)
        networks.setdefault(network.digest, network)
        if len(networks) == n:
            break
    return list(networks.values())


def _train(
    networks: Mapping[str, Architecture],
    task: Task,
    study: Study,
    executor: LocalExecutor,
    folder: RunFolder,
    watch: Watch,
) -> dict[str, dict[str, Any]]:
    """Final trainings, each remembered when it ends; its weights are already on disk then."""
    found: dict[str, dict[str, Any]] = {}
    tasks: dict[str, Task] = {}
    for name, network in networks.items():
        known = study.storage.recall("final", network.digest)
        if known and folder.weights(network.digest).exists():
            found[name] = known
        else:
            weights = folder.weights(network.digest)
            tasks[name] = replace(task, architecture=network, weights=weights)
    names = list(tasks)
    for i, result in executor.map(run_task, list(tasks.values())):
        name = names[i]
        if not isinstance(result, Trained):
            raise StudyError(
                f"the final training of {name} failed: {result}; all trials are kept,"
                f" resume with: pocketnas search --resume {folder.path}"
            )
        found[name] = {"validation": result.validation, "test": result.test}
        study.storage.remember("final", networks[name].digest, found[name])
        watch.advance(
            task.recipe.epochs,
            f"{name} trained {task.recipe.epochs} epochs in {result.seconds:.0f} s:"
            f" validation {result.validation:.3f}",
        )
    return found


def _measure(models: Mapping[str, bytes], device: Device) -> dict[str, Latency]:
    """Measures all models in turn, and in turn again: one interval over several spells."""
    rounds = [
        {name: device.measure(model) for name, model in models.items()} for _ in range(ROUNDS)
    ]
    return {name: repeated([found[name] for found in rounds]) for name in models}


def _row(
    name: str, network: Architecture, trained: dict[str, Any], latency: Latency, size: int
) -> Row:
    graph = network.graph()
    return Row(
        name=name,
        accuracy=trained["test"],
        validation=trained["validation"],
        latency=latency.to_dict(),
        madds=madds(graph),
        parameters=parameters(graph),
        size_bytes=size,
        digest=network.digest,
        lines=tuple(to_lines(network)),
    )
