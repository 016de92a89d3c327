"""The Gaussian process: its slope, its mean and its skill, against the textbook's long way."""

import random
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from pocketnas.search import predictor as process
from pocketnas.search.encoding import Encoding
from pocketnas.search.predictor import Kernel, Predictor, standardized
from pocketnas.spaces import Decision, Genotype
from search.toy import DECISIONS, SIZES, accuracy

SMALL = [Decision("a", ("x", "y", "z")), Decision("b", (3, 5, 7)), Decision("c", (0, 1))]


def drawn(n: int, seed: int = 0, sizes: Sequence[int] = SIZES) -> list[Genotype]:
    draw = random.Random(seed)
    return [tuple(draw.randrange(size) for size in sizes) for _ in range(n)]


def values_of(genotypes: Sequence[Genotype]) -> list[float]:
    return [accuracy(genotype) for genotype in genotypes]


def by_words(decisions: Sequence[Decision], x: Genotype, y: Genotype) -> Tensor:
    """How far each decision of two genotypes is apart."""
    steps = [
        abs(a - b) / max(1, len(d.options) - 1) if isinstance(d.options[0], int) else float(a != b)
        for d, a, b in zip(decisions, x, y, strict=True)
    ]
    return torch.tensor(steps, dtype=torch.float64)


class Long:
    """The same kernel the long way: pair by pair, and its slope by torch's autograd."""

    def __init__(self, decisions: Sequence[Decision], genotypes: Sequence[Genotype]) -> None:
        self.apart = torch.stack(
            [torch.stack([by_words(decisions, x, y) for y in genotypes]) for x in genotypes]
        )
        n = len(decisions)
        self.weights = [
            torch.full((n,), -2.0, dtype=torch.float64, requires_grad=True),
            torch.full((n,), -2.0, dtype=torch.float64, requires_grad=True),
            torch.zeros((), dtype=torch.float64, requires_grad=True),
            torch.tensor(-4.0, dtype=torch.float64, requires_grad=True),
        ]

    def observed(self) -> Tensor:
        far, alike, together, noise = self.weights
        near = torch.exp(together - self.apart @ far.exp())
        shared = (1 - self.apart) @ alike.exp()
        return near + shared + (noise.exp() + 1e-6) * torch.eye(len(near), dtype=torch.float64)

    def loss(self, y: Tensor) -> Tensor:
        """Minus the marginal likelihood, but for a constant, and the priors of deviation 2."""
        far, alike, _, noise = self.weights
        covariance = self.observed()
        fit = y @ torch.linalg.solve(covariance, y) / 2 + torch.logdet(covariance) / 2
        priors = (far + 2).square().sum() + (alike + 2).square().sum() + (noise + 4).square()
        return fit + priors / 8

    def fit(self, y: Tensor) -> None:
        optimizer = torch.optim.Adam(self.weights, lr=0.1)
        for _ in range(40):
            optimizer.zero_grad()
            self.loss(y).backward()
            optimizer.step()


@pytest.mark.parametrize("n", [1, 5, 40])
def test_the_slope_by_hand_is_that_of_the_marginal_likelihood(n: int) -> None:
    """Forty steps of Adam end where they end by autograd: each slope on the way was the same."""
    genotypes = drawn(n, sizes=(3, 3, 2))
    values = [0.1 * sum(g) + 0.3 * (g[0] == g[1]) for g in genotypes]
    encoding = Encoding(SMALL)
    x = encoding.rows(genotypes)
    long = Long(SMALL, genotypes)
    begun = Kernel(encoding)
    torch.testing.assert_close(begun.observed(x), long.observed().detach())
    found = Kernel(encoding).fit(genotypes, values).observed(x)
    long.fit(standardized(values)[0])
    torch.testing.assert_close(found, long.observed().detach(), rtol=1e-6, atol=1e-9)
    if n > 1:
        assert (found - begun.observed(x)).abs().max() > 0.1, "it has moved"


def test_a_kernel_is_fitted_to_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_FITTED", 30)
    encoding, genotypes = Encoding(DECISIONS), drawn(50)
    values = values_of(genotypes)
    some = Kernel(encoding).fit(genotypes, values)
    latest = Kernel(encoding).fit(genotypes[20:], values[20:])
    x = encoding.rows(genotypes)
    assert torch.equal(some.observed(x), latest.observed(x))


def test_the_prior_is_the_variance_of_what_is_like_nothing_seen() -> None:
    encoding, genotypes = Encoding(DECISIONS), drawn(40)
    kernel = Kernel(encoding).fit(genotypes, values_of(genotypes))
    x = encoding.rows(genotypes)
    torch.testing.assert_close(kernel(x, x).diagonal(), kernel.prior.expand(len(x)))


def test_it_interpolates_and_knows_where_it_is_unsure() -> None:
    seen, new = list(dict.fromkeys(drawn(150))), drawn(200, seed=1)
    predictor = Predictor(Encoding(DECISIONS), seen, values_of(seen))
    mean, deviation = predictor.predict(seen)
    truth = torch.tensor(values_of(seen), dtype=torch.float64)
    assert (mean - truth).abs().max() < 0.02
    expected, unsure = predictor.predict(new)
    truth = torch.tensor(values_of(new), dtype=torch.float64)
    assert torch.corrcoef(torch.stack([expected, truth]))[0, 1] > 0.97
    assert unsure.mean() > 2 * deviation.mean()
    assert ((expected - truth).abs() < 3 * unsure).float().mean() > 0.95


