"""The end of a run: the best few trained longer, measured beside the rivals, the winner shipped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import to_lines
from pocketnas.devices import Device, Latency, repeated
from pocketnas.devices.litert import LiteRtDevice
from pocketnas.errors import DeviceError, StudyError
from pocketnas.graph.count import madds, parameters
from pocketnas.report.figures import percent, plus_minus
from pocketnas.report.summary import Row
from pocketnas.report.trust import trust_words
from pocketnas.run.evaluate import Costed, Value, once_more
from pocketnas.run.folder import RunFolder, load_weights, write_bytes
from pocketnas.run.patience import Patience
from pocketnas.run.plan import Plan
from pocketnas.run.proxy import Figures, Proxies, run_tasks
from pocketnas.run.shipping import Accuracies, Shipping
from pocketnas.run.training import Task, Trained
from pocketnas.run.trust import spread, trust
from pocketnas.run.watch import Watch
from pocketnas.spaces.space import Space
from pocketnas.study.executor import LocalExecutor
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome
from pocketnas.train import network as torch_network

ROUNDS = 3
"""How often each network of the final table is measured, all in turn."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The final networks, the winner first among the found ones, and the winner's check."""

    winner: Row
    finalists: tuple[Row, ...]
    rivals: tuple[Row, ...]
    check: dict[str, Any]
    trust: dict[str, Any]


def finish(
    study: Study,
    planned: Plan,
    task: Task,
    value: Value,
    *,
    finalists: int,
    check_proxy: int,
    shipping: Shipping,
    executor: LocalExecutor,
    proxies: Proxies,
    patience: Patience,
    device: Device,
    costs: Costed | None,
    folder: RunFolder,
    watch: Watch,
) -> Finished:
    """Trains the best few and the rivals by one recipe, measures them in one go, writes the best.

    The winner has the highest reward by *validation* accuracy; test accuracies only fill the table.
    So many further networks of the study as `check_proxy` says are trained as long, only to tell
    whether the proxy ranks networks as a longer training does.

    Raises:
        StudyError: no trial succeeded, or all finalists or a rival could not be trained.
        ModelError: the exported model is not the trained network.
    """
    found = _best(study, planned.space, finalists)
    further = spread(study, planned.space, check_proxy, [*found, *planned.rivals.values()])
    proxies.whole({network.digest: network for network in planned.rivals.values()})
    searched = {f"found #{i}": network for i, network in enumerate(found, 1)}
    spared = {f"check #{i}": network for i, network in enumerate(further, 1)}
    best, rest = (
        {name: planned.grow(network) for name, network in networks.items()}
        for networks in (searched, spared)
    )
    everyone = best | dict(planned.rivals) | rest
    trained = _train(everyone, task, study, executor, patience, folder, watch)
    for needed in (list(best), *([name] for name in planned.rivals)):
        errors = [trained[name]["error"] for name in needed if "error" in trained[name]]
        if len(errors) == len(needed):
            raise StudyError(
                f"the final training of {needed[0]} failed: {errors[0]}; all trials are kept,"
                f" resume with: pocketnas search --resume {folder.path}"
            )
    trusted = _trust(searched | dict(planned.rivals) | spared, trained, study)
    watch.note(trust_words(trusted))
    networks = {
        name: network
        for name, network in (best | dict(planned.rivals)).items()
        if "error" not in trained[name]
    }
    files = {
        name: shipping.files(network.graph(), load_weights(folder.weights(network.digest)))
        for name, network in networks.items()
    }
    latencies = _measure({name: each.shipped for name, each in files.items()}, device, watch)
    if not latencies.keys() & best.keys():
        raise StudyError(
            f"none of the finalists' files could be measured on {device.name}; all trials and"
            f" trainings are kept, go on with: pocketnas search --resume {folder.path}"
        )
    rows = {}
    for name, network in networks.items():
        if name not in latencies:
            continue
        figures = trained[name]
        scored = shipping.accuracies(files[name], figures["validation"], figures["test"])
        row = _row(name, network, scored, latencies[name], len(files[name].shipped), costs)
        rows[name] = replace(row, searched=searched[name].digest if name in searched else "")
        floats = f" (in float {percent(scored.floats)})" if shipping.int8 else ""
        watch.note(
            f"{name}: {percent(row.accuracy)}{floats} of the test images in"
            f" {plus_minus(row.latency)}"
        )
    ranked = sorted(
        (row for name, row in rows.items() if name not in planned.rivals),
        key=lambda row: value(
            Outcome(row.validation, row.latency["milliseconds"], costs=row.costs)
        ),
        reverse=True,
    )
    winner, written = networks[ranked[0].name], files[ranked[0].name]
    twin = torch_network.Network(winner.graph())
    torch_network.load_weights(twin, load_weights(folder.weights(winner.digest)))
    checked = shipping.check(written, twin)
    write_bytes(folder.model, written.shipped)
    if shipping.int8:
        write_bytes(folder.float_model, written.float32)
        _tell_what_is_left(device, written.shipped, watch)
    return Finished(
        replace(ranked[0], name="found"),
        tuple(ranked[1:]),
        tuple(rows[name] for name in planned.rivals if name in rows),
        checked,
        trusted,
    )


