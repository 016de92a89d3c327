"""Block strings, the field's notation: `ir_r3_k5_s2_e3_c40_se0.25` ⇄ blocks.

A string describes equal layers of which only the first has the stride. Its numbers are relative to
the layer's input, as in MnasNet's reference code; a block is absolute. Fields, in writing order:

| field | meaning | default |
|---|---|---|
| `cn` `ds` `ir` | regular convolution, depthwise separable convolution, MBConv | |
| `r3` | layers | 1 |
| `k5` | kernel | 3 |
| `s2` | stride of the first layer | 1 |
| `e6` or `x72` | MBConv's expansion: ratio to the input's filters, or the width itself | |
| `c40` | filters | |
| `se0.25` or `sq6` | SE's hidden width: ratio to the *input's* filters, or the width | none |
| `noskip`, `pool` | no shortcut, or one that pools; else identity where the shape allows it | |
| `nre` `nr6` `nhs` `nsw` | ReLU, ReLU6, h-swish, swish | the caller's |

An architecture is a list of lines: `in_p224_c3`, the stem, one line a stage (strings that differ
stand side by side in it), and `hd_c1280_n1000_d0.2`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block, ConvBlock, MBConv, SepConv, Skip
from pocketnas.arch.heads import Head
from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import Kind

_ACTS: dict[str, Kind] = {"nre": "relu", "nr6": "relu6", "nhs": "hswish", "nsw": "swish"}
_KINDS = {"cn": ConvBlock, "ds": SepConv, "ir": MBConv}
_SE_RATIOS = (0.25, 0.5, 0.125)
_NUMBER = r"\d{1,9}(?:\.\d+)?(?:e-\d+)?"


@dataclass(frozen=True, slots=True)
class BlockString:
    """One parsed string: numbers that still depend on the input's filters.

    `expansion` and `se` are ratios, `expanded` and `squeeze` widths; 0 means not given.
    """

    kind: str
    filters: int
    repeats: int = 1
    kernel: int = 3
    stride: int = 1
    expansion: float = 0
    expanded: int = 0
    se: float = 0
    squeeze: int = 0
    skip: str = ""
    act: Kind = "relu"

    def blocks(self, channels: int) -> tuple[Block, ...]:
        """The layers as absolute blocks, for an input of `channels` filters.

        Raises:
            ArchitectureError: the expansion does not give a whole number of filters, or a field is
                out of range; the message begins with the string.
        """
        found: list[Block] = []
        for i in range(self.repeats):
            try:
                found.append(self._layer(channels, self.stride if i == 0 else 1))
            except ArchitectureError as error:
                raise ArchitectureError(f"{self}: {error}") from None
            channels = self.filters
        return tuple(found)

    def _layer(self, channels: int, stride: int) -> Block:
        squeeze = self.squeeze or (max(1, int(self.se * channels)) if self.se else 0)
        skip: Skip = "none"
        if self.skip == "pool" and channels == self.filters:
            skip = "pool"
        elif self.skip == "" and channels == self.filters and stride == 1:
            skip = "identity"
        shared = (self.filters, self.act, squeeze, skip)
        match self.kind:
            case "cn":
                return ConvBlock(self.kernel, stride, *shared)
            case "ds":
                return SepConv(self.kernel, stride, *shared)
            case _:
                return MBConv(self.kernel, stride, self._expanded(channels), *shared)

    def _expanded(self, channels: int) -> int:
        # The ratio as it is written: 1.1 of 10 is 11, though 1.1 * 10 is not.
        expanded = self.expanded or Fraction(str(self.expansion)) * channels
        if expanded != int(expanded) or expanded < 1:
            raise ArchitectureError(
                f"expansion {_number(self.expansion)} of {channels} filters is not a whole number;"
                f" write the width itself, such as x{max(1, round(expanded))}"
            )
        return int(expanded)

    def __str__(self) -> str:
        fields = [self.kind, f"r{self.repeats}", f"k{self.kernel}", f"s{self.stride}"]
        if self.kind == "ir":
            ratio = _number(self.expansion)
            fields.append(f"x{self.expanded}" if self.expanded else f"e{ratio}")
        fields.append(f"c{self.filters}")
        if self.se or self.squeeze:
            fields.append(f"sq{self.squeeze}" if self.squeeze else f"se{_number(self.se)}")
        if self.skip:
            fields.append(self.skip)
        if self.act != "relu":
            fields.append(_act_token(self.act))
        return "_".join(fields)


def parse(text: str, *, act: Kind = "relu") -> BlockString:
    """Reads one block string; `act` is the activation where the string names none.

    Raises:
        ArchitectureError: one sentence with the string, the field and what is allowed.
    """
    kind, *tokens = text.strip().split("_")
    if kind not in _KINDS:
        raise ArchitectureError(
            f"block string {text!r}: must begin with {', '.join(_KINDS)}; got {kind!r}"
        )
    found: dict[str, object] = {"kind": kind}
    for token in tokens:
        name, value = _field(text, token)
        if name in found:
            raise ArchitectureError(f"block string {text!r}: {token!r} gives {name} a second time")
        found[name] = value
    if "filters" not in found:
        raise ArchitectureError(f"block string {text!r}: the filters are missing, such as c40")
    if (kind == "ir") != (("expansion" in found) + ("expanded" in found) == 1):
        allowed = "needs either e or x" if kind == "ir" else f"{kind} takes no expansion"
        raise ArchitectureError(f"block string {text!r}: {allowed}")
    if "se" in found and "squeeze" in found:
        raise ArchitectureError(f"block string {text!r}: takes se or sq, not both")
    return BlockString(**{"act": act} | found)  # type: ignore[arg-type]


_WHOLE = {
    "r": "repeats",
    "k": "kernel",
    "s": "stride",
    "c": "filters",
    "x": "expanded",
    "sq": "squeeze",
}
_RATIO = {"e": "expansion", "se": "se"}


def _field(text: str, token: str) -> tuple[str, object]:
    if token in _ACTS:
        return "act", _ACTS[token]
    if token in ("noskip", "pool"):
        return "skip", token
    match = re.fullmatch(rf"([a-z]+)({_NUMBER})", token)
    letters, number = (match[1], match[2]) if match else ("", "")
    if letters in _WHOLE and number.isdigit() and int(number) > 0:
        return _WHOLE[letters], int(number)
    if letters in _RATIO and float(number) > 0:
        return _RATIO[letters], float(number)
    raise ArchitectureError(
        f"block string {text!r}: cannot read {token!r}; fields are r, k, s, c, x, sq with a whole"
        f" number from 1, e and se with a ratio, noskip, pool, {', '.join(_ACTS)}"
    )


def stages(
    lines: Iterable[str], channels: int, *, act: Kind = "relu"
) -> tuple[tuple[Block, ...], ...]:
    """The stages that follow an input of `channels` filters, one line a stage."""
    found = []
    for line in lines:
        stage: list[Block] = []
        for text in line.split():
            block_string = parse(text, act=act)
            stage += block_string.blocks(channels)
            channels = block_string.filters
        found.append(tuple(stage))
    return tuple(found)


def from_lines(lines: Sequence[str]) -> Architecture:
    """The architecture that `to_lines` wrote.

    Raises:
        ArchitectureError: a line cannot be read; the message names it.
    """
    if len(lines) < 3:
        raise ArchitectureError(f"an architecture has at least 3 lines, got {len(lines)}")
    image = re.fullmatch(r"in_p(\d{1,9})_c(\d{1,9})", lines[0].strip())
    head = re.fullmatch(
        rf"hd_c(\d{{1,9}})_n(\d{{1,9}})_d({_NUMBER})(?:_(n\w\w))?", lines[-1].strip()
    )
    if not image:
        raise ArchitectureError(f"the first line must read like in_p224_c3, got {lines[0]!r}")
    if not head or (head[4] and head[4] not in _ACTS):
        raise ArchitectureError(
            f"the last line must read like hd_c1280_n1000_d0.2, got {lines[-1]!r}"
        )
    stem = parse(lines[1])
    blocks = stem.blocks(int(image[2]))
    if len(blocks) != 1:
        raise ArchitectureError(f"the stem must be one layer, got {lines[1]!r}")
    return Architecture(
        resolution=int(image[1]),
        channels=int(image[2]),
        stem=blocks[0],
        stages=stages(lines[2:-1], stem.filters),
        head=Head(int(head[1]), int(head[2]), float(head[3]), _ACTS[head[4] or "nre"]),
    )


def to_lines(architecture: Architecture) -> list[str]:
    """The architecture in block strings; `from_lines` gives back an equal value.

    Raises:
        ArchitectureError: a block has no notation.
    """
    channels = architecture.channels
    lines = [f"in_p{architecture.resolution}_c{channels}"]
    for stage in ((architecture.stem,), *architecture.stages):
        found = []
        rest = stage
        while rest:
            block_string = _longest(rest, channels)
            found.append(str(block_string))
            channels = block_string.filters
            rest = rest[block_string.repeats :]
        lines.append(" ".join(found))
    head = architecture.head
    if not isinstance(head, Head) or head.act not in _ACTS.values():
        raise ArchitectureError(f"{head} has no block string")
    act = "" if head.act == "relu" else f"_{_act_token(head.act)}"
    return [*lines, f"hd_c{head.filters}_n{head.classes}_d{head.dropout!r}{act}"]


def _act_token(act: Kind) -> str:
    return next((token for token, kind in _ACTS.items() if kind == act), act)


def _number(value: float) -> str:
    """The shortest decimal that reads back as `value`: 6, 0.25."""
    return repr(float(value)).removesuffix(".0")


def _longest(blocks: tuple[Block, ...], channels: int) -> BlockString:
    """The string that says most of the layers at the front of `blocks`."""
    first = blocks[0]
    if not isinstance(first, ConvBlock | SepConv | MBConv) or first.act not in _ACTS.values():
        raise ArchitectureError(f"{first} has no block string")
    kind = next(token for token, block in _KINDS.items() if block is type(first))
    plain = BlockString(
        kind, first.filters, kernel=first.kernel, stride=first.stride, act=first.act
    )
    expansions: list[dict[str, float]] = [{}]
    if isinstance(first, MBConv):
        ratio = float(f"{first.expanded / channels:g}")
        expansions = [{"expansion": ratio}, {"expanded": first.expanded}]
    squeezes: list[dict[str, float]] = [{}]
    if first.se:
        squeezes = [*({"se": ratio} for ratio in _SE_RATIOS), {"squeeze": first.se}]
    best: BlockString | None = None
    for expansion, squeeze, skip in product(expansions, squeezes, ("", "pool", "noskip")):
        candidate = replace(plain, skip=skip, **expansion, **squeeze)  # type: ignore[arg-type]
        repeats = _agreeing(candidate, blocks, channels)
        if repeats > (best.repeats if best else 0):
            best = replace(candidate, repeats=repeats)
    if best is None:
        raise ArchitectureError(f"{first} has no block string after {channels} filters")
    return best


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
