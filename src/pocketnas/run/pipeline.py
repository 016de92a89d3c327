"""The whole run, in order: images, reference, search, control, finalists, report."""

import os
import shutil
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import torch

from pocketnas.data.images import Images, split
from pocketnas.devices import Device
from pocketnas.errors import StudyError
from pocketnas.report.plots import pareto_png
from pocketnas.report.searchers import CONTROL, SEARCH
from pocketnas.report.summary import Summary
from pocketnas.run.adapt.source import check_choosing
from pocketnas.run.config import RunConfig
from pocketnas.run.costs import Costs
from pocketnas.run.device import open_device
from pocketnas.run.evaluate import MEASURING, Evaluator
from pocketnas.run.finish import finish
from pocketnas.run.folder import RunFolder
from pocketnas.run.halving import saved
from pocketnas.run.images import opened
from pocketnas.run.patience import Patience
from pocketnas.run.plan import REFERENCE, Plan, plan
from pocketnas.run.proxy import Proxies
from pocketnas.run.searchers import OFF_POLICY, arms
from pocketnas.run.ship import data_facts, ship, versions
from pocketnas.run.shipping import Shipping
from pocketnas.run.tabled import latencies, predictor
from pocketnas.run.training import Task, setup_worker
from pocketnas.run.warmstart import DEVICE, warm_results
from pocketnas.run.watch import Silent, Watch
from pocketnas.search.limits import Limits
from pocketnas.search.reward import reward_of
from pocketnas.study.executor import LocalExecutor
from pocketnas.study.study import Study, search, worth

LEAST_FREE_MIB = 64


def run(config: RunConfig, folder: RunFolder, watch: Watch) -> Summary:
    """Searches, finishes and reports; continues what the folder already holds.

    Args:
        config: for a new run as the user set it, for a resumed one from `stored_config`.
        folder: where everything goes.
        watch: hears of the progress.

    Raises:
        PocketNASError: one sentence; all that was computed is in the folder.
    """
    with ExitStack() as stack:
        study = stack.enter_context(closing(Study(folder.study)))
        clock = _Clock(study)
        _check_space(folder)
        study.storage.set("config", config.to_dict())
        images = _images(config, folder, study, watch)
        parts = split(images, seed=config.seed)
        planned = plan(config, images, len(parts.train))
        if config.adapt is not None:  # said now, not after hours of searching
            check_choosing(images, parts)
        shipping = Shipping(config.int8, images, parts)
        reference = shipping.candidate(planned.reference.graph())
        device = stack.enter_context(_device(config, reference, study))
        target = config.target_ms or device.reference_ms
        reward, limits = (
            reward_of(config.reward, target, config.weight),
            Limits.parse(config.limits),
        )
        value = partial(worth, reward=reward, limits=limits)
        watch.note(
            f"{REFERENCE} takes {device.reference_ms:.3f} ms on {device.name} when it is calm;"
            f" the target is {target:.3f} ms"
        )
        predict = predictor(config, images, planned.space, planned.reference, device, folder, watch)
        executor = stack.enter_context(closing(_executor(config)))
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
        task = Task(planned.reference, folder.images, planned.proxy, config.seed, accelerator)
        patience = Patience()
        costs = stack.enter_context(
            Costs(
                limits.costs,
                device,
                study.storage,
                lambda threads, scale: open_device(
                    config.device if threads else config.second_device or config.device,
                    reference,
                    threads=threads or config.threads,
                    reference_ms=scale,
                    program=config.benchmark_model,
                    budget_s=config.measure_seconds,
                ),
                int8=config.int8,
            )
        )

        def evaluator(watch: Watch) -> Evaluator:
            return Evaluator(
                study,
                device,
                Proxies(study.storage, executor, task, folder.partial, watch, patience),
                watch,
                value=value,
                costs=costs,
                halving=config.halving,
                # A predictor of accuracy would learn the mean as if it had been observed.
                spare_hopeless=config.reward == "hard" and config.searcher != "guided",
                predict=predict,
                int8=config.int8,
            )

        known_ms = None if predict is None else latencies(predict, planned.space)
        contest = arms(config, planned.space.decisions, reward, limits, known_ms)
        if config.warm_start and not study.trials:
            known = warm_results(
                Path(config.warm_start),
                study,
                planned=planned,
                images=images,
                seed=config.seed,
                device=device,
                evaluate=evaluator(Silent()),
                value=value,
            )
            if config.searcher in OFF_POLICY:
                contest[SEARCH][0].tell(known)
            watch.note(f"{config.warm_start}: {len(known)} trials are known already")
        watch.begin(_work(config, study, planned))
        for arm, (searcher, trials) in contest.items():
            search(
                planned.space,
                searcher,
                evaluator(watch),
                reward,
                study,
                trials=trials,
                batch=config.proposals,
                arm=arm,
                limits=limits,
                watch=lambda study: _after_batch(study, folder, clock, watch),
            )
        spared, epochs = saved(study, planned.proxy.epochs)
        if spared:
            watch.note(f"trials were spared {spared} of {epochs} epochs of training")
        finished = finish(
            study,
            planned,
            replace(task, recipe=planned.final),
            value,
            finalists=config.finalists,
            check_proxy=config.check_proxy,
            shipping=shipping,
            executor=executor,
            proxies=Proxies(study.storage, executor, task, folder.partial, watch, patience),
            patience=patience,
            device=device,
            costs=costs,
            folder=folder,
            watch=watch,
        )
        summary = Summary(
            rows=(finished.winner, *finished.rivals),
            finalists=finished.finalists,
            check=finished.check,
            target_ms=target,
            reference_ms=device.reference_ms,
            trials={arm: len(study.arm(arm)) for arm in contest},
            failed=sum(trial.reward is None for trial in study.trials),
            seconds=clock.read(),
            data=data_facts(images, parts),
            config=config.to_dict(),
            device=device.facts(),
            versions=versions(),
            trust=finished.trust,
        )
        study.storage.set("summary", summary.to_dict())
        ship(folder, study, summary)
    return summary


