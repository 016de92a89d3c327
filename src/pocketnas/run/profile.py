"""Where a network's time goes: each operator timed alone, and the shares by block."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pocketnas.devices.device import Device, Watch
from pocketnas.tflite.cut import Piece, Shape, cut

# A share within 5 % of itself says enough.
_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class OpTime:
    """One operator's time alone.

    Attributes:
        name: of the tensor that it computes, in our files the path of the graph's node.
        op: what it is, as the format calls it (`CONV_2D`).
        shape: of what it computes, batch first.
        milliseconds: of a model of this operator alone, at the device's calm speed.
        share: of the sum of all operators, from 0 to 1.
    """

    name: str
    op: str
    shape: Shape
    milliseconds: float
    share: float

    def to_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"shape": list(self.shape)}


def profile(
    device: Device, model: bytes, *, seconds: float = 3.0, watch: Watch | None = None
) -> list[OpTime]:
    """Times each operator of a `.tflite` alone, all in turn; operators of equal work once.

    Alone, an operator finds its weights in the caches, so one with many weights and little work
    looks cheaper than it is, and nothing is fused with its neighbours. docs/latency.md has sums
    beside the whole and a comparison with XNNPACK's own profiler.

    Args:
        device: that runs them.
        model: with a single subgraph.
        seconds: about how long to time, besides loading; more if four turns of each take longer.
        watch: told in a few words what is going on.

    Raises:
        ModelError: it cannot be cut.
        DeviceError: the device refuses an operator that is alone.
    """
    pieces = cut(model)
    alone: dict[str, Piece] = {}
    for piece in pieces:
        alone.setdefault(piece.work, piece)
    names = {piece.work: f"{piece.op} {i} ({piece.name})" for i, piece in enumerate(alone.values())}
    found = device.compare(
        {names[work]: piece.model for work, piece in alone.items()},
        tolerance=_TOLERANCE,
        budget_s=seconds / max(1, len(alone)),
        watch=watch,
    )
    times = [found[names[piece.work]].milliseconds for piece in pieces]
    total = sum(times)
    return [
        OpTime(piece.name, piece.op, piece.outputs[0], time, time / total)
        for piece, time in zip(pieces, times, strict=True)
    ]


def by_block(times: Iterable[OpTime]) -> dict[str, float]:
    """The shares summed by block: `stem`, `stages.0.0`, `stages.0.1`, ..., `head`."""
    shares: dict[str, float] = {}
    for time in times:
        parts = time.name.split("/")[0].split(".")
        block = ".".join(parts[: 3 if parts[0] == "stages" else 1])
        shares[block] = shares.get(block, 0.0) + time.share
    return shares
