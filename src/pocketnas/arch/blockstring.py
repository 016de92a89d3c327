"""Block strings, the field's notation: `ir_r3_k5_s2_e3_c40_se0.25` → blocks.

A string describes equal layers of which only the first has the stride. Its numbers are relative to
the layer's input, as in MnasNet's reference code; a block is absolute. Fields, in writing order:

| field | meaning | default |
|---|---|---|
| `cn` `ds` `dsa` | regular convolution, depthwise separable convolution, the same with an \
activation behind the projection (MobileNetV1) | |
| `ir` `er` | MBConv, FusedMBConv | |
| `cp` `ba` `bo` | ResNet's stem with its pool, basic block, bottleneck | |
| `cs` `ce` | NASNet's stem, cell | |
| `r3` | layers | 1 |
| `k5` | kernel (of `cn`, `ds`, `dsa`, `ir`, `er`, `cp`, `cs`) | 3 |
| `s2` | stride of the first layer | 1 |
| `e6` or `x72` | width inside `ir`, `er`, `bo`: ratio to the input's filters, or the width | |
| `c40` | filters | |
| `se0.25` `sx0.25` `sq6` | SE's hidden width: ratio to the *input's* filters (MnasNet), to the \
*expanded* ones (MobileNetV3), or the width | none |
| `noskip`, `pool` | no shortcut, or one that pools; else identity where the shape allows it | |
| `nre` `nr6` `nhs` `nsw` | ReLU, ReLU6, h-swish, swish | the caller's |
| `gre` `gsw` `ghs` | inside SE: MnasNet's relu and sigmoid, EfficientNet's swish and sigmoid, \
MobileNetV3's relu and h-sigmoid | the caller's |
| `sep5(0)+sep3(1)|…` | the pairs of a cell, see `pocketnas.arch.wiring` | |
| `b3` | how far back a cell's second input lies | 2 |
| `same`, `symmetric` | padding of NASNet's stem | valid |

A ratio with a fraction (`e2.5`) gives a multiple of 8, as MobileNetV3's code rounds; so does `sx`.
"""

import re
from dataclasses import dataclass
from typing import Any

from pocketnas.arch.blocks import Block, ConvBlock, FusedMBConv, MBConv, SepConv, Skip
from pocketnas.arch.cells import Cell, CellStem
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.wiring import wiring
from pocketnas.errors import ArchitectureError
from pocketnas.graph.ops import Kind, Padding

ACTS: dict[str, Kind] = {"nre": "relu", "nr6": "relu6", "nhs": "hswish", "nsw": "swish"}
GATES: dict[str, tuple[Kind, Kind]] = {
    "gre": ("relu", "sigmoid"),
    "gsw": ("swish", "sigmoid"),
    "ghs": ("relu", "hsigmoid"),
}
PADDING_WORDS = ("same", "symmetric")
MOST_LAYERS = 1000
NUMBER = r"\d{1,9}(?:\.\d+)?(?:e-\d+)?"

_CONVOLUTION = {"kernel", "act", "se", "squeeze", "se_expanded", "gate", "skip"}
_INNER = {"expansion", "expanded"}
KINDS: dict[str, tuple[type[Any], set[str]]] = {
    "cn": (ConvBlock, _CONVOLUTION),
    "ds": (SepConv, _CONVOLUTION),
    "dsa": (SepConv, _CONVOLUTION),
    "ir": (MBConv, _CONVOLUTION | _INNER),
    "er": (FusedMBConv, _CONVOLUTION | _INNER),
    "cp": (PoolStem, {"kernel", "act"}),
    "ba": (BasicBlock, {"act"}),
    "bo": (Bottleneck, {"act"} | _INNER),
    "cs": (CellStem, {"kernel", "padding"}),
    "ce": (Cell, {"cell", "reach"}),
}
"""Kind → its block, and the fields that it takes besides layers, stride and filters."""


