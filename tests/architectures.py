"""Random architectures for property tests, and what tests of blocks share."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from pocketnas.arch import Architecture, Block, ConvBlock, Head, MBConv, SepConv
from pocketnas.arch.blocks import FusedMBConv, Skip
from pocketnas.arch.blockstring import GATES
from pocketnas.arch.cells import AuxiliaryHead, Cell, CellHead, CellStem
from pocketnas.arch.residual import BasicBlock, Bottleneck, PoolStem
from pocketnas.arch.wiring import OPERATIONS, SIGNS
from pocketnas.graph import Builder, Graph
from pocketnas.graph.ops import PADDINGS
from pocketnas.spaces import SPACES as KNOWN_SPACES
from pocketnas.spaces import Genotype, Skeleton, Space, mnasnet_space

# NASNet-A (1707.07012, figure 4; `nasnet_utils` in TF-SLIM).
NORMAL = (
    "sep5(0)+sep3(1)|sep5(1)+sep3(1)|avg3(0)+id(1)|avg3(1)+avg3(1)|sep3(0)+id(0)"
    "|concat(1,2,3,4,5,6)"
)
REDUCTION = (
    "sep5(0)+sep7(1)|max3(0)+sep7(1)|avg3(0)+sep5(1)|id(3)+avg3(2)|sep3(2)+max3(0)|concat(3,4,5,6)"
)

TINY = Architecture(
    resolution=16,
    stem=ConvBlock(3, 2, 8, "hswish"),
    stages=(
        (SepConv(3, 1, 8, skip="identity"),),
        (MBConv(5, 2, 24, 12, se=2), MBConv(5, 1, 37, 12, "relu6", skip="pool")),
    ),
    head=Head(32, 10, 0.1),
    channels=1,
)

MANY = Architecture(
    resolution=64,
    stem=PoolStem(3, 2, 8, "swish"),
    stages=(
        (BasicBlock(1, 8), Bottleneck(2, 4, 16)),
        (FusedMBConv(3, 1, 32, 16, se=2, se_act="swish", skip="identity"),),
        (CellStem(1, 1, 6), Cell("sep3(0)+id(1)|avg3(2)+max3(0)|concat(0,3)", 6, 2, 3)),
    ),
    head=CellHead(10),
    padding="symmetric",
    epsilon=1e-5,
    auxiliary=AuxiliaryHead(1, 10, 4, 5),
)

NOTATED_ACTS = ("relu", "relu6", "hswish", "swish")

SPACES = [
    mnasnet_space(),
    mnasnet_space(Skeleton(resolution=28, channels=1, classes=10, width=0.35, divisor=3)),
    mnasnet_space(Skeleton(64, 7, width=1.3, strides=(2, 2, 2), filters=(5, 9), layers=(1, 4))),
]
OTHERS = [make() for name, make in KNOWN_SPACES.items() if name != "mnasnet"]


def emitted(block: Block, channels: int = 12, size: int = 8, **options: Any) -> Graph:
    """The graph of `block` alone, called `b`; `options` are the builder's."""
    net = Builder((size, size, channels), **options)
    with net.scope("b"):
        return net.graph(block.emit(net, net.input, net.input))


def names(graph: Graph) -> list[str]:
    """Of all nodes of `emitted` but the image, without the block's name."""
    return [node.name.removeprefix("b.") for node in graph.nodes[1:]]


def genotypes(space: Space[Architecture]) -> st.SearchStrategy[Genotype]:
    """Any genotype of `space`."""
    return st.tuples(*(st.integers(0, len(d.options) - 1) for d in space.decisions))


def mnasnets() -> st.SearchStrategy[Architecture]:
    """Any point of a space of architectures."""
    return st.sampled_from([*SPACES, *OTHERS]).flatmap(
        lambda space: genotypes(space).map(space.decode)
    )


@st.composite
def cells(draw: st.DrawFn) -> str:
    """The string of any cell."""
    count = draw(st.integers(1, 5))
    texts = []
    for i in range(count):
        sides = [f"{draw(_operations)}({draw(st.integers(0, i + 1))})" for _ in range(2)]
        texts.append(draw(_signs).join(sides))
    if draw(st.booleans()):
        joined = draw(st.sets(st.integers(0, count + 1), min_size=1))
        texts.append(f"concat({','.join(map(str, sorted(joined)))})")
    return "|".join(texts)


_operations = st.sampled_from(OPERATIONS)
_signs = st.sampled_from(tuple(SIGNS.values()))


@st.composite
def nasnets(draw: st.DrawFn) -> Architecture:
    """Random cells in NASNet's frame: stem, perhaps stem cells, stages parted by reductions."""
    normal, reduction, filters = draw(cells()), draw(cells()), draw(st.integers(2, 9))
    stem = CellStem(3, draw(st.integers(1, 2)), draw(st.integers(1, 9)), draw(_paddings))
    stages: list[tuple[Block, ...]] = []
    if draw(st.booleans()):
        stages.append((Cell(reduction, 2, 2), Cell(reduction, 2, 2)))
    for i in range(draw(st.integers(1, 3))):
        reductions = [Cell(reduction, filters << i, 2)] if i else []
        reach = draw(st.sampled_from((2, 3))) if i else 2
        cell = Cell(normal, filters << i)
        stages.append((*reductions, replace(cell, reach=reach), *[cell] * draw(st.integers(0, 2))))
    return Architecture(
        draw(st.integers(3, 99)),
        stem,
        tuple(stages),
        CellHead(draw(_classes), draw(_dropouts)),
        **draw(_settings(len(stages))),
    )