def _best(study: Study, space: Space[Architecture], n: int) -> list[Architecture]:
    """The `n` networks with the highest rewards among all completed trials, each once."""
    ok = [t for t in study.trials if t.reward is not None and not t.outcome.estimated]
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
    patience: Patience,
    folder: RunFolder,
    watch: Watch,
) -> dict[str, Figures]:
    """Final trainings, each remembered when it ends; its weights are already on disk then."""
    found: dict[str, Figures] = {}
    tasks: dict[str, Task] = {}
    for network in networks.values():
        digest, weights = network.digest, folder.weights(network.digest)
        known = study.storage.recall("final", digest)
        if known and weights.exists():
            found[digest] = known
        else:
            tasks[digest] = replace(task, architecture=network, weights=weights)
    names = {network.digest: name for name, network in networks.items()}
    for done, result in run_tasks(executor, list(tasks.values()), patience):
        digest, epochs = done.architecture.digest, task.recipe.epochs
        if isinstance(result, Trained):
            found[digest] = {"validation": result.validation, "test": result.test}
            study.storage.remember("final", digest, found[digest])
            text = f"in {result.seconds:.0f} s: validation {result.validation:.3f}"
        else:
            found[digest] = {"error": f"{type(result).__name__}: {result}"}
            text = f"in vain: {found[digest]['error']}"
        watch.advance(epochs, f"{names[digest]} trained {epochs} epochs {text}")
    return {name: found[network.digest] for name, network in networks.items()}


def _trust(
    networks: Mapping[str, Architecture], trained: Mapping[str, Figures], study: Study
) -> dict[str, Any]:
    """Of the networks that were trained both ways, each once."""
    pairs = {}
    for digest, name in {network.digest: name for name, network in networks.items()}.items():
        proxy = study.storage.recall("proxy", digest)
        if proxy and "error" not in trained[name]:
            pairs[name] = proxy["accuracy"], trained[name]["validation"]
    return trust(pairs)


def _measure(models: Mapping[str, bytes], device: Device, watch: Watch) -> dict[str, Latency]:
    """Measures all models in turn, and in turn again: one interval over several spells.

    One that the device refuses is left out: XNNPACK takes no int8 file whose training has diverged.
    """
    rounds: dict[str, list[Latency]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name in list(rounds):
            try:
                rounds[name].append(once_more(partial(device.measure, models[name])))
            except DeviceError as error:
                del rounds[name]
                watch.note(f"{name} is left out, its file cannot be measured: {error}")
    return {name: repeated(found) for name, found in rounds.items()}


def _tell_what_is_left(device: Device, model: bytes, watch: Watch) -> None:
    """Operators that XNNPACK leaves to slower kernels: not what a user of int8 expects."""
    if isinstance(device, LiteRtDevice):
        found = device.inspect(model)
        if found.left and found.partitions > 1:
            names = ", ".join(f"{found.left.count(op)} {op}" for op in dict.fromkeys(found.left))
            watch.note(
                f"warning: XNNPACK does not take {names} of the found network, which cuts it into"
                f" {found.partitions} pieces"
            )


def _row(
    name: str,
    network: Architecture,
    scored: Accuracies,
    latency: Latency,
    size: int,
    costs: Costed | None,
) -> Row:
    graph = network.graph()
    return Row(
        name=name,
        accuracy=scored.test,
        validation=scored.validation,
        float_accuracy=scored.floats,
        latency=latency.to_dict(),
        madds=madds(graph),
        parameters=parameters(graph),
        size_bytes=size,
        digest=network.digest,
        lines=tuple(to_lines(network)),
        costs=once_more(lambda: costs.of(network, graph)) if costs else {},
    )
