"""Random architectures for property tests: points of the MnasNet space, and block sequences."""

from hypothesis import strategies as st

from pocketnas.arch import Architecture, Block, ConvBlock, Head, MBConv, SepConv
from pocketnas.arch.blocks import Skip
from pocketnas.spaces import Genotype, Skeleton, Space, mnasnet_space

NOTATED_ACTS = ("relu", "relu6", "hswish", "swish")

SPACES = [
    mnasnet_space(),
    mnasnet_space(Skeleton(resolution=28, channels=1, classes=10, width=0.35, divisor=3)),
    mnasnet_space(Skeleton(64, 7, width=1.3, strides=(2, 2, 2), filters=(5, 9), layers=(1, 4))),
]


def genotypes(space: Space[Architecture]) -> st.SearchStrategy[Genotype]:
    """Any genotype of `space`."""
    return st.tuples(*(st.integers(0, len(d.options) - 1) for d in space.decisions))


def mnasnets() -> st.SearchStrategy[Architecture]:
    """Any point of a MnasNet space."""
    return st.sampled_from(SPACES).flatmap(lambda space: genotypes(space).map(space.decode))


@st.composite
def sequences(draw: st.DrawFn) -> Architecture:
    """Blocks of odd absolute widths that follow no ratio, in runs and alone."""
    channels = draw(st.integers(1, 4))
    resolution = draw(st.integers(1, 300))
    stem = draw(_blocks(channels))
    filters = stem.filters
    stages = []
    for _ in range(draw(st.integers(0, 4))):
        stage: list[Block] = []
        for _ in range(draw(st.integers(0, 3))):
            block = draw(_blocks(filters))
            stage.append(block)
            filters = block.filters
            again = draw(_blocks(filters, like=block))
            stage += [again] * draw(st.integers(0, 3))
        stages.append(tuple(stage))
    dropout = draw(st.floats(0, 1, exclude_max=True))
    act = draw(st.sampled_from(NOTATED_ACTS))
    head = Head(draw(st.integers(1, 2000)), draw(st.integers(1, 1000)), dropout, act)
    return Architecture(resolution, stem, tuple(stages), head, channels)


Convolution = ConvBlock | SepConv | MBConv


@st.composite
def _blocks(draw: st.DrawFn, channels: int, like: Convolution | None = None) -> Convolution:
    """A block that fits an input of `channels`; `like` gives kind, kernel and filters."""
    kernel = like.kernel if like else draw(st.sampled_from((1, 3, 5, 7)))
    stride = 1 if like else draw(st.integers(1, 3))
    filters = like.filters if like else draw(st.integers(1, 50) | st.just(channels))
    skips: list[Skip] = ["none"]
    if filters == channels:
        skips += ["pool"] if stride > 1 else ["pool", "identity"]
    act = draw(st.sampled_from(NOTATED_ACTS))
    shared = (filters, act, draw(st.integers(0, 20)), draw(st.sampled_from(skips)))
    kind = type(like) if like else draw(st.sampled_from((ConvBlock, SepConv, MBConv)))
    if kind is MBConv:
        ratios = st.integers(1, 9).map(lambda ratio: ratio * channels)
        return MBConv(kernel, stride, draw(st.integers(1, 300) | ratios), *shared)
    return kind(kernel, stride, *shared)


def architectures() -> st.SearchStrategy[Architecture]:
    """Anything above."""
    return mnasnets() | sequences()
