"""NASNet (1707.07012): the macro network for any two cells, and NASNet-A's cells.

The reference code is SLIM's `nets/nasnet`. "N @ P" is N normal cells a stage and P filters before
the classifier.
"""

from functools import partial

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import whole
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellHead, CellStem
from pocketnas.errors import ArchitectureError
from pocketnas.zoo.published import Entry, Published

# Figure 4, and what the reference code joins: `used_hiddenstates` leaves out state 1 of the normal
# cell and state 3 of the reduction cell, though pairs read them.
NORMAL = (
    "sep5(0)+sep3(1)|sep5(1)+sep3(1)|avg3(0)+id(1)|avg3(1)+avg3(1)|sep3(0)+id(0)"
    "|concat(1,2,3,4,5,6)"
)
REDUCTION = (
    "sep5(0)+sep7(1)|max3(0)+sep7(1)|avg3(0)+sep5(1)|id(3)+avg3(2)|sep3(2)+max3(0)|concat(3,4,5,6)"
)


def nasnet(
    normal: str,
    reduction: str,
    *,
    cells: int,
    filters: int,
    resolution: int,
    classes: int = 1000,
    channels: int = 3,
    stem: int = 32,
    stem_cells: bool = True,
    reach: int = 2,
    dropout: float = 0.5,
    epsilon: float = 1e-3,
) -> Architecture:
    """The network around two cells (section 3 and figure 2): three stages of `cells` normal cells.

    A reduction cell stands before the second and the third stage and doubles the filters; the
    auxiliary head reads the second stage.

    Args:
        normal: the cell that keeps the map's size, as `pocketnas.arch.cells` writes it.
        reduction: the cell that halves it.
        cells: normal cells a stage.
        filters: of the first stage's cells.
        resolution: side of the image in pixels.
        classes: outputs of the classifier.
        channels: colours of the image.
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
    first = (
        (Cell(reduction, filters // 4, 2), Cell(reduction, filters // 2, 2)),
        (Cell(normal, filters),) * cells,
    )
    later = tuple(
        (
            Cell(reduction, scale * filters, 2),
            Cell(normal, scale * filters, reach=reach),
            *(Cell(normal, scale * filters),) * (cells - 1),
        )
        for scale in (2, 4)
    )
    found = (*first, *later) if stem_cells else (*first[1:], *later)
    return Architecture(
        resolution=resolution,
        channels=channels,
        stem=CellStem(3, 2, stem) if stem_cells else CellStem(3, 1, stem, "same"),
        stages=found,
        head=CellHead(classes, dropout),
        epsilon=epsilon,
        auxiliary=AuxiliaryHead(len(found) - 2, classes),
    )


def nasnet_a(
    cells: int = 4,
    penultimate: int = 1056,
    *,
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    stem: int = 32,
    stem_cells: bool = True,
    reach: int = 2,
    dropout: float = 0.5,
    epsilon: float = 1e-3,
) -> Architecture:
    """NASNet-A "`cells` @ `penultimate`"; 4 @ 1056 has 5,289,978 parameters, 564 M MAdds.

    The filters before the classifier are those of six states, four times the first stage's. The
    other arguments are those of `nasnet`.

    Raises:
        ArchitectureError: `penultimate` is no multiple of 24.
    """
    if penultimate < 24 or penultimate % 24:
        raise ArchitectureError(
            f"nasnet_a: penultimate must be a multiple of 24, got {penultimate}"
        )
    return nasnet(
        NORMAL,
        REDUCTION,
        cells=cells,
        filters=penultimate // 24,
        resolution=resolution,
        classes=classes,
        channels=channels,
        stem=stem,
        stem_cells=stem_cells,
        reach=reach,
        dropout=dropout,
        epsilon=epsilon,
    )


ENTRIES = (
    Entry(
        "nasnet_a_mobile",
        "nasnet",
        224,
        partial(nasnet_a, 4, 1056),
        Published(
            74.0,
            5_289_978,
            564_000_000,
            {"Pixel 1": 183.0},
            "1707.07012, table 3; latency: 1801.04381, table 4;"
            " parameters: Cadene/pretrained-models.pytorch",
        ),
    ),
    Entry(
        "nasnet_a_large",
        "nasnet",
        331,
        partial(nasnet_a, 6, 4032, stem=96, reach=3),
        Published(
            82.7,
            88_753_150,
            23_800_000_000,
            {},
            "1707.07012, table 2; parameters: timm 1.0.31",
        ),
    ),
    Entry(
        "nasnet_a_cifar",
        "nasnet",
        32,
        partial(nasnet_a, 6, 768, stem=96, stem_cells=False, dropout=0.0, epsilon=1e-5),
        Published(None, 3_300_000, None, {}, "1707.07012, table 1: 3.41 % error on CIFAR-10"),
        classes=10,
    ),
)
