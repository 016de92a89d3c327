"""NASNet's network around any two cells, and its transfer to any size (1707.07012, section 3).

The reference code is SLIM's `nets/nasnet`. "N @ P" is N normal cells a stage and P channels before
the classifier.
"""

from dataclasses import replace
from math import ceil

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import whole
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellHead, CellStem
from pocketnas.arch.wiring import wiring
from pocketnas.errors import ArchitectureError


def nasnet(
    normal: str,
    reduction: str,
    *,
    cells: int,
    filters: int,
    resolution: int,
    classes: int = 1000,
    channels: int = 3,
    stages: int = 3,
    stem: int = 32,
    stem_cells: bool = True,
    reach: int = 2,
    dropout: float = 0.5,
    epsilon: float = 1e-3,
) -> Architecture:
    """The network around two cells (section 3 and figure 2): stages of `cells` normal cells.

    A reduction cell stands before every stage but the first and doubles the filters; the auxiliary
    head reads the last stage but one.

    Args:
        normal: the cell that keeps the map's size, as `pocketnas.arch.wiring` writes it.
        reduction: the cell that halves it.
        cells: normal cells a stage.
        filters: of the first stage's cells.
        resolution: side of the image in pixels.
        classes: outputs of the classifier.
        channels: colours of the image.
        stages: of normal cells, at least 2; the paper has 3.
        stem: filters of the first convolution.
        stem_cells: for ImageNet: the stem halves the map, and two reduction cells with a quarter
            and half of the filters halve it again; else the cells see the full resolution.
        reach: how far back the second input lies of the cell behind a reduction cell.
        dropout: rate before the classifier.
        epsilon: of the batch norms.

    Raises:
        ArchitectureError: an argument is out of range, or a cell cannot be read.
    """
    whole("nasnet", "cells", cells)
    whole("nasnet", "filters", filters)
    whole("nasnet", "stages", stages, least=2)
    found = [(Cell(normal, filters),) * cells]
    if stem_cells:
        found.insert(0, (Cell(reduction, filters // 4, 2), Cell(reduction, filters // 2, 2)))
    for scale in (2**i for i in range(1, stages)):
        first = Cell(normal, scale * filters, reach=reach)
        later = (Cell(normal, scale * filters),) * (cells - 1)
        found.append((Cell(reduction, scale * filters, 2), first, *later))
    return Architecture(
        resolution=resolution,
        channels=channels,
        stem=CellStem(3, 2, stem) if stem_cells else CellStem(3, 1, stem, "same"),
        stages=tuple(found),
        head=CellHead(classes, dropout),
        epsilon=epsilon,
        auxiliary=AuxiliaryHead(len(found) - 2, classes),
    )


def grown(architecture: Architecture, cells: int, penultimate: int) -> Architecture:
    """The network "`cells` @ `penultimate`" of the cells of another one (section 3).

    The image, the classes, the kind of stem and the number of stages stay. The filters of a stem at
    full resolution grow with the cells (SLIM: `stem_multiplier`); a stem that halves the map keeps
    its own.

    Args:
        architecture: a network as `nasnet` builds it, such as one that a search found.
        cells: normal cells a stage.
        penultimate: channels before the classifier: the last stage's filters times the states that
            its last cell joins.

    Raises:
        ArchitectureError: the network is not made of two cells, or no number of filters gives
            `penultimate` channels.
    """
    whole("grown", "cells", cells)
    whole("grown", "penultimate", penultimate)
    stem, parts, head = _parts(architecture)
    normal, reduction = (next(cell for cell in parts if cell.stride == i) for i in (1, 2))
    stem_cells = stem.stride > 1
    stages = len(architecture.stages) - stem_cells
    whole("grown", "stages", stages, least=2)
    filters = _filters(penultimate, *_unit(architecture))
    found = nasnet(
        normal.cell,
        reduction.cell,
        cells=cells,
        filters=filters,
        resolution=architecture.resolution,
        classes=head.classes,
        channels=architecture.channels,
        stages=stages,
        stem=stem.filters if stem_cells else ceil(stem.filters * filters / normal.filters),
        stem_cells=stem_cells,
        reach=max(cell.reach for cell in parts),
        dropout=head.dropout,
        epsilon=architecture.epsilon,
    )
    return replace(found, padding=architecture.padding)


def closest(architecture: Architecture, penultimate: int) -> int:
    """The number of channels closest to `penultimate` that `grown` can give these cells.

    Raises:
        ArchitectureError: the network is not made of two cells.
    """
    whole("closest", "penultimate", penultimate)
    unit, least = _unit(architecture)
    return unit * max(least, round(penultimate / unit))


def _unit(architecture: Architecture) -> tuple[int, int]:
    """Channels before the classifier for each filter of the first stage; and its least filters.

    A stem cell has a quarter of the filters, and a factorized reduction halves that.
    """
    stem, parts, _ = _parts(architecture)
    normal = next(cell for cell in parts if cell.stride == 1)
    stages = len(architecture.stages) - (stem.stride > 1)
    return wiring(normal.cell).width * 2 ** (stages - 1), 8 if stem.stride > 1 else 1


def _parts(architecture: Architecture) -> tuple[CellStem, list[Cell], CellHead]:
    """The stem, the cells (of stride 1 all alike, of stride 2 all alike) and the head."""
    stem, head = architecture.stem, architecture.head
    if not isinstance(stem, CellStem):
        raise _refusal(f"the stem {type(stem).__name__}")
    if not isinstance(head, CellHead):
        raise _refusal(f"the head {type(head).__name__}")
    cells: list[Cell] = []
    for block in (block for stage in architecture.stages for block in stage):
        if not isinstance(block, Cell):
            raise _refusal(f"a block {type(block).__name__}")
        cells.append(block)
    kinds = sorted({(cell.stride, cell.cell) for cell in cells})
    if (strides := [stride for stride, _ in kinds]) != [1, 2]:
        raise _refusal(f"cells of stride {', '.join(map(str, strides)) or 'none'}")
    return stem, cells, head


def _refusal(got: str) -> ArchitectureError:
    return ArchitectureError(
        "grown: needs one normal cell (stride 1) and one reduction cell (stride 2), each as often"
        f" as it likes, between NASNet's stem and head, got {got}"
    )


def _filters(penultimate: int, unit: int, least: int) -> int:
    """Those of the first stage."""
    filters, rest = divmod(penultimate, unit)
    if not rest and filters >= least:
        return filters
    nearest = sorted({max(least, filters) * unit, max(least, filters + 1) * unit})
    raise ArchitectureError(
        f"grown: penultimate must be a multiple of {unit} from {least * unit} with these cells,"
        f" the nearest {' and '.join(map(str, nearest))}, got {penultimate}"
    )