def test_mean_and_deviation_by_the_textbook() -> None:
    """Rasmussen and Williams 2006, equations 2.25 and 2.26, without Cholesky's factor."""
    encoding, seen, new = Encoding(DECISIONS), drawn(40), drawn(15, seed=1)
    values = values_of(seen)
    kernel = Kernel(encoding).fit(seen, values)
    mean, deviation = Predictor(encoding, seen, values, kernel).predict(new)
    x, at = encoding.rows(seen), encoding.rows(new)
    inverse = torch.linalg.inv(kernel.observed(x))
    y, middle, scale = standardized(values)
    torch.testing.assert_close(mean, kernel(at, x) @ inverse @ y * scale + middle)
    left = kernel(at, at) - kernel(at, x) @ inverse @ kernel(x, at)
    torch.testing.assert_close(deviation, left.diagonal().sqrt() * scale, rtol=1e-6, atol=1e-9)


def test_the_cheap_expectation_is_the_same() -> None:
    seen, new = drawn(60), drawn(30, seed=1)
    predictor = Predictor(Encoding(DECISIONS), seen, values_of(seen))
    torch.testing.assert_close(predictor.expected(new), predictor.predict(new)[0])


@pytest.mark.parametrize(
    "value", [accuracy, lambda genotype: random.Random(str(genotype)).random()]
)
def test_its_skill_is_that_of_leaving_each_out_in_turn(
    value: Callable[[Genotype], float],
) -> None:
    encoding, seen = Encoding(DECISIONS), list(dict.fromkeys(drawn(30)))
    values = [value(genotype) for genotype in seen]
    kernel = Kernel(encoding).fit(seen, values)
    x, (y, _, _) = encoding.rows(seen), standardized(values)
    missed = []
    for i in range(len(seen)):
        others = [j for j in range(len(seen)) if j != i]
        answer = torch.linalg.solve(kernel.observed(x[others]), y[others])
        missed.append(float(y[i] - kernel(x[i : i + 1], x[others])[0] @ answer))
    skill = 1 - sum(m * m for m in missed) / float(y.square().sum())
    assert Predictor(encoding, seen, values, kernel).skill == pytest.approx(skill)


def test_skill_tells_what_can_be_learned_from_noise() -> None:
    encoding, seen = Encoding(DECISIONS), drawn(80)
    draw = random.Random(0)
    assert Predictor(encoding, seen, values_of(seen)).skill > 0.8
    assert Predictor(encoding, seen, [draw.random() for _ in seen]).skill < 0.2


def test_functions_drawn_pass_through_what_was_seen() -> None:
    seen = [(0, 0, 0), (1, 1, 0), (2, 0, 1)]
    predictor = Predictor(Encoding(SMALL), seen, [0.1, 0.5, 0.9])
    drawn = predictor.draw([*seen, (1, 0, 0)], 500, torch.Generator().manual_seed(0))
    assert drawn.shape == (500, 4)
    mean, deviation = predictor.predict([*seen, (1, 0, 0)])
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0), deviation, atol=0.03, rtol=0.2)


@pytest.mark.parametrize(("n", "value"), [(1, 0.1), (30, 0.1), (7, 1 / 3), (49, 0.7), (49, -80.1)])
def test_values_that_never_differ_teach_nothing(n: int, value: float) -> None:
    """Also where their mean is rounded, so that each seems to differ from it."""
    seen = drawn(n)
    predictor = Predictor(Encoding(DECISIONS), seen, [value] * n)
    mean, deviation = predictor.predict(drawn(10, seed=1))
    torch.testing.assert_close(mean, torch.full((10,), value, dtype=torch.float64))
    assert deviation.isfinite().all()
    assert predictor.draw(seen, 3, torch.Generator()).isfinite().all()
    assert predictor.skill == 0, "no better than the mean of all"


def test_a_genotype_observed_often_has_the_mean_of_its_values() -> None:
    seen = [(0, 0, 0)] * 20 + [(1, 2, 1)] * 20
    values = [0.4, 0.6] * 10 + [0.8, 1.0] * 10
    predictor = Predictor(Encoding(SMALL), seen, values)
    mean, deviation = predictor.predict([(0, 0, 0), (1, 2, 1)])
    assert mean.tolist() == pytest.approx([0.5, 0.9], abs=0.02)
    assert (deviation < 0.1).all()
    assert predictor.skill > 0.5
    assert predictor.draw(seen[:2], 3, torch.Generator()).isfinite().all()


def test_a_space_without_any_choice() -> None:
    predictor = Predictor(Encoding([Decision("a", (3,))]), [(0,)] * 3, [0.1, 0.2, 0.3])
    assert predictor.expected([(0,)]).tolist() == pytest.approx([0.2])
