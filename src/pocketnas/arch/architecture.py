"""The frozen value in the middle: a network as absolute integers, nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pocketnas.arch.blocks import Block, ConvBlock, MBConv, SepConv
from pocketnas.arch.heads import Head
from pocketnas.errors import ArchitectureError
from pocketnas.graph.builder import Builder
from pocketnas.graph.graph import Graph

BLOCKS: Mapping[str, type[Any]] = {
    kind.__name__: kind for kind in (ConvBlock, SepConv, MBConv, Head)
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """An image network: stem, stages of blocks, head.

    `resolution` is the side of the square input in pixels, `channels` its colours (1 or 3).
    """

    resolution: int
    stem: Block
    stages: tuple[tuple[Block, ...], ...]
    head: Block
    channels: int = 3

    def __post_init__(self) -> None:
        for name in ("resolution", "channels"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ArchitectureError(
                    f"architecture: {name} must be a whole number from 1, got {value!r}"
                )

    def graph(self) -> Graph:
        """The primitive ops, named `stem…`, `stages.<i>.<j>…` and `head…`.

        Raises:
            ArchitectureError: a block does not fit its input; the message begins with its path.
        """
        net = Builder((self.resolution, self.resolution, self.channels))
        paths = ["stem"]
        blocks = [self.stem]
        for i, stage in enumerate(self.stages):
            for j, block in enumerate(stage):
                paths.append(f"stages.{i}.{j}")
                blocks.append(block)
        paths.append("head")
        blocks.append(self.head)
        prev = x = net.input
        for path, block in zip(paths, blocks, strict=True):
            with net.scope(path):
                prev, x = x, block.emit(net, x, prev)
        return net.graph(x)

    def to_dict(self) -> dict[str, Any]:
        """The architecture as plain JSON values."""
        return {
            "resolution": self.resolution,
            "channels": self.channels,
            "stem": _block_to_dict(self.stem),
            "stages": [[_block_to_dict(block) for block in stage] for stage in self.stages],
            "head": _block_to_dict(self.head),
        }

    @classmethod
    def from_dict(cls, value: Any) -> "Architecture":
        """The inverse of `to_dict`.

        Raises:
            ArchitectureError: something is missing, unknown or out of range, and where.
        """
        names = {field.name for field in fields(cls)}
        if isinstance(value, dict) and (unknown := sorted(value.keys() - names)):
            raise ArchitectureError(f"architecture: there is no field {unknown[0]!r}")
        try:
            return cls(
                resolution=value["resolution"],
                channels=value["channels"],
                stem=_block_from_dict(value["stem"], "stem"),
                stages=tuple(
                    tuple(
                        _block_from_dict(block, f"stages.{i}.{j}") for j, block in enumerate(stage)
                    )
                    for i, stage in enumerate(value["stages"])
                ),
                head=_block_from_dict(value["head"], "head"),
            )
        except KeyError as error:
            raise ArchitectureError(f"architecture: {error.args[0]!r} is missing") from None
        except (TypeError, AttributeError):
            raise ArchitectureError(
                "architecture: needs an object with resolution, channels, stem, stages and head"
            ) from None

    @property
    def digest(self) -> str:
        """A name for exactly this network: SHA-256 of its canonical JSON, as 64 hex digits."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _block_to_dict(block: Block) -> dict[str, Any]:
    values: dict[str, Any] = asdict(block)  # type: ignore[call-overload]
    return {"block": type(block).__name__} | values


def _block_from_dict(value: Any, where: str) -> Block:
    if not isinstance(value, dict) or value.get("block") not in BLOCKS:
        got = value.get("block") if isinstance(value, dict) else value
        raise ArchitectureError(f"{where}: block must be one of {', '.join(BLOCKS)}; got {got!r}")
    kind = BLOCKS[value["block"]]
    given = {key: field for key, field in value.items() if key != "block"}
    names = {field.name for field in fields(kind)}
    if unknown := sorted(given.keys() - names):
        raise ArchitectureError(f"{where}: {kind.__name__} has no field {unknown[0]!r}")
    try:
        block: Block = kind(**given)
    except ArchitectureError as error:
        raise ArchitectureError(f"{where}: {error}") from None
    except TypeError:
        needs = ", ".join(f"{f.name}: {getattr(f.type, '__name__', f.type)}" for f in fields(kind))
        raise ArchitectureError(f"{where}: {kind.__name__} needs {needs}; got {given}") from None
    return block
