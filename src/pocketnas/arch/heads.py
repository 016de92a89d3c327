"""The heads: from the last map to the logits."""

from dataclasses import dataclass
from typing import Any

from pocketnas.arch.blocks import check, whole
from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.ops import Activation, Dense, Dropout, GlobalAvgPool, Kind


@dataclass(frozen=True, slots=True)
class Head:
    """1x1 convolution, global average pool, hidden layer, dropout, classifier.

    MobileNetV2, MnasNet and EfficientNet have no hidden layer; MobileNetV3 has one behind the pool,
    where it sees one value a channel (1905.02244, section 5.1); ResNet and MobileNetV1 have nothing
    between the last map and the pool.

    Attributes:
        filters: of the convolution; 0 leaves it out.
        classes: outputs.
        dropout: rate before the classifier.
        act: of the convolution and the hidden layer.
        hidden: units of the hidden layer; 0 leaves it out.
    """

    filters: int
    classes: int
    dropout: float = 0.2
    act: Kind = "relu"
    hidden: int = 0

    def __post_init__(self) -> None:
        check(self, "classes")
        for name in ("filters", "hidden"):
            whole("Head", name, getattr(self, name), least=0)
        check_dropout(self)

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "features", self.filters, act=self.act) if self.filters else x
        y = net.add("pool", GlobalAvgPool(), y)
        if self.hidden:
            with net.scope("hidden"):
                y = net.add("dense", Dense(self.hidden), y)
                y = net.add("act", Activation(self.act), y)
        if self.dropout:
            y = net.add("dropout", Dropout(self.dropout), y)
        return net.add("classifier", Dense(self.classes), y)


def check_dropout(head: Any) -> None:
    """Validates a head's dropout rate.

    Raises:
        ArchitectureError: it is no number in [0, 1).
    """
    if (
        not isinstance(head.dropout, int | float)
        or isinstance(head.dropout, bool)
        or not 0 <= head.dropout < 1
    ):
        raise ArchitectureError(
            f"{type(head).__name__}: dropout must be in [0, 1), got {head.dropout!r}"
        )
    # 0, 0.0 and -0.0 are equal: they must be written, and hashed, alike.
    object.__setattr__(head, "dropout", abs(float(head.dropout)))