@dataclass(frozen=True, slots=True)
class BlockString:
    """One parsed string: numbers that still depend on the input's filters.

    `expansion`, `se` and `se_expanded` are ratios, `expanded` and `squeeze` widths; 0 means not
    given.
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
    se_expanded: float = 0
    skip: str = ""
    act: Kind = "relu"
    gate: str = "gre"
    cell: str = ""
    reach: int = 2
    padding: Padding = "valid"

    @property
    def channels(self) -> int:
        """Of the output."""
        return self.filters * wiring(self.cell).width if self.cell else self.filters

    def blocks(self, channels: int) -> tuple[Block, ...]:
        """The layers as absolute blocks, for an input of `channels` filters.

        Raises:
            ArchitectureError: a field is out of range; the message begins with the string.
        """
        found: list[Block] = []
        for i in range(self.repeats):
            try:
                found.append(self._layer(channels, self.stride if i == 0 else 1, i))
            except ArchitectureError as error:
                raise ArchitectureError(f"{self}: {error}") from None
            channels = self.channels
        return tuple(found)

    def _layer(self, channels: int, stride: int, index: int) -> Block:
        match self.kind:
            case "cp":
                return PoolStem(self.kernel, stride, self.filters, self.act)
            case "ba":
                return BasicBlock(stride, self.filters, self.act)
            case "bo":
                return Bottleneck(stride, self._inner(channels), self.filters, self.act)
            case "cs":
                return CellStem(self.kernel, stride, self.filters, self.padding)
            case "ce":
                return Cell(self.cell, self.filters, stride, self.reach if index == 0 else 2)
        inner = self._inner(channels) if self.kind in ("ir", "er") else channels
        skip: Skip = "none"
        if self.skip == "pool" and channels == self.filters:
            skip = "pool"
        elif self.skip == "" and channels == self.filters and stride == 1:
            skip = "identity"
        gate = GATES[self.gate]
        shared = (self.filters, self.act, self._hidden(channels, inner), skip, *gate)
        match self.kind:
            case "cn":
                return ConvBlock(self.kernel, stride, *shared)
            case "ds" | "dsa":
                return SepConv(self.kernel, stride, *shared, linear=self.kind == "ds")
            case "er":
                return FusedMBConv(self.kernel, stride, inner, *shared)
            case _:
                return MBConv(self.kernel, stride, inner, *shared)

    def _inner(self, channels: int) -> int:
        if self.expanded:
            return self.expanded
        inner = self.expansion * channels
        return int(inner) if self.expansion == int(self.expansion) else round_filters(inner)

    def _hidden(self, channels: int, inner: int) -> int:
        if self.se_expanded:
            return round_filters(self.se_expanded * inner)
        return self.squeeze or (max(1, int(self.se * channels)) if self.se else 0)

    def __str__(self) -> str:
        takes = KINDS[self.kind][1]
        fields = [self.kind, f"r{self.repeats}"]
        fields += [f"k{self.kernel}"] if "kernel" in takes else []
        fields.append(f"s{self.stride}")
        if "expansion" in takes:
            fields.append(f"x{self.expanded}" if self.expanded else f"e{number(self.expansion)}")
        fields.append(f"c{self.filters}")
        if self.squeeze:
            fields.append(f"sq{self.squeeze}")
        elif self.se_expanded:
            fields.append(f"sx{number(self.se_expanded)}")
        elif self.se:
            fields.append(f"se{number(self.se)}")
        fields += [text for text in (self.skip, self.cell) if text]
        if self.act != "relu":
            fields.append(act_token(self.act))
        if self.gate != "gre":
            fields.append(self.gate)
        if self.reach != 2:
            fields.append(f"b{self.reach}")
        if self.padding != "valid":
            fields.append(self.padding)
        return "_".join(fields)


def parse(text: str, *, act: Kind = "relu", gate: str = "gre") -> BlockString:
    """Reads one block string; `act` and `gate` hold where the string names none.

    Raises:
        ArchitectureError: one sentence with the string, the field and what is allowed.
    """
    kind, *tokens = text.strip().split("_")
    if kind not in KINDS:
        raise ArchitectureError(
            f"block string {text!r}: must begin with {', '.join(KINDS)}; got {kind!r}"
        )
    takes = KINDS[kind][1]
    found: dict[str, Any] = {}
    for token in tokens:
        name, value = _field(text, token)
        if name in found:
            raise ArchitectureError(f"block string {text!r}: {token!r} gives {name} a second time")
        if name not in takes | {"repeats", "stride", "filters"}:
            raise ArchitectureError(f"block string {text!r}: {kind} takes no {token}")
        found[name] = value
    if found.get("repeats", 1) > MOST_LAYERS:
        raise ArchitectureError(
            f"block string {text!r}: a string has at most {MOST_LAYERS} layers,"
            f" got {found['repeats']}"
        )
    if "filters" not in found:
        raise ArchitectureError(f"block string {text!r}: the filters are missing, such as c40")
    if "expansion" in takes and not ("expansion" in found) ^ ("expanded" in found):
        raise ArchitectureError(f"block string {text!r}: needs either e or x")
    if len(found.keys() & {"se", "squeeze", "se_expanded"}) > 1:
        raise ArchitectureError(f"block string {text!r}: takes se, sx or sq, not two of them")
    if "cell" in takes and "cell" not in found:
        raise ArchitectureError(f"block string {text!r}: the cell is missing, see docs/notation.md")
    defaults = {key: value for key, value in {"act": act, "gate": gate}.items() if key in takes}
    return BlockString(kind, **defaults | found)


_WHOLE = {
    "r": "repeats",
    "k": "kernel",
    "s": "stride",
    "c": "filters",
    "x": "expanded",
    "sq": "squeeze",
    "b": "reach",
}
_RATIO = {"e": "expansion", "se": "se", "sx": "se_expanded"}


def _field(text: str, token: str) -> tuple[str, object]:
    if token in ACTS:
        return "act", ACTS[token]
    if token in GATES:
        return "gate", token
    if token in ("noskip", "pool"):
        return "skip", token
    if token in PADDING_WORDS:
        return "padding", token
    if "(" in token:
        return "cell", token
    match = re.fullmatch(rf"([a-z]+)({NUMBER})", token)
    letters, digits = (match[1], match[2]) if match else ("", "")
    if letters in _WHOLE and digits.isdigit() and int(digits) > 0:
        return _WHOLE[letters], int(digits)
    if letters in _RATIO and float(digits) > 0:
        return _RATIO[letters], float(digits)
    raise ArchitectureError(
        f"block string {text!r}: cannot read {token!r}; fields are {', '.join(_WHOLE)} with a whole"
        f" number from 1, {', '.join(_RATIO)} with a ratio, noskip, pool,"
        f" {', '.join((*ACTS, *GATES, *PADDING_WORDS))}; see docs/notation.md"
    )


def act_token(act: Kind) -> str:
    """The token of an activation; its own name where it has none, for a message."""
    return next((token for token, kind in ACTS.items() if kind == act), act)


def number(value: float) -> str:
    """The shortest decimal that reads back as `value`: 6, 0.25."""
    return repr(float(value)).removesuffix(".0")
