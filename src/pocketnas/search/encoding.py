"""Genotypes as rows of zeros and ones, between which distances are one matrix product.

Options that are numbers have an order: a thermometer, on which the distance of two options is the
share of the scale between them. Others are one-hot: equal or one apart.
"""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from pocketnas.spaces.space import Decision, Genotype


class Encoding:
    """How the genotypes of a space are compared, decision by decision.

    Args:
        decisions: of the space.
    """

    def __init__(self, decisions: Sequence[Decision]) -> None:
        codes = [_code(decision) for decision in decisions]
        widths = [code.shape[1] for code in codes]
        self.decisions = len(codes)
        self._starts = torch.tensor([0, *accumulate(len(code) for code in codes)][:-1])
        self._rows: Tensor = torch.block_diag(*codes)  # type: ignore[no-untyped-call]
        self._decision = torch.repeat_interleave(torch.tensor(widths))
        steps = [0.5 if not _ordered(d) else 1 / max(1, len(d.options) - 1) for d in decisions]
        self._step = torch.tensor(steps, dtype=torch.float64)[self._decision]
        self._bounds = [0, *accumulate(widths)]

    def rows(self, genotypes: Sequence[Genotype]) -> Tensor:
        """Float64 of zeros and ones, one row a genotype."""
        rows: Tensor = self._rows[torch.tensor(genotypes) + self._starts]
        return rows.sum(1)  # (n, decisions, columns) before

    def distance(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        """The sum over the decisions of weight x distance (0 to 1), for all pairs of rows."""
        weighed = weights[self._decision] * self._step
        return (x @ weighed)[:, None] + (y @ weighed) - 2 * (x * weighed) @ y.T

    def by_decision(self, x: Tensor, pairs: Tensor) -> Tensor:
        """For each decision the sum of the symmetric `pairs` x distance, over all pairs of rows."""
        columns = 2 * self._step * (pairs.sum(1) @ x - (x * (pairs @ x)).sum(0))
        found = torch.zeros(self.decisions, dtype=torch.float64)
        return found.index_add_(0, self._decision, columns)


def _code(decision: Decision) -> Tensor:
    """One row an option."""
    n = len(decision.options)
    if not _ordered(decision):
        return torch.eye(n, dtype=torch.float64)
    ranks = torch.tensor(decision.options, dtype=torch.float64).argsort().argsort()
    return (ranks[:, None] > torch.arange(max(1, n - 1))).double()


def _ordered(decision: Decision) -> bool:
    """Whether the options are different numbers."""
    numbers = all(type(option) in (int, float) for option in decision.options)
    return numbers and len(set(decision.options)) == len(decision.options)
