"""NASNet-A (1707.07012): the published cells in the network of `pocketnas.arch.nasnet`."""

from functools import partial

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.nasnet import nasnet
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
