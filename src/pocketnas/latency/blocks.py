"""Latency tables of blocks, as ProxylessNAS published them: one mean time a block, no learning.

Their files (YAML) name a block by what it does: `expanded_conv-input:56x56x24-output:28x28x40-`
`expand:3-kernel:5-stride:2-idskip:0`; the stem is `Conv`, the last convolution `Conv_1`, the
classifier `Logits` (1812.00332, section 3.2; github.com/mit-han-lab/proxylessnas, latency tables).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Self

from pocketnas.errors import ModelError
from pocketnas.graph.fold import fold
from pocketnas.graph.graph import Graph, Node
from pocketnas.graph.ops import Add, Conv, Dense, Depthwise, Input, Shape


@dataclass(frozen=True, slots=True)
class BlockTable:
    """Mean milliseconds by the name of a block; a network is the sum of its blocks."""

    blocks: Mapping[str, float]

    def __call__(self, graph: Graph) -> float:
        """Milliseconds of a network.

        Raises:
            ModelError: a block of it is not in the table; the message names it.
        """
        return sum(milliseconds for _, milliseconds in self.prices(graph))

    def prices(self, graph: Graph) -> list[tuple[str, float]]:
        """The network's blocks by name, in order, with their milliseconds.

        Raises:
            ModelError: as when called.
        """
        names = block_names(graph)
        for name in names:
            if name not in self.blocks:
                raise ModelError(
                    f"latency table: it has no block {name}; it has {len(self.blocks)} others"
                )
        return [(name, self.blocks[name]) for name in names]

    @classmethod
    def load(cls, path: Path) -> Self:
        """The table in a YAML file.

        Raises:
            ModelError: it cannot be read, or is no such table.
        """
        import yaml

        try:
            rows = yaml.safe_load(path.read_bytes())
            return cls({str(name): float(row["mean"]) for name, row in rows.items()})
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
        except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError):
            raise ModelError(
                f"{path}: is no table of blocks; needs names with a mean each, as in"
                " ProxylessNAS's files"
            ) from None


def block_names(graph: Graph) -> list[str]:
    """What ProxylessNAS's files call the blocks of a network, in order.

    Raises:
        ModelError: they have no name for one, as for squeeze-and-excite.
    """
    nodes = [node for node in fold(graph).nodes if not isinstance(node.op, Input)]
    found: list[str] = []
    for path, group in groupby(nodes, key=_block):
        block = list(group)
        if path == "head":
            found += _head(block)
        else:
            found.append(_name(path, block))
    return found


def _block(node: Node) -> str:
    parts = node.name.split(".")
    return ".".join(parts[: 3 if parts[0] == "stages" else 1])


def _name(path: str, block: list[Node]) -> str:
    first, last = block[0].input_shapes[0], block[-1].shape
    between = f"input:{_size(first)}-output:{_size(last)}"
    convs = [node for node in block if isinstance(node.op, Conv)]
    depthwise = [node for node in block if isinstance(node.op, Depthwise)]
    if len(convs) == 1 and not depthwise:
        return f"Conv-{between}"
    if len(depthwise) != 1 or len(convs) > 2:
        raise ModelError(
            f"latency table: {path} is no inverted bottleneck, which is all that such tables know"
        )
    [node] = depthwise
    op = node.op
    assert isinstance(op, Depthwise)
    skip = int(any(isinstance(each.op, Add) for each in block))
    expand = node.shape[2] // first[2]
    return (
        f"expanded_conv-{between}-expand:{expand}-kernel:{op.kernel[0]}-stride:{op.stride}"
        f"-idskip:{skip}"
    )


def _head(block: list[Node]) -> list[str]:
    found = []
    pooled: Shape = block[0].input_shapes[0]
    for node in block:
        if isinstance(node.op, Conv):
            found.append(f"Conv_1-input:{_size(node.input_shapes[0])}-output:{_size(node.shape)}")
            pooled = node.shape
        if isinstance(node.op, Dense):  # their classifier begins before the pooling
            found.append(f"Logits-input:{_size(pooled)}-output:{node.op.units}")
    return found


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape))
