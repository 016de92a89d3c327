"""Predicts a figure of a network from its genotype, and how sure it is: a Gaussian process.

The kernel adds two views of a pair of genotypes: each decision taken alike adds its share (what an
additive model would say), and genotypes are the closer the less their decisions differ (what
decisions do together). Each decision has a weight of its own in both, found by the marginal
likelihood (Rasmussen and Williams 2006, section 5.4). Nothing is tuned to a space.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pocketnas.search.controller import one_thread
from pocketnas.search.encoding import Encoding
from pocketnas.spaces.space import Genotype

_STEPS = 40  # of Adam on the kernel's weights
_FITTED = 250  # observations that the weights are fitted on, the latest; all are predicted from
_RATE = 0.1
_PRIOR = -2.0  # logarithm of a decision's weight before anything is known; its deviation is 2
_NOISE = -4.0
_JITTER = 1e-6


class Kernel:
    """How alike the values of two genotypes are expected to be.

    Args:
        encoding: of the space's genotypes.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._far = torch.full((encoding.decisions,), _PRIOR, dtype=torch.float64)
        self._alike = torch.full((encoding.decisions,), _PRIOR, dtype=torch.float64)
        self._together = torch.zeros((), dtype=torch.float64)
        self._noise = torch.tensor(_NOISE, dtype=torch.float64)

    @one_thread()
    def fit(self, genotypes: Sequence[Genotype], values: Sequence[float]) -> "Kernel":
        """Climbs the marginal likelihood (equation 5.9) and the weights' prior by their gradient.

        By hand, since the derivative by a decision's weight is a sum over pairs that one product of
        matrices gives for all decisions: far cheaper than going back through Cholesky's algorithm.

        Args:
            genotypes: observed.
            values: of those, finite.
        """
        x = self._encoding.rows(genotypes[-_FITTED:])
        y, _, _ = standardized(values[-_FITTED:])
        weights = [self._far, self._alike, self._together, self._noise]
        optimizer = torch.optim.Adam(weights, lr=_RATE)
        for _ in range(_STEPS):
            near = self._near(x, x)
            root = torch.linalg.cholesky(near + self._shared(x, x) + self._noises(len(x)))
            inverse = torch.cholesky_inverse(root)
            answer = inverse @ y
            slope = (inverse - torch.outer(answer, answer)) / 2  # of the loss by the covariance
            by_near = slope * near
            self._far.grad = (self._far - _PRIOR) / 4 - self._far.exp() * (
                self._encoding.by_decision(x, by_near)
            )
            self._alike.grad = (self._alike - _PRIOR) / 4 + self._alike.exp() * (
                slope.sum() - self._encoding.by_decision(x, slope)
            )
            self._together.grad = by_near.sum()
            self._noise.grad = (self._noise - _NOISE) / 4 + self._noise.exp() * (
                slope.diagonal().sum()
            )
            optimizer.step()
        return self

    @property
    def prior(self) -> Tensor:
        """The variance of a value of which nothing is known."""
        return self._together.exp() + self._alike.exp().sum()

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Covariances of all pairs of rows."""
        return self._near(x, y) + self._shared(x, y)

    def observed(self, x: Tensor) -> Tensor:
        """Covariances of noisy observations."""
        return self(x, x) + self._noises(len(x))

    def _near(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(self._together - self._encoding.distance(x, y, self._far.exp()))

    def _shared(self, x: Tensor, y: Tensor) -> Tensor:
        alike = self._alike.exp()
        return alike.sum() - self._encoding.distance(x, y, alike)

    def _noises(self, n: int) -> Tensor:
        return (self._noise.exp() + _JITTER) * torch.eye(n, dtype=torch.float64)


class Predictor:
    """Learns from observed genotypes.

    Args:
        encoding: of the space's genotypes.
        genotypes: observed.
        values: of those, finite.
        kernel: fitted to some of them; None to fit one to these.
    """

    @one_thread()
    def __init__(
        self,
        encoding: Encoding,
        genotypes: Sequence[Genotype],
        values: Sequence[float],
        kernel: Kernel | None = None,
    ) -> None:
        self._encoding = encoding
        self._kernel = kernel or Kernel(encoding).fit(genotypes, values)
        self._x = encoding.rows(genotypes)
        self._y, self._mean, self._scale = standardized(values)
        self._root = torch.linalg.cholesky(self._kernel.observed(self._x))
        self._answer = torch.cholesky_solve(self._y[:, None], self._root)[:, 0]

    @property
    @one_thread()
    def skill(self) -> float:
        """The share of the variance that predicting each value from all others explains.

        1 is perfect; 0 and less is no better than the mean of all (equation 5.12), as of values
        that are all alike.
        """
        missed = self._answer / torch.cholesky_inverse(self._root).diagonal()
        left, whole = (of.square().mean().clamp_min(1e-12) for of in (missed, self._y))
        return 1 - (left / whole).item()

    @one_thread()
    def expected(self, genotypes: Sequence[Genotype]) -> Tensor:
        """The expected value alone, float64 of shape (n,): much cheaper than `predict`."""
        near = self._kernel(self._encoding.rows(genotypes), self._x)
        return self._unscaled(near @ self._answer)

    @one_thread()
    def predict(self, genotypes: Sequence[Genotype]) -> tuple[Tensor, Tensor]:
        """The expected value and its standard deviation, each float64 of shape (n,)."""
        mean, seen = self._mean_at(self._encoding.rows(genotypes))
        variance = (self._kernel.prior - seen.square().sum(0)).clamp_min(0)
        return self._unscaled(mean), variance.sqrt() * self._scale

    @one_thread()
    def draw(self, genotypes: Sequence[Genotype], n: int, generator: torch.Generator) -> Tensor:
        """`n` functions that the observations allow, at the genotypes: float64 (n, genotypes)."""
        x = self._encoding.rows(genotypes)
        mean, seen = self._mean_at(x)
        covariance = self._kernel(x, x) - seen.T @ seen
        covariance.diagonal().add_(_JITTER * (1 + covariance.diagonal().abs().max()))
        root = torch.linalg.cholesky(covariance)
        noise = torch.randn(n, len(x), dtype=torch.float64, generator=generator)
        return self._unscaled(mean + noise @ root.T)

    def _mean_at(self, x: Tensor) -> tuple[Tensor, Tensor]:
        near = self._kernel(self._x, x)
        return near.T @ self._answer, torch.linalg.solve_triangular(self._root, near, upper=False)

    def _unscaled(self, value: Tensor) -> Tensor:
        return value * self._scale + self._mean


def standardized(values: Sequence[float]) -> tuple[Tensor, Tensor, Tensor]:
    """The values with mean 0 and deviation 1; then what their mean and deviation were."""
    y = torch.tensor(values, dtype=torch.float64)
    mean, scale = y.mean(), y.std(correction=0).clamp_min(1e-9)
    return (y - mean) / scale, mean, scale
