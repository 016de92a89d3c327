"""How a network is trained, as a frozen value."""

from dataclasses import dataclass

from pocketnas.errors import DataError


@dataclass(frozen=True, slots=True)
class Recipe:
    """SGD with Nesterov momentum, linear warm-up and cosine decay: few epochs on few images.

    The papers' ImageNet recipes need hundreds of epochs (1807.11626, section 5). For a proxy of a
    few hundred steps three of their numbers must be shorter-lived: the batch, the batch norm's
    memory, and the learning rate's schedule, which ends at zero whatever the number of epochs.
    """

    epochs: int = 3
    batch: int = 64
    learning_rate: float = 0.1  # the peak, for the batch above
    warmup: float = 0.2  # share of the steps
    momentum: float = 0.9
    weight_decay: float = 1e-4  # not on biases and batch norm
    label_smoothing: float = 0.1
    norm_momentum: float = 0.9  # share of the running statistics kept a step; .99 needs 500 steps
    shift: float = 0.08  # random translation, share of the image's side
    flip: bool = True  # mirror half of the images; False where left and right differ in meaning

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise DataError(
                f"recipe: needs epochs from 1 and a batch from 2, got {self.epochs}, {self.batch}"
            )
