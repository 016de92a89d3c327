"""A space whose accuracy and latency are known: what the guided search's tests search."""

from math import prod

from pocketnas.spaces import Decision, Genotype

SIZES = (3, 2, 4, 3, 2, 3, 4, 3, 2, 3)
DECISIONS = [Decision(str(i), tuple(range(size))) for i, size in enumerate(SIZES)]


def accuracy(genotype: Genotype) -> float:
    """Main effects of unlike weight, and two pairs of decisions that matter together."""
    main = sum(option * (i + 1) for i, option in enumerate(genotype)) / 150
    together = 0.1 * (genotype[0] == genotype[3]) - 0.1 * (genotype[2] == genotype[6])
    return 0.5 + main / 2 + together / 2


def latency(genotype: Genotype) -> float:
    return prod(1 + 0.15 * option for option in genotype)
