"""A round of proposals: trained in worker processes, each remembered when it ends."""

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pocketnas.data.images import Images, Split
from pocketnas.errors import StudyError
from pocketnas.netadapt.adapt import Adapted, Proposal, Tuned
from pocketnas.netadapt.changes import names
from pocketnas.run.adapt.config import AdaptConfig
from pocketnas.run.adapt.trail import Trail
from pocketnas.run.adapt.tuning import TuneResult, TuneTask, short_recipe, some, tune
from pocketnas.run.folder import write_json
from pocketnas.study.executor import LocalExecutor

Note = Callable[[str], None]


class Rounds:
    """Trains the proposals of each step.

    Args:
        trail: where the adaptation is.
        images: of the run.
        parts: of them.
        executor: runs the trainings.
        devices: torch devices, which the trainings share.
        note: hears of what went wrong.
    """

    def __init__(
        self,
        trail: Trail,
        images: Images,
        parts: Split,
        executor: LocalExecutor,
        devices: Sequence[str],
        note: Note,
    ) -> None:
        self._trail, self._images, self._parts = trail, images, parts
        self._executor, self._devices, self._note = executor, devices, note
        self._folder = trail.folder.path / "proposals"

    def __call__(self, now: Adapted, proposals: Sequence[Proposal]) -> list[Tuned]:
        """Each after its short training; one that has failed is left out.

        Raises:
            StudyError: all have failed.
        """
        known = {proposal.name: self._known(proposal) for proposal in proposals}
        todo = [proposal for proposal in proposals if known[proposal.name] is None]
        tasks = [
            self._task(now, proposal, self._devices[i % len(self._devices)])
            for i, proposal in enumerate(todo)
        ]
        trouble = ""
        for i, result in self._executor.map(tune, tasks):
            if isinstance(result, TuneResult):
                known[todo[i].name] = result.accuracy
                about = {"digest": todo[i].architecture.digest, "accuracy": result.accuracy}
                write_json(self._file(todo[i]).with_suffix(".json"), about)
            else:
                trouble = f"{todo[i].name}: {type(result).__name__}: {result}"
                self._note(f"left out: {trouble}")
        found = [
            (each, accuracy) for each in proposals if (accuracy := known[each.name]) is not None
        ]
        if not found:
            raise StudyError(f"adapt: no proposal of this step could be trained ({trouble})")
        return [Tuned(proposal, accuracy) for proposal, accuracy in found]

    def keep(self, chosen: Proposal, number: int) -> None:
        """Puts the chosen proposal's weights where those of the step belong."""
        target = self._trail.weights_of(number)
        try:
            shutil.copyfile(self._file(chosen), target.with_suffix(".tmp"))
            target.with_suffix(".tmp").replace(target)
        except OSError as error:
            raise StudyError(f"{target}: cannot be written: {error.strerror}") from None

    def forget(self, number: int) -> None:
        """Removes what the committed step `number` needs no more."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._trail.weights_of(number - 1).unlink(missing_ok=True)

    def _known(self, proposal: Proposal) -> float | None:
        """The accuracy of a training that had ended before the run was stopped."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(self._file(proposal).with_suffix(".json").read_bytes())
            if said["digest"] == proposal.architecture.digest and self._file(proposal).exists():
                return float(said["accuracy"])
        return None

    def _file(self, proposal: Proposal) -> Path:
        return self._folder / f"{len(self._trail.steps):03}-{proposal.name}.safetensors"

    def _task(self, now: Adapted, proposal: Proposal, device: str) -> TuneTask:
        config: AdaptConfig = self._trail.config
        number, resolution = len(self._trail.steps), now.architecture.resolution
        return TuneTask(
            larger=now.architecture,
            weights=self._trail.weights,
            smaller=proposal.architecture,
            names=names(proposal, proposal.architecture.graph()),
            out=self._file(proposal),
            images=self._trail.folder.images,
            train=some(self._parts.train, config.seed, number, config.tune_steps * config.batch),
            held_out=self._parts.validation,
            recipe=short_recipe(
                batch=config.batch,
                learning_rate=config.learning_rate,
                flip=self._images.flips,
                crops=self._images.resolution > resolution,
            ),
            scale=self._trail.feed.pixels,
            seed=config.seed + number,
            device=device,
        )
