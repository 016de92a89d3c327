"""The frozen value in the middle: a network as absolute integers, nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from pocketnas.arch.blocks import Block, ConvBlock, FusedMBConv, MBConv, SepConv, whole
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellHead, CellStem
from pocketnas.arch.heads import Head
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder
from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import BatchNorm, Padding

BLOCKS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(ConvBlock, SepConv, MBConv, FusedMBConv),
        *(PoolStem, BasicBlock, Bottleneck),
        *(CellStem, Cell, CellHead, AuxiliaryHead),
        Head,
    )
}

_PADDINGS: tuple[Padding, ...] = ("same", "symmetric")

# Fields that came later are written only where they differ from their default: a network that
# needs none of them keeps its JSON, and so its digest, in the studies that hold it.
_LATER = ("se_act", "gate", "linear", "hidden", "padding", "epsilon", "auxiliary")


@dataclass(frozen=True, slots=True)
class Architecture:
    """An image network: stem, stages of blocks, head.

    Attributes:
        resolution: side of the square input in pixels.
        stem: the first block.
        stages: the blocks between, in groups.
        head: the last block; it gives the logits.
        channels: colours of the input, 1 or 3.
        padding: of all convolutions and pools: "same" is TensorFlow's and costs nothing in a
            `.tflite`; "symmetric" is PyTorch's, for weights that were trained with it.
        epsilon: of all batch norms; PyTorch's default is 1e-5.
        auxiliary: a second classifier for training.
    """

    resolution: int
    stem: Block
    stages: tuple[tuple[Block, ...], ...]
    head: Block
    channels: int = 3
    padding: Padding = "same"
    epsilon: float = 1e-3
    auxiliary: AuxiliaryHead | None = None

    def __post_init__(self) -> None:
        if self.padding not in _PADDINGS:
            raise ArchitectureError(
                f"architecture: padding must be one of {', '.join(_PADDINGS)}; got {self.padding!r}"
            )
        if not isinstance(self.epsilon, float) or not 0 < self.epsilon < 1:
            raise ArchitectureError(
                f"architecture: epsilon must be between 0 and 1, got {self.epsilon!r}"
            )
        for name in ("resolution", "channels"):
            whole("architecture", name, getattr(self, name))
        if self.auxiliary and self.auxiliary.after >= len(self.stages):
            raise ArchitectureError(
                f"auxiliary: after must be below {len(self.stages)}, the number of stages,"
                f" got {self.auxiliary.after}"
            )

    def graph(self, *, drop_path: float = 0.0, auxiliary: bool = False) -> Graph:
        """The primitive ops, named `stem…`, `stages.<i>.<j>…`, `head…` and `auxiliary…`.

        Args:
            drop_path: for training, the share of images that the deepest branches are dropped
                for; it rises linearly from the first block (1603.09382; 1707.07012, section 4.1).
            auxiliary: for training, gives the auxiliary head's logits as a second output.

        Raises:
            ArchitectureError: a block does not fit its input; the message begins with its path.
        """
        net = Builder(
            (self.resolution, self.resolution, self.channels),
            norm=BatchNorm(epsilon=self.epsilon),
            padding=self.padding,
            drop_path=drop_path,
        )
        with net.scope("stem"):
            outputs = [self.stem.emit(net, net.input, net.input)]
        outputs_of_stages = []
        blocks = sum(map(len, self.stages))
        for i, stage in enumerate(self.stages):
            for j, block in enumerate(stage):
                net.place = (len(outputs) - 1, blocks)
                reach = min(getattr(block, "reach", 2), len(outputs))
                with net.scope(f"stages.{i}.{j}"):
                    outputs.append(block.emit(net, outputs[-1], outputs[-reach]))
            outputs_of_stages.append(outputs[-1])
        with net.scope("head"):
            found = [self.head.emit(net, outputs[-1], outputs[-1])]
        if auxiliary and self.auxiliary:
            x = outputs_of_stages[self.auxiliary.after]
            with net.scope("auxiliary"):
                found.append(self.auxiliary.emit(net, x, x))
        return net.graph(*found)

    def to_dict(self) -> dict[str, Any]:
        """The architecture as plain JSON values."""
        values: dict[str, Any] = {
            "resolution": self.resolution,
            "channels": self.channels,
            "stem": _block_to_dict(self.stem),
            "stages": [[_block_to_dict(block) for block in stage] for stage in self.stages],
            "head": _block_to_dict(self.head),
            "padding": self.padding,
            "epsilon": self.epsilon,
            "auxiliary": self.auxiliary and _block_to_dict(self.auxiliary),
        }
        return _without_defaults(self, values)

    @classmethod
    def from_dict(cls, value: Any) -> "Architecture":
        """The inverse of `to_dict`.

        Raises:
            ArchitectureError: something is missing, unknown or out of range, and where.
        """
        if not isinstance(value, dict):
            raise ArchitectureError(
                "architecture: needs an object with resolution, channels, stem, stages and head"
            )
        if unknown := _unknown(value, cls):
            raise ArchitectureError(f"architecture: there is no field {unknown[0]!r}")
        try:
            return cls(
                resolution=value["resolution"],
                channels=value["channels"],
                stem=_block_from_dict(value["stem"], "stem"),
                stages=_stages_from_lists(value["stages"]),
                head=_block_from_dict(value["head"], "head"),
                padding=value.get("padding", "same"),
                epsilon=value.get("epsilon", 1e-3),
                auxiliary=_auxiliary(value.get("auxiliary")),
            )
        except KeyError as error:
            raise ArchitectureError(f"architecture: {error.args[0]!r} is missing") from None

    @property
    def digest(self) -> str:
        """A name for exactly this network: SHA-256 of its canonical JSON, as 64 hex digits."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _block_to_dict(block: Block) -> dict[str, Any]:
    values: dict[str, Any] = asdict(block)  # type: ignore[call-overload]
    return {"block": type(block).__name__} | _without_defaults(block, values)