def sequences() -> st.SearchStrategy[Architecture]:
    """Blocks of odd absolute widths that follow no ratio, in runs and alone; every one fits."""
    return _chains(_convolutions, _convolutions)


def mixtures() -> st.SearchStrategy[Architecture]:
    """Blocks of all kinds in any order, as values: some read what does not fit."""
    kinds = (_convolutions, _residual_blocks, _cells)
    return _chains(*[lambda filters: st.one_of(*(kind(filters) for kind in kinds))] * 2)


def fitting() -> st.SearchStrategy[Architecture]:
    """Architectures whose blocks fit together."""
    residual = _chains(lambda _: _stems(), lambda filters: _residual_blocks(filters))
    return mnasnets() | sequences() | residual | nasnets()


def architectures() -> st.SearchStrategy[Architecture]:
    """Anything above."""
    return fitting() | mixtures()


@st.composite
def _chains(draw: st.DrawFn, stems: Any, blocks: Any) -> Architecture:
    channels = draw(st.integers(1, 4))
    stem = draw(stems(channels))
    filters = _channels(stem)
    stages = []
    for _ in range(draw(st.integers(0, 4))):
        stage: list[Block] = []
        for _ in range(draw(st.integers(0, 3))):
            block = draw(blocks(filters))
            filters = _channels(block)
            again = draw(_repeated(block, filters))
            stage += [block, *[again] * draw(st.integers(0, 3))]
        stages.append(tuple(stage))
    head = st.builds(
        Head,
        *(st.just(0) | st.integers(1, 2000), _classes, _dropouts),
        *(st.sampled_from(NOTATED_ACTS), st.just(0) | st.integers(1, 99)),
    )
    cell_head = st.builds(CellHead, _classes, _dropouts)
    return Architecture(
        draw(st.integers(1, 300)),
        stem,
        tuple(stages),
        draw(head | cell_head),
        channels,
        **draw(_settings(len(stages))),
    )


_classes = st.integers(1, 1000)
_dropouts = st.floats(0, 1, exclude_max=True)
_paddings = st.sampled_from(PADDINGS)
_acts = st.sampled_from(NOTATED_ACTS)
_strides = st.integers(1, 3)
_filters = st.integers(1, 50)
_kernels = st.sampled_from((1, 3, 5, 7))


@st.composite
def _settings(draw: st.DrawFn, stages: int) -> dict[str, Any]:
    """What an architecture has besides its blocks."""
    epsilon = st.sampled_from((1e-3, 1e-5)) | st.floats(0, 1, exclude_min=True, exclude_max=True)
    auxiliary = st.builds(AuxiliaryHead, st.integers(0, stages - 1), _classes, _filters, _filters)
    return {
        "padding": draw(st.sampled_from(("same", "symmetric"))),
        "epsilon": draw(epsilon),
        "auxiliary": draw(st.none() | auxiliary) if stages else None,
    }


def _channels(block: Any) -> int:
    return int(block.channels if isinstance(block, Cell) else block.filters)


def _repeated(block: Block, filters: int) -> st.SearchStrategy[Block]:
    """What may follow `block` as a further layer of the same string, and what just may not."""
    if isinstance(block, ConvBlock | SepConv | MBConv | FusedMBConv):
        return _convolutions(filters, like=block)
    return st.just(replace(block, stride=1))  # type: ignore[call-overload, no-any-return]


def _stems() -> st.SearchStrategy[Block]:
    pool_stems = st.builds(PoolStem, _kernels, _strides, _filters, _acts)
    return pool_stems | st.builds(ConvBlock, _kernels, _strides, _filters, _acts)


def _residual_blocks(filters: int) -> st.SearchStrategy[Block]:
    widths = _filters | st.integers(1, 4).map(lambda ratio: ratio * filters)
    ends = _filters | st.just(filters)
    return st.one_of(
        _stems(),
        st.builds(BasicBlock, _strides, ends, _acts),
        st.builds(Bottleneck, _strides, widths, ends, _acts),
    )


def _cells(_: int) -> st.SearchStrategy[Block]:
    stems = st.builds(CellStem, _kernels, _strides, _filters, _paddings)
    return stems | st.builds(Cell, cells(), _filters, _strides, st.integers(1, 4))


Convolution = ConvBlock | SepConv | MBConv | FusedMBConv


@st.composite
def _convolutions(draw: st.DrawFn, channels: int, like: Convolution | None = None) -> Convolution:
    """A block that fits an input of `channels`; `like` gives kind, kernel and filters."""
    kernel = like.kernel if like else draw(_kernels)
    stride = 1 if like else draw(_strides)
    filters = like.filters if like else draw(_filters | st.just(channels))
    skips: list[Skip] = ["none"]
    if filters == channels:
        skips += ["pool"] if stride > 1 else ["pool", "identity"]
    gate = draw(st.sampled_from(tuple(GATES.values())))
    shared = (filters, draw(_acts), draw(st.integers(0, 20)), draw(st.sampled_from(skips)), *gate)
    kinds = st.sampled_from((ConvBlock, SepConv, MBConv, FusedMBConv))
    kind = type(like) if like else draw(kinds)
    if kind in (MBConv, FusedMBConv):
        ratios = st.integers(1, 9).map(lambda ratio: ratio * channels)
        return kind(kernel, stride, draw(st.integers(1, 300) | ratios), *shared)
    if kind is SepConv:
        return SepConv(kernel, stride, *shared, linear=draw(st.booleans()))
    return kind(kernel, stride, *shared)
