"""Predicts a figure of a network from its genotype, and how sure it is: a Gaussian process.

The kernel adds two views of a pair of genotypes: each decision taken alike adds its share (what an
additive model would say), and genotypes are the closer the fewer decisions differ (what decisions
do together). Each decision has a weight of its own in both, found by the marginal likelihood
(Rasmussen and Williams 2006, section 5.4). Options need no order, so any space will do.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pocketnas.search.controller import one_thread
from pocketnas.spaces.space import Genotype

_STEPS = 40  # of Adam on the kernel's weights
_FITTED = 250  # observations that the weights are fitted on, the latest; all are predicted from
_RATE = 0.1
_PRIOR = -2.0  # logarithm of a decision's weight before anything is known; its deviation is 2
_NOISE = -4.0
_JITTER = 1e-6


class Predictor:
    """Learns from observed genotypes.

    Args:
        sizes: the number of options of each decision.
        genotypes: observed.
        values: of those, finite.
    """

    @one_thread()
    def __init__(
        self, sizes: Sequence[int], genotypes: Sequence[Genotype], values: Sequence[float]
    ) -> None:
        self._sizes = tuple(sizes)
        self._decision = torch.repeat_interleave(torch.tensor(self._sizes))
        y = torch.tensor(values, dtype=torch.float64)
        self._mean = y.mean()
        self._scale = y.std(correction=0).clamp_min(1e-12)
        self._x, y = self._one_hot(genotypes), (y - self._mean) / self._scale
        self._far = torch.full((len(sizes),), _PRIOR, dtype=torch.float64)
        self._alike = torch.full((len(sizes),), _PRIOR, dtype=torch.float64)
        self._together = torch.zeros((), dtype=torch.float64)
        self._noise = torch.tensor(_NOISE, dtype=torch.float64)
        self._fit(self._x[-_FITTED:], y[-_FITTED:])
        self._root = torch.linalg.cholesky(self._covariance(self._x))
        self._answer = torch.cholesky_solve(y[:, None], self._root)[:, 0]

    @one_thread()
    def predict(self, genotypes: Sequence[Genotype]) -> tuple[Tensor, Tensor]:
        """The expected value and its standard deviation, each float64 of shape (n,)."""
        x = self._one_hot(genotypes)
        mean, seen = self._mean_at(x)
        prior = self._together.exp() + self._alike.exp().sum()
        variance = (prior - seen.square().sum(0)).clamp_min(0)
        return self._unscaled(mean), variance.sqrt() * self._scale

    @one_thread()
    def draw(self, genotypes: Sequence[Genotype], n: int, generator: torch.Generator) -> Tensor:
        """`n` functions that the observations allow, at the genotypes: float64 (n, genotypes)."""
        x = self._one_hot(genotypes)
        mean, seen = self._mean_at(x)
        covariance = self._kernel(x, x) - seen.T @ seen
        covariance.diagonal().add_(_JITTER * (1 + covariance.diagonal().abs().max()))
        root = torch.linalg.cholesky(covariance)
        noise = torch.randn(n, len(x), dtype=torch.float64, generator=generator)
        return self._unscaled(mean + noise @ root.T)

    def _fit(self, x: Tensor, y: Tensor) -> None:
        weights = [self._far, self._alike, self._together, self._noise]
        optimizer = torch.optim.Adam([w.requires_grad_() for w in weights], lr=_RATE)
        for _ in range(_STEPS):
            root = torch.linalg.cholesky(self._covariance(x))
            answer = torch.cholesky_solve(y[:, None], root)[:, 0]
            unlikely = y @ answer / 2 + root.diagonal().log().sum()
            priors = ((self._far - _PRIOR) ** 2).sum() + ((self._alike - _PRIOR) ** 2).sum()
            loss = unlikely + (priors + (self._noise - _NOISE) ** 2) / 8
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for weight in weights:
            weight.requires_grad_(False)

    def _kernel(self, x: Tensor, y: Tensor) -> Tensor:
        far, alike = self._far.exp(), self._alike.exp()
        differing = far.sum() - (x * far[self._decision]) @ y.T
        return self._together.exp() * torch.exp(-differing) + (x * alike[self._decision]) @ y.T

    def _covariance(self, x: Tensor) -> Tensor:
        noise = (self._noise.exp() + _JITTER) * torch.eye(len(x), dtype=torch.float64)
        return self._kernel(x, x) + noise

    def _mean_at(self, x: Tensor) -> tuple[Tensor, Tensor]:
        near = self._kernel(self._x, x)
        return near.T @ self._answer, torch.linalg.solve_triangular(self._root, near, upper=False)

    def _unscaled(self, value: Tensor) -> Tensor:
        return value * self._scale + self._mean

    def _one_hot(self, genotypes: Sequence[Genotype]) -> Tensor:
        options = torch.tensor(genotypes)
        offsets = torch.tensor((0, *self._sizes[:-1])).cumsum(0)
        x = torch.zeros(len(options), sum(self._sizes), dtype=torch.float64)
        return x.scatter_(1, options + offsets, 1.0)
