"""How far an adaptation has come: its file is its checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.data.feed import Feed, stored_feed
from pocketnas.errors import ArchitectureError, StudyError
from pocketnas.netadapt.adapt import Adapted, Step
from pocketnas.run.adapt.config import AdaptConfig
from pocketnas.run.adapt.source import Given
from pocketnas.run.folder import RunFolder, write_json

FILE = "adapt.json"


@dataclass(slots=True)
class Trail:
    """An adaptation, from its start to where it is.

    Attributes:
        folder: of the run.
        config: of the user.
        given: the images.
        feed: of the network.
        start: the start; its accuracy is on the images that choose.
        tested: accuracy of the start on the images that nobody looks at.
        reference_ms: the scale: the start's calm latency.
        target_ms: where it ends.
        steps: what each step did, ready for JSON.
        result: the end, ready for JSON.
    """

    folder: RunFolder
    config: AdaptConfig
    given: Given
    feed: Feed
    start: Adapted
    tested: float
    reference_ms: float
    target_ms: float
    steps: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None

    @property
    def now(self) -> Adapted:
        """Where it is."""
        return adapted(self.steps[-1]) if self.steps else self.start

    @property
    def weights(self) -> Path:
        """Of the network where it is."""
        return self.weights_of(len(self.steps))

    def weights_of(self, number: int) -> Path:
        """Of the network after so many steps; only the latest are kept."""
        return self.folder.path / "steps" / f"{number:03}.safetensors"

    def add(self, step: Step, seconds: float) -> None:
        """Commits a step whose weights are in their file already."""
        self.steps.append(
            {
                "changed": step.chosen.proposal.name,
                "was": step.chosen.proposal.was,
                "becomes": step.chosen.proposal.becomes,
                "predicted": step.chosen.proposal.milliseconds,
                **plain(step.now),
                "others": [
                    {
                        "changed": other.proposal.name,
                        "becomes": other.proposal.becomes,
                        "predicted": other.proposal.milliseconds,
                        "accuracy": other.accuracy,
                    }
                    for other in step.others
                ],
                "seconds": seconds,
            }
        )
        self.save()

    def save(self) -> None:
        """Writes the file.

        Raises:
            StudyError: it cannot be written.
        """
        write_json(self.folder.path / FILE, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """All that the file says."""
        return {
            "config": self.config.to_dict(),
            "given": self.given.to_dict(),
            **self.feed.to_dict(self.start.architecture.graph().nodes[0].shape),
            "start": plain(self.start),
            "tested": self.tested,
            "reference_ms": self.reference_ms,
            "target_ms": self.target_ms,
            "steps": self.steps,
            "result": self.result,
        }


def stored_config(path: Path) -> AdaptConfig:
    """The settings of the adaptation in the folder `path`.

    Raises:
        StudyError: there is none.
    """
    return AdaptConfig.from_dict(_read(path)["config"])


def stored_trail(folder: RunFolder) -> Trail | None:
    """The adaptation in the folder; None where it was stopped before its first step.

    Raises:
        StudyError: the file is damaged.
    """
    said = _read(folder.path)
    if "start" not in said:
        return None
    try:
        return Trail(
            folder=folder,
            config=AdaptConfig.from_dict(said["config"]),
            given=Given(**said["given"]),
            feed=stored_feed(folder.path / FILE) or Feed(),
            start=adapted(said["start"]),
            tested=float(said["tested"]),
            reference_ms=float(said["reference_ms"]),
            target_ms=float(said["target_ms"]),
            steps=list(said["steps"]),
            result=said["result"],
        )
    except (KeyError, TypeError, ValueError, ArchitectureError) as error:
        raise StudyError(f"{folder.path / FILE}: is damaged ({error})") from None


def begin(folder: RunFolder, config: AdaptConfig) -> None:
    """Keeps the settings, so that a run can go on whenever it is stopped."""
    write_json(folder.path / FILE, {"config": config.to_dict()})


def plain(network: Adapted) -> dict[str, Any]:
    """For JSON; `adapted` reads it."""
    return {
        "milliseconds": network.milliseconds,
        "accuracy": network.accuracy,
        "architecture": network.architecture.to_dict(),
    }


def adapted(values: Mapping[str, Any]) -> Adapted:
    """From `plain`."""
    return Adapted(
        Architecture.from_dict(values["architecture"]),
        float(values["milliseconds"]),
        float(values["accuracy"]),
    )


def _read(path: Path) -> dict[str, Any]:
    file = path / FILE
    try:
        values: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise StudyError(f"{path}: holds no adaptation (no {FILE})") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{file}: cannot be read ({error})") from None
    if not isinstance(values, dict) or "config" not in values:
        raise StudyError(f"{file}: holds no adaptation")
    return values
