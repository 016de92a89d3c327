"""Compound scaling: depth, width and resolution of any network grown together (1905.11946)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blockstring import parse
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import from_lines, to_lines
from pocketnas.arch.rounding import round_filters
from pocketnas.arch.scaling import scaled
from pocketnas.errors import ArchitectureError

STEP = 0.05
"""Of the grid of coefficients. The paper does not state its own; its result lies on this one."""

NEAR = 0.1
"""How far alpha · beta² · gamma² may be from 2 in the grid; the paper's result gives 1.92."""

_ROUND, _LARGE = 8, 128  # pixels; smaller images would hardly grow in steps of 8


@dataclass(frozen=True, slots=True)
class Coefficients:
    """How fast depth, width and resolution grow: alpha, beta, gamma of equation 3, each from 1.

    The multiply-adds grow by about (alpha · beta² · gamma²) for each 1 of phi.

    Raises:
        ArchitectureError: one is below 1, or no number.
    """

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            if not 1 <= getattr(self, name) < inf:
                raise ArchitectureError(
                    f"coefficients: {name} must be a number from 1, got {getattr(self, name)}"
                )

    @property
    def growth(self) -> float:
        """Of the multiply-adds, about, for each 1 of phi."""
        return self.alpha * self.beta**2 * self.gamma**2

    def at(self, phi: float) -> "Scale":
        """The multipliers at phi."""
        return Scale(self.alpha**phi, self.beta**phi, self.gamma**phi)


@dataclass(frozen=True, slots=True)
class Scale:
    """Multipliers of the layers, of the filters and of the image's side."""

    depth: float = 1.0
    width: float = 1.0
    resolution: float = 1.0


EFFICIENTNET = Coefficients()
"""Of the paper, for B0 at phi = 1. The shipped B1 to B7 are near it, rounded by hand: zoo."""


def grown(
    network: Architecture,
    scale: Scale,
    *,
    side: int | None = None,
    ends: bool = True,
    divisor: int = 8,
) -> Architecture:
    """The network with more, and wider, layers and a larger image.

    Filters are rounded as published (`round_filters`), layers up; ratios of expansions and of
    squeeze-and-excite follow the filters, and absolute inner widths grow like them.

    Args:
        network: of blocks of MobileNet's, EfficientNet's or ResNet's kind.
        scale: multipliers.
        side: of the image in pixels; None multiplies the network's own and takes the nearest
            multiple of 8, from 128 pixels on.
        ends: whether stem and head are wider too, and the first and last stage deeper;
            EfficientNet-Lite's are not.
        divisor: filters are multiples of it.

    Raises:
        ArchitectureError: a number is out of range, or the network is one of cells, whose size is
            N@P (`pocketnas search --space nasnet --grow`).
    """
    if not isinstance(network.head, Head):
        raise ArchitectureError("compound scaling: cells grow by their own numbers, N@P")
    image, stem, *lines, head = to_lines(replace(network, auxiliary=None))
    depths = [scale.depth] * len(lines)
    if not ends:
        depths[0] = depths[-1] = 1.0
    lines = scaled(lines, width=scale.width, depth=depths, divisor=divisor)
    if scale.width != 1:
        lines = [" ".join(_inner(text, scale.width, divisor) for text in x.split()) for x in lines]
        if ends:
            (stem,) = scaled([stem], width=scale.width, divisor=divisor)
    found = from_lines([image, stem, *lines, head])
    wide = scale.width if ends else 1.0

    def wider(filters: int) -> int:
        return round_filters(filters * wide, divisor) if filters and wide != 1 else filters

    own = network.head
    return replace(
        found,
        resolution=side or _nearest(network.resolution * scale.resolution, network.resolution),
        head=replace(own, filters=wider(own.filters), hidden=wider(own.hidden)),
    )


def grid(step: float = STEP, near: float = NEAR, growth: float = 2.0) -> list[Coefficients]:
    """The coefficients to try for phi = 1: multiples of `step` from 1 with the wanted growth."""
    most = round((growth - 1) / step) + 1
    values = [round(1 + step * i, 10) for i in range(most + 1)]
    found = (Coefficients(*three) for three in product(values, repeat=3))
    return [each for each in found if abs(each.growth - growth) <= near]


def alone(growth: float) -> dict[str, Scale]:
    """One dimension scaled by itself to about the same multiply-adds (table 3, figure 8)."""
    return {
        "depth": Scale(depth=growth),
        "width": Scale(width=growth**0.5),
        "resolution": Scale(resolution=growth**0.5),
    }


def steps(first: float, last: float, by: float) -> Iterator[float]:
    """Phi from first to last, both among them."""
    count = round((last - first) / by)
    return (first + i * by for i in range(count + 1))


def _inner(text: str, width: float, divisor: int) -> str:
    """A block string whose absolute inner widths grow like its filters."""
    found = parse(text)

    def wider(inner: int) -> int:
        return round_filters(inner * width, divisor) if inner else 0

    return str(replace(found, expanded=wider(found.expanded), squeeze=wider(found.squeeze)))


def _nearest(side: float, own: int) -> int:
    if side == own or own < _LARGE:
        return max(1, round(side))
    return max(_ROUND, round(side / _ROUND) * _ROUND)


def parse_coefficients(text: str) -> Coefficients:
    """`1.2,1.1,1.15`.

    Raises:
        ArchitectureError: it is not three numbers from 1.
    """
    parts: Sequence[str] = text.split(",")
    try:
        alpha, beta, gamma = map(float, parts)
    except ValueError:
        raise ArchitectureError(
            f"coefficients: must be alpha,beta,gamma such as 1.2,1.1,1.15; got {text!r}"
        ) from None
    return Coefficients(alpha, beta, gamma)