def _without_defaults(owner: Any, values: dict[str, Any]) -> dict[str, Any]:
    later = {field.name: field.default for field in fields(owner) if field.name in _LATER}
    return {key: value for key, value in values.items() if later.get(key, ...) != value}


def _unknown(value: dict[str, Any], owner: type[Any]) -> list[str]:
    """The keys of `value` that are no fields of `owner`."""
    names = {field.name for field in fields(owner)}
    return [key for key in value if key not in names]


def _stages_from_lists(value: Any) -> tuple[tuple[Block, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(stage, list) for stage in value):
        raise ArchitectureError("architecture: stages must be a list of lists of blocks")
    return tuple(
        tuple(_block_from_dict(block, f"stages.{i}.{j}") for j, block in enumerate(stage))
        for i, stage in enumerate(value)
    )


def _auxiliary(value: Any) -> AuxiliaryHead | None:
    if value is None:
        return None
    found = _block_from_dict(value, "auxiliary")
    if not isinstance(found, AuxiliaryHead):
        raise ArchitectureError(f"auxiliary: must be an AuxiliaryHead, got {type(found).__name__}")
    return found


def _block_from_dict(value: Any, where: str) -> Block:
    if not isinstance(value, dict):
        raise ArchitectureError(f"{where}: must be an object, got {value!r}")
    got = value.get("block")
    if not isinstance(got, str) or got not in BLOCKS:
        raise ArchitectureError(f"{where}: block must be one of {', '.join(BLOCKS)}; got {got!r}")
    kind = BLOCKS[got]
    given = {key: field for key, field in value.items() if key != "block"}
    if unknown := _unknown(given, kind):
        raise ArchitectureError(f"{where}: {kind.__name__} has no field {unknown[0]!r}")
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    if missing := [name for name in needed if name not in given]:
        raise ArchitectureError(f"{where}: {kind.__name__}: {missing[0]!r} is missing")
    try:
        block: Block = kind(**given)
    except ArchitectureError as error:
        raise ArchitectureError(f"{where}: {error}") from None
    return block