def _images(config: RunConfig, folder: RunFolder, study: Study, watch: Watch) -> Images:
    """The images; a resumed run must find the same ones."""
    images = opened(config.data, config.resolution, folder.images, watch.note)
    digest = study.storage.get("images")
    if digest is None:
        study.storage.set("images", images.digest)
    elif digest != images.digest:
        raise StudyError(f"{config.data}: these are not the images that the run began with")
    return images


def _device(config: RunConfig, reference: bytes, study: Study) -> Device:
    """The device, on the scale of the study's first session."""
    known = study.storage.get("reference_ms")
    device = open_device(
        config.device,
        reference,
        threads=config.threads,
        reference_ms=known,
        program=config.benchmark_model,
        budget_s=config.measure_seconds,
    )
    if known is None:
        study.storage.set("reference_ms", device.reference_ms)
        study.storage.set(DEVICE, device.facts())
    return device


def _executor(config: RunConfig) -> LocalExecutor:
    """One training a core; small networks leave room on a GPU, which a few share."""
    cores = os.cpu_count() or 1
    # Four a GPU is a guess that no GPU has confirmed yet; one that is short of memory is repeated
    # alone. Latency is never measured meanwhile.
    workers = config.workers or (min(4, cores) if torch.cuda.is_available() else cores)
    return LocalExecutor(workers, setup_worker, (max(1, cores // workers),))


def _work(config: RunConfig, study: Study, planned: Plan) -> float:
    """The work ahead, in epochs of training."""
    left = max(0, config.trials - len(study.arm(SEARCH)))
    left += max(0, config.controls - len(study.arm(CONTROL)))
    finals = config.finalists + len(planned.rivals) + config.check_proxy
    trials = left * (planned.proxy.epochs + MEASURING)
    return trials + len(planned.rivals) * planned.proxy.epochs + finals * planned.final.epochs


class _Clock:
    """The run's time over all its sessions, as far as they lasted until a batch was recorded."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._before = study.storage.get("seconds") or 0.0
        self._began = perf_counter()

    def read(self) -> float:
        """Seconds, also kept in the study."""
        seconds: float = self._before + perf_counter() - self._began
        self._study.storage.set("seconds", seconds)
        return seconds


def _after_batch(study: Study, folder: RunFolder, clock: _Clock, watch: Watch) -> None:
    _check_space(folder)
    clock.read()
    pareto_png(study, None, folder.pareto)
    watch.trials(study)


def _check_space(folder: RunFolder) -> None:
    free = shutil.disk_usage(folder.path).free >> 20
    if free < LEAST_FREE_MIB:
        raise StudyError(
            f"{folder.path}: only {free} MiB are free, at least {LEAST_FREE_MIB} are needed;"
            f" free some and go on with: pocketnas search --resume {folder.path}"
        )
