"""An architecture as lines of block strings ⇄ the architecture.

The lines are `in_p224_c3` (the image; `_symmetric` and `_eps1e-05` where padding and batch norm are
PyTorch's), the stem, one line a stage (strings that differ stand side by side in it), the head
(`hd_c1280_n1000_d0.2`, with `_h1280` for a hidden layer; `ch_n1000_d0.5` behind cells) and, where
there is an auxiliary head, `ax_a2_c128_h768_n1000`, `a` the stage that it reads.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from math import isclose
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block, ConvBlock, FusedMBConv, MBConv, SepConv
from pocketnas.arch.blockstring import (
    ACTS,
    GATES,
    KINDS,
    MOST_LAYERS,
    NUMBER,
    PADDING_WORDS,
    BlockString,
    act_token,
    number,
    parse,
)
from pocketnas.arch.cells import AuxiliaryHead, CellHead
from pocketnas.arch.heads import Head
from pocketnas.arch.residual import Bottleneck
from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import Kind, Padding

_SE_RATIOS = (0.25, 0.5, 0.125)


def stages(
    lines: Iterable[str], channels: int, *, act: Kind = "relu", gate: str = "gre"
) -> tuple[tuple[Block, ...], ...]:
    """The stages that follow an input of `channels` filters, one line a stage."""
    found = []
    for line in lines:
        stage: list[Block] = []
        for text in line.split():
            block_string = parse(text, act=act, gate=gate)
            stage += block_string.blocks(channels)
            channels = block_string.channels
        found.append(tuple(stage))
    return tuple(found)


def from_lines(lines: Sequence[str]) -> Architecture:
    """The architecture that `to_lines` wrote.

    Raises:
        ArchitectureError: a line cannot be read; the message names it.
    """
    auxiliary = None
    if lines and lines[-1].startswith("ax"):
        *lines, last = lines
        read = _numbers(last, "ax_a2_c128_h768_n1000", a=int, c=int, h=int, n=int)
        auxiliary = AuxiliaryHead(read["a"], read["n"], read["c"], read["h"])
    if len(lines) < 3:
        raise ArchitectureError(f"an architecture has at least 3 lines, got {len(lines)}")
    image, word = _word(lines[0], PADDING_WORDS)
    read = _numbers(image, "in_p224_c3", p=int, c=int, eps=float)
    padding: Padding = "symmetric" if word == "symmetric" else "same"
    stem = parse(lines[1])
    blocks = stem.blocks(read["c"])
    if len(blocks) != 1:
        raise ArchitectureError(f"the stem must be one layer, got {lines[1]!r}")
    return Architecture(
        resolution=read["p"],
        channels=read["c"],
        stem=blocks[0],
        stages=stages(lines[2:-1], stem.channels),
        head=_head(lines[-1]),
        padding=padding,
        epsilon=read.get("eps", 1e-3),
        auxiliary=auxiliary,
    )


def to_lines(architecture: Architecture) -> list[str]:
    """The architecture in block strings; `from_lines` gives back an equal value.

    Raises:
        ArchitectureError: a block has no notation.
    """
    channels = architecture.channels
    image = f"in_p{architecture.resolution}_c{channels}"
    if architecture.padding != "same":
        image += f"_{architecture.padding}"
    if architecture.epsilon != 1e-3:
        image += f"_eps{architecture.epsilon!r}"
    lines = [image]
    for stage in ((architecture.stem,), *architecture.stages):
        found = []
        rest = stage
        while rest:
            block_string = _longest(rest[:MOST_LAYERS], channels)
            found.append(str(block_string))
            channels = block_string.channels
            rest = rest[block_string.repeats :]
        lines.append(" ".join(found))
    lines.append(_head_line(architecture.head))
    if aux := architecture.auxiliary:
        lines.append(f"ax_a{aux.after}_c{aux.filters}_h{aux.hidden}_n{aux.classes}")
    return lines


def _head(line: str) -> Block:
    if line.startswith("ch"):
        read = _numbers(line, "ch_n1000_d0.5", n=int, d=float)
        return CellHead(read["n"], read["d"])
    text, word = _word(line, ACTS)
    read = _numbers(text, "hd_c1280_n1000_d0.2", c=int, n=int, d=float, h=int)
    return Head(read["c"], read["n"], read["d"], ACTS[word or "nre"], read.get("h", 0))


def _head_line(head: Block) -> str:
    if isinstance(head, CellHead):
        return f"ch_n{head.classes}_d{head.dropout!r}"
    if not isinstance(head, Head) or head.act not in ACTS.values():
        raise ArchitectureError(f"{head} has no block string")
    hidden = f"_h{head.hidden}" if head.hidden else ""
    act = "" if head.act == "relu" else f"_{act_token(head.act)}"
    return f"hd_c{head.filters}_n{head.classes}_d{head.dropout!r}{hidden}{act}"


def _word(line: str, known: Iterable[str]) -> tuple[str, str]:
    """The line without the first word of `known` that stands in it, and that word or ""."""
    tokens = line.strip().split("_")
    found = next((token for token in tokens if token in known), "")
    if found:
        tokens.remove(found)
    return "_".join(tokens), found


def _numbers(line: str, like: str, **letters: type[int] | type[float]) -> dict[str, Any]:
    """The fields of a line that must have those of `like`, each one of `letters` and a number."""
    first, *tokens = line.strip().split("_")
    found: dict[str, Any] = {}
    for token in tokens:
        match = re.fullmatch(rf"([a-z]+)({NUMBER})", token)
        kind = letters.get(match[1]) if match else None
        if not match or kind is None or match[1] in found:
            break
        if kind is int and not match[2].isdigit():
            break
        found[match[1]] = kind(match[2])
    else:
        needed = {token.rstrip("0123456789.") for token in like.split("_")[1:]}
        if first == like[:2] and needed <= found.keys():
            return found
    where = {"in": "first", "hd": "last", "ch": "last", "ax": "auxiliary"}[like[:2]]
    raise ArchitectureError(f"the {where} line must read like {like}, got {line!r}")


def _longest(blocks: tuple[Block, ...], channels: int) -> BlockString:
    """The string that says most of the layers at the front of `blocks`."""
    first = blocks[0]
    best: BlockString | None = None
    for candidate in _candidates(first, channels):
        repeats = _agreeing(candidate, blocks, channels)
        if repeats > (best.repeats if best else 0):
            best = replace(candidate, repeats=repeats)
    if best is None:
        raise ArchitectureError(f"{first} has no block string after {channels} filters")
    return best


def _candidates(block: Any, channels: int) -> list[BlockString]:
    """Strings of one layer that may describe `block` behind `channels` filters."""
    kind = next((kind for kind, (cls, _) in KINDS.items() if cls is type(block)), None)
    if isinstance(block, SepConv) and not block.linear:
        kind = "dsa"
    if kind is None or getattr(block, "act", "relu") not in ACTS.values():
        raise ArchitectureError(f"{block} has no block string")
    same = ("kernel", "stride", "act", "cell", "reach", "padding")
    fields = {name: getattr(block, name) for name in same if hasattr(block, name)}
    plain = BlockString(kind, block.filters, **fields)
    options: list[list[dict[str, Any]]] = []
    if isinstance(block, MBConv | FusedMBConv | Bottleneck):
        inner = block.width if isinstance(block, Bottleneck) else block.expanded
        ratio = round(inner / channels, 2)
        exact = isclose(ratio * channels, inner)
        options.append([{"expansion": ratio}] * exact + [{"expanded": inner}])
    if isinstance(block, ConvBlock | SepConv | MBConv | FusedMBConv):
        options.append([{"skip": skip} for skip in ("", "pool", "noskip")])
        if block.se:
            ratios = [{name: r} for r in _SE_RATIOS for name in ("se", "se_expanded")]
            options.append([*ratios, {"squeeze": block.se}])
            inside = (block.se_act, block.gate)
            options.append([{"gate": token} for token, found in GATES.items() if found == inside])
    return [
        replace(plain, **{name: value for option in found for name, value in option.items()})
        for found in product(*options)
    ]


def _agreeing(candidate: BlockString, blocks: tuple[Block, ...], channels: int) -> int:
    """How many of `blocks`, from the front, the candidate's layers equal."""
    try:
        said = replace(candidate, repeats=len(blocks)).blocks(channels)
    except ArchitectureError:
        said = ()
    count = 0
    while count < len(said) and said[count] == blocks[count]:
        count += 1
    return count


__all__ = ["BlockString", "from_lines", "number", "parse", "stages", "to_lines"]
