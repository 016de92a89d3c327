"""How a network is trained, as a frozen value."""

from dataclasses import dataclass, replace
from typing import Literal

from pocketnas.errors import DataError
from pocketnas.train.augment import Augmentation
from pocketnas.train.optimizers import Optimizer, Sgd
from pocketnas.train.schedules import Cosine, Schedule

_SGD, _COSINE, _SHIFT = Sgd(), Cosine(0.2), Augmentation(shift=0.08)

PathSchedule = Literal["time", "depth", "both"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The values by default train with few epochs on few images.

    The papers' ImageNet recipes (`pocketnas.train.recipes`) need hundreds of epochs. For a few
    hundred steps three of their numbers must be shorter-lived: the batch, the batch norm's memory,
    and the learning rate's schedule, which ends at zero whatever the number of epochs.

    Attributes:
        epochs: passes over the images.
        batch: images a step.
        optimizer: what makes steps of gradients.
        learning_rate: its peak, for the batch above.
        schedule: the learning rate over the training.
        weight_decay: of an L2 loss (AdamW: decoupled); never on batch norm.
        decay_biases: whether also on biases.
        label_smoothing: share of a label that is spread over all classes (1512.00567).
        norm_momentum: share of batch norm's running statistics that a step keeps.
        dropout: before the classifier, instead of the architecture's own.
        drop_path: share of images for which the deepest branches are dropped (1603.09382).
        path_schedule: how that share grows: over "time", over "depth" or over "both": v1, v2 and
            v3 of ScheduledDropPath in TF-Slim's NASNet.
        auxiliary: weight of the auxiliary head's loss, for architectures that have one.
        clip: largest norm of all gradients together.
        average: decay of the average of all weights and statistics, which is the result; 0: none.
            Early on it is (1 + step) / (10 + step), as in TensorFlow.
        augmentation: of the images.
        source: where the numbers are from.
    """

    epochs: int = 3
    batch: int = 64
    optimizer: Optimizer = _SGD
    learning_rate: float = 0.1
    schedule: Schedule = _COSINE
    weight_decay: float = 1e-4
    decay_biases: bool = False
    label_smoothing: float = 0.1
    norm_momentum: float = 0.9
    dropout: float | None = None
    drop_path: float = 0.0
    path_schedule: PathSchedule = "depth"
    auxiliary: float = 0.0
    clip: float | None = None
    average: float = 0.0
    augmentation: Augmentation = _SHIFT
    source: str = "ours, for a few hundred steps"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise DataError(
                f"recipe: needs epochs from 1 and a batch from 2, got {self.epochs}, {self.batch}"
            )
        shares = ("label_smoothing", "norm_momentum", "drop_path", "average")
        for name, share in ((name, getattr(self, name)) for name in shares):
            if not 0 <= share < 1:
                raise DataError(f"recipe: {name} must be in [0, 1), got {share}")
        if not self.learning_rate > 0:
            raise DataError(f"recipe: learning_rate must be above 0, got {self.learning_rate}")

    def lasting(self, epochs: int) -> "Recipe":
        """The same recipe over another number of epochs: its schedule is stretched to it."""
        by = epochs / self.epochs
        return replace(self, epochs=epochs, schedule=self.schedule.stretched(by))

    def with_batch(self, batch: int) -> "Recipe":
        """The same recipe with another batch; the learning rate follows it (1706.02677)."""
        return replace(self, batch=batch, learning_rate=self.learning_rate * batch / self.batch)
