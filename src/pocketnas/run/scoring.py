"""How often a network is right on labelled images, and where it is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketnas.data.images import Images, Indices
from pocketnas.data.synsets import named, synsets
from pocketnas.errors import DataError
from pocketnas.run.answerer import Answerer

_BATCH = 64
TOP = 5


@dataclass(frozen=True, slots=True)
class Score:
    """A network on labelled images.

    Attributes:
        name: of the network.
        kind: torch, float32 or int8.
        images: how many were looked at.
        top1: share whose largest output is their class.
        top5: share whose class is among the five largest outputs; None with ten outputs or less.
        loss: mean cross-entropy, in nats.
        classes: of the images.
        confusion: images of each class (rows) that were taken for each (columns); the last column
            is for outputs that are no class of these images.
    """

    name: str
    kind: str
    images: int
    top1: float
    top5: float | None
    loss: float
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]

    @property
    def by_class(self) -> dict[str, float]:
        """Share of each class's images that are right; of those that have images."""
        rows = enumerate(zip(self.classes, self.confusion, strict=True))
        return {name: float(row[i] / row.sum()) for i, (name, row) in rows if row.sum()}

    @property
    def mistakes(self) -> list[tuple[str, str, int]]:
        """A class, what it was taken for, how often; the most frequent first."""
        others = (*self.classes, "something else")
        found = [
            (name, others[j], int(row[j]))
            for i, (name, row) in enumerate(zip(self.classes, self.confusion, strict=True))
            for j in np.flatnonzero(row)
            if i != j
        ]
        return sorted(found, key=lambda mistake: -mistake[2])

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "network": self.name,
            "kind": self.kind,
            "images": self.images,
            "top1": self.top1,
            "top5": self.top5,
            "loss": self.loss,
            "by_class": self.by_class,
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
        }


def score(
    answerer: Answerer,
    images: Images,
    indices: Indices,
    told: Callable[[str], None] = lambda text: None,
) -> Score:
    """Asks the network about `images[indices]`.

    Raises:
        DataError: the images are of other classes, colours or too small.
    """
    if answerer.channels != images.channels:
        raise DataError(
            f"{images.name}: has images of {images.channels} channels, {answerer.name} takes"
            f" {answerer.channels}"
        )
    outputs = outputs_of(answerer, images)
    back = np.full(answerer.outputs, len(images.classes))
    back[outputs] = np.arange(len(outputs))
    labels = images.labels[indices]
    found = []
    for start in range(0, len(indices), _BATCH):
        found.append(answerer.answer(images.pixels[indices[start : start + _BATCH]]))
        told(f"{answerer.name}, {start} of {len(indices)} images")
    logits = np.concatenate(found).astype(np.float64)
    right = logits[np.arange(len(labels)), outputs[labels]]
    place = (logits > right[:, None]).sum(1)
    largest = logits.max(1)
    loss = largest + np.log(np.exp(logits - largest[:, None]).sum(1)) - right
    said = logits.argmax(1)
    confusion = np.zeros((len(images.classes), len(images.classes) + 1), np.int64)
    np.add.at(confusion, (labels, back[said]), 1)
    return Score(
        name=answerer.name,
        kind=answerer.kind,
        images=len(labels),
        top1=float((said == outputs[labels]).mean()),
        top5=float((place < TOP).mean()) if answerer.outputs > 2 * TOP else None,
        loss=float(loss.mean()),
        classes=images.classes,
        confusion=confusion,
    )


def outputs_of(answerer: Answerer, images: Images) -> Indices:
    """Which output stands for each class of the images: by its name, without names by its place.

    Raises:
        DataError: a class is none of the network's, or their numbers differ where it has no names.
    """
    known = answerer.feed.classes
    if not known:
        if len(images.classes) == answerer.outputs:
            return np.arange(answerer.outputs)
        raise DataError(
            f"{images.name}: has {len(images.classes)} classes, {answerer.name} has"
            f" {answerer.outputs} outputs, and no file beside it names them"
        )
    places = {name: i for i, name in enumerate(known)}
    if known == named(synsets()):
        places |= {synset: i for i, synset in enumerate(synsets())}
    if missing := [name for name in images.classes if name not in places]:
        raise DataError(
            f"{images.name}: its class {missing[0]!r} is none of the {len(known)} that"
            f" {answerer.name} knows ({_some(known)});"
            f" {len(missing)} of {len(images.classes)} are not"
        )
    return np.array([places[name] for name in images.classes])


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
