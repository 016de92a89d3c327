"""What a finished run has to say: the final table, the check of the `.tflite`, its setting."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One network of the final table, trained and measured as all the others in it.

    `accuracy` is on the test images, which nothing before has seen; `latency` is
    `pocketnas.devices.Latency.to_dict()`; `lines` are block strings; `costs` are those that limits
    are set for, in the units of `pocketnas.search.limits.UNITS`. `searched` is the digest of the
    trial's network, which differs from `digest` where its cells were grown. `float_accuracy` is the
    trained network's, which that of an int8 file falls short of.
    """

    name: str
    accuracy: float
    validation: float
    latency: dict[str, Any]
    madds: int
    parameters: int
    size_bytes: int
    digest: str
    lines: tuple[str, ...]
    costs: dict[str, float] = field(default_factory=dict)
    searched: str = ""
    float_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a run; plain JSON values throughout.

    `rows` begins with the winner; `finalists` are the found networks that lost to it. `check` holds
    images, largest_difference, agreement and accuracy of `best.tflite` against the torch network.
    `trials` counts recorded ones by arm, `failed` those without a figure. `trust` is of the proxy:
    `pocketnas.run.trust.trust`.
    """

    rows: tuple[Row, ...]
    finalists: tuple[Row, ...]
    check: dict[str, Any]
    target_ms: float
    reference_ms: float
    trials: dict[str, int]
    failed: int
    seconds: float
    data: dict[str, Any]
    config: dict[str, Any]
    device: dict[str, Any]
    versions: dict[str, str]
    trust: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "Summary":
        """The inverse of `to_dict`."""
        rows, finalists = (
            tuple(Row(**row | {"lines": tuple(row["lines"])}) for row in value[name])
            for name in ("rows", "finalists")
        )
        return cls(**value | {"rows": rows, "finalists": finalists})
