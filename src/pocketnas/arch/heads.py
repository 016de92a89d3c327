"""The heads: from the last map to the logits."""

from dataclasses import dataclass

from pocketnas.arch.blocks import check
from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.ops import Dense, Dropout, GlobalAvgPool, Kind


@dataclass(frozen=True, slots=True)
class Head:
    """1x1 convolution to `filters`, global average pool, dropout, classifier (MobileNetV2's)."""

    filters: int
    classes: int
    dropout: float = 0.2
    act: Kind = "relu"

    def __post_init__(self) -> None:
        check(self, "filters", "classes")
        if not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise ArchitectureError(f"Head: dropout must be in [0, 1), got {self.dropout!r}")
        # 0, 0.0 and -0.0 are equal: they must be written, and hashed, alike.
        object.__setattr__(self, "dropout", abs(float(self.dropout)))

    def emit(self, net: Builder, x: Value, prev: Value) -> Value:
        y = net.conv(x, "features", self.filters, act=self.act)
        y = net.add("pool", GlobalAvgPool(), y)
        if self.dropout:
            y = net.add("dropout", Dropout(self.dropout), y)
        return net.add("classifier", Dense(self.classes), y)
