"""NASNet's search space: two cells (1707.07012, section 3.1).

A cell is five pairs, and a pair five decisions: two earlier states, an operation on each, and
whether the results are added or concatenated. The normal cell decides first. What is found on small
images is built at any size by `pocketnas.arch.nasnet.grown`.
"""

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import whole
from pocketnas.arch.nasnet import nasnet
from pocketnas.arch.wiring import CELL_INPUTS, OPERATIONS, SIGNS, Branch, Pair
from pocketnas.spaces.space import Choose, Space

COMBINATIONS = tuple(SIGNS)


def nasnet_space(
    *,
    resolution: int = 32,
    classes: int = 10,
    channels: int = 3,
    cells: int = 2,
    filters: int = 32,
    stages: int = 3,
    stem_cells: bool = False,
    blocks: int = 5,
) -> Space[Architecture]:
    """NASNet's space in the small network of its search: 2 cells a stage, 5.2e36 encodings.

    A cell joins what none of its pairs reads. The first convolution has 3 times the filters of the
    cells behind it (SLIM: CIFAR-10's `stem_multiplier`).

    Args:
        resolution: side of the image in pixels.
        classes: outputs of the classifier.
        channels: colours of the image.
        cells: normal cells a stage.
        filters: of the first stage's cells; SLIM has 32 for CIFAR-10.
        stages: of normal cells; the map is halved between them, 28 pixels end at 7 after 3.
        stem_cells: for large images: the stem and two reduction cells halve the map before.
        blocks: pairs of a cell.

    Raises:
        ArchitectureError: an argument is out of range.
    """
    whole("nasnet_space", "filters", filters)
    whole("nasnet_space", "blocks", blocks)

    def network(choose: Choose) -> Architecture:
        return nasnet(
            _cell(choose, "normal", blocks),
            _cell(choose, "reduction", blocks),
            cells=cells,
            filters=filters,
            resolution=resolution,
            classes=classes,
            channels=channels,
            stages=stages,
            stem=32 if stem_cells else 3 * filters,
            stem_cells=stem_cells,
            dropout=0.0,
        )

    return Space("nasnet", network)


def _cell(choose: Choose, name: str, blocks: int) -> str:
    return "|".join(str(_pair(choose, f"{name}.pair{i}", CELL_INPUTS + i)) for i in range(blocks))


def _pair(choose: Choose, name: str, states: int) -> Pair:
    """The five steps of section 3.1, in their order."""
    labels = tuple(map(str, range(states)))  # no numbers: a state is not between two others
    left = int(choose(f"{name}.left.state", labels))
    right = int(choose(f"{name}.right.state", labels))
    return Pair(
        Branch(choose(f"{name}.left.operation", OPERATIONS), left),
        Branch(choose(f"{name}.right.operation", OPERATIONS), right),
        choose(f"{name}.combine", COMBINATIONS),
    )
