from collections.abc import Callable
from dataclasses import replace
from itertools import product
from statistics import fmean

import pytest
import torch
from torch import Tensor

from pocketnas.errors import StudyError
from pocketnas.search.controller import Controller
from pocketnas.search.ppo import PPO, REINFORCE, PPOConfig
from pocketnas.search.searcher import RandomSearch, Result, Searcher
from pocketnas.spaces import Decision, Genotype

DECISIONS = (Decision("a", ("x", "y", "z")), Decision("b", (3, 5)))
RESULTS = [
    Result((0, 0), 0.9),
    Result((1, 1), 0.1),
    Result((1, 1), 0.32),  # better than the baseline, but outweighed by the one above
    Result((2, 0), None),
    Result((0, 1), 0.4),
    Result((0, 0), 0.8),
]


def weights(searcher: PPO) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in searcher.controller.parameters()]


def by_the_book(
    searcher: PPO, results: list[Result], baseline: float
) -> tuple[list[Tensor], int, int]:
    """The update of 1707.06347, equation 7, sequence by sequence, and Adam of 1412.6980.

    Returns the weights, and how many (epoch, sequence) pairs were clipped, and how many were not
    though their ratio was out of bounds: the paper's minimum lets a sequence come back.
    """
    config = searcher.config
    controller = Controller(searcher.controller.sizes)
    controller.load_state_dict(searcher.controller.state_dict())
    parameters = list(controller.parameters())
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    old = [float(_log_prob(controller, result.genotype).detach()) for result in results]
    clipped = returning = 0
    for epoch in range(1, config.epochs + 1):
        terms = []
        for result, old_log_prob in zip(results, old, strict=True):
            ratio = (_log_prob(controller, result.genotype) - old_log_prob).exp()
            advantage = (0.0 if result.reward is None else result.reward) - baseline
            low, high = 1 - config.clip, 1 + config.clip
            if (advantage > 0 and ratio > high) or (advantage < 0 and ratio < low):
                terms.append(torch.tensor(advantage * (high if advantage > 0 else low)))
                clipped += 1
            else:
                returning += not low <= ratio <= high
                terms.append(advantage * ratio)
            _, entropy = controller.log_probs(torch.tensor([result.genotype]))
            terms[-1] = terms[-1] + config.entropy_weight * entropy[0]
        loss = -sum(terms, torch.tensor(0.0)) / len(results)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
                m.mul_(0.9).add_(0.1 * g)
                v.mul_(0.999).add_(0.001 * g * g)
                step = (m / (1 - 0.9**epoch)) / ((v / (1 - 0.999**epoch)).sqrt() + 1e-8)
                p.sub_(config.learning_rate * step)
    return [p.detach() for p in parameters], clipped, returning


def _log_prob(controller: Controller, genotype: Genotype) -> Tensor:
    return controller.log_probs(torch.tensor([genotype]))[0][0]


# The last one clips, rewards entropy visibly, and takes many steps.
CONFIGS = [
    PPOConfig(epochs=1),
    PPOConfig(),
    PPOConfig(learning_rate=0.003, entropy_weight=0.1, clip=0.05, epochs=8),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_an_update_is_that_of_the_paper(config: PPOConfig) -> None:
    searcher = PPO(DECISIONS, seed=5, config=config)
    searcher.baseline = 0.3
    expected, clipped, returning = by_the_book(searcher, RESULTS, 0.3)
    assert (clipped > 0) == (returning > 0) == (config is CONFIGS[-1])
    searcher.tell(RESULTS)
    for ours, theirs in zip(weights(searcher), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0.02 * config.learning_rate)


def test_the_first_step_by_hand() -> None:
    """One softmax of two options, logits 0 and 0: d log p(0) / d logits is (1/2, -1/2).

    Ratio 1 and advantages 0.5 and -0.5 make both pull option 0 up; Adam's first step is the
    learning rate in the direction of the gradient, whatever its size.
    """
    searcher = PPO(
        [Decision("a", (0, 1))],
        config=PPOConfig(learning_rate=0.01, entropy_weight=0, epochs=1),
    )
    head = searcher.controller.heads[0]
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
    searcher.tell([Result((0,), 1.0), Result((1,), 0.0)])
    bias = dict(head.named_parameters())["bias"].detach()
    torch.testing.assert_close(bias, torch.tensor([0.01, -0.01]), rtol=1e-5, atol=0)


def test_equal_rewards_teach_nothing() -> None:
    searcher = PPO(DECISIONS, config=PPOConfig(entropy_weight=0))
    before = weights(searcher)
    searcher.tell([Result((0, 0), 0.5), Result((1, 1), 0.5)])
    for old, new in zip(before, weights(searcher), strict=True):
        assert torch.equal(old, new)


def test_the_baseline_by_hand() -> None:
    """At first the batch's mean, then an exponential moving average over single rewards."""
    searcher = PPO(DECISIONS)
    assert searcher.baseline is None
    searcher.tell([Result((0, 0), 1.0), Result((1, 1), None)])
    first = 0.95 * (0.95 * 0.5 + 0.05 * 1.0) + 0.05 * 0.0
    assert searcher.baseline == pytest.approx(first) == pytest.approx(0.49875)
    searcher.tell([Result((0, 0), 0.25)])
    assert searcher.baseline == pytest.approx(0.95 * 0.49875 + 0.05 * 0.25)


def test_a_failure_counts_as_no_reward() -> None:
    failed, zero = PPO(DECISIONS), PPO(DECISIONS)
    failed.tell([Result((0, 0), 0.5), Result((1, 1), None)])
    zero.tell([Result((0, 0), 0.5), Result((1, 1), 0.0)])
    assert failed.state() == zero.state()


def test_a_failure_is_no_better_than_the_worst_of_its_batch() -> None:
    failed, worst = PPO(DECISIONS), PPO(DECISIONS)
    failed.tell([Result((0, 0), 0.5), Result((1, 0), -0.4), Result((1, 1), None)])
    worst.tell([Result((0, 0), 0.5), Result((1, 0), -0.4), Result((1, 1), -0.4)])
    assert failed.state() == worst.state()


def test_one_pass_a_batch_is_reinforce_with_a_baseline() -> None:
    """Williams's gradient (R - b) d log p, one step of Adam, whatever the clip."""
    ours = [PPO(DECISIONS, seed=5, config=replace(REINFORCE, clip=clip)) for clip in (0.2, 1e-6)]
    controller = Controller(ours[0].controller.sizes, seed=5)
    parameters = list(controller.parameters())
    log_probs, entropy = controller.log_probs(torch.tensor([r.genotype for r in RESULTS]))
    advantages = torch.tensor([r.reward or 0.0 for r in RESULTS]) - 0.3
    objective = advantages * log_probs + REINFORCE.entropy_weight * entropy
    optimizer = torch.optim.Adam(parameters, lr=REINFORCE.learning_rate)
    (-objective.mean()).backward()
    optimizer.step()
    for searcher in ours:
        searcher.baseline = 0.3
        searcher.tell(RESULTS)
        for found, expected in zip(weights(searcher), parameters, strict=True):
            torch.testing.assert_close(
                found, expected.detach(), rtol=0, atol=0.02 * REINFORCE.learning_rate
            )


def test_reinforce_learns() -> None:
    searcher = PPO(EIGHT, seed=0, config=replace(REINFORCE, learning_rate=0.01))
    learned = mean_rewards(searcher, additive, 60)
    assert fmean(learned[-5:]) > 0.85 > 0.55 > learned[0]


def test_an_empty_batch_still_draws_anew() -> None:
    searcher = PPO(DECISIONS)
    before = weights(searcher), searcher.ask(30)
    searcher.tell([])
    assert all(map(torch.equal, before[0], weights(searcher)))
    assert searcher.ask(30) != before[1]


def additive(genotype: Genotype) -> float:
    """Each decision has one best option and pays by itself; 1 at most."""
    return fmean(
        1.0 if option == place % 4 else 0.1 * option for place, option in enumerate(genotype)
    )


def mean_rewards(
    searcher: Searcher, reward: Callable[[Genotype], float], updates: int
) -> list[float]:
    means = []
    for _ in range(updates):
        proposals = searcher.ask(20)
        results = [Result(genotype, reward(genotype)) for genotype in proposals]
        means.append(fmean(result.reward or 0.0 for result in results))
        searcher.tell(results)
    return means


EIGHT = [Decision(str(i), (0, 1, 2, 3)) for i in range(8)]
QUICK = PPOConfig(learning_rate=5e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_concentrates_on_what_pays_and_beats_random_search(seed: int) -> None:
    ppo = PPO(EIGHT, seed=seed, config=QUICK)
    learned = mean_rewards(ppo, additive, 50)
    control = mean_rewards(RandomSearch(EIGHT, seed=seed), additive, 50)
    assert learned[0] == pytest.approx(control[0], abs=0.15)
    assert fmean(learned[-5:]) > 0.9 > 0.6 > fmean(control)
    ideal = tuple(place % 4 for place in range(8))
    assert ppo.ask(100).count(ideal) > 10  # of 65,536 genotypes


def test_it_learns_which_choices_belong_together() -> None:
    """An additive model cannot: each option alone says nothing."""
    two = [Decision("a", (0, 1)), Decision("b", (0, 1))]
    ppo = PPO(two, seed=0, config=QUICK)
    mean_rewards(ppo, lambda genotype: float(genotype[0] != genotype[1]), 50)
    assert fmean(a != b for a, b in ppo.ask(200)) > 0.9


def test_the_state_of_another_space_is_refused() -> None:
    for sizes in ((3, 3), (3,), (3, 2, 2)):
        other = PPO([Decision(str(size), tuple(range(size))) for size in sizes])
        with pytest.raises(StudyError, match="ppo: the stored state is of another searcher or"):
            PPO(DECISIONS).restore(other.state())


def test_the_state_of_another_searcher_is_refused() -> None:
    with pytest.raises(StudyError, match="another searcher or space"):
        PPO(DECISIONS).restore(RandomSearch(DECISIONS).state())
    with pytest.raises(StudyError, match="not its own"):
        RandomSearch(DECISIONS).restore(PPO(DECISIONS).state())


def test_published_hyper_parameters() -> None:
    """1707.07012, appendix A.2."""
    config = PPO(DECISIONS).config
    assert (config.learning_rate, config.entropy_weight, config.baseline_decay) == (
        3.5e-4,
        1e-5,
        0.95,
    )
    assert replace(config) == PPOConfig()


def test_states_do_not_depend_on_the_number_of_threads() -> None:
    states = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        searcher = PPO(DECISIONS, seed=3)
        for _ in range(2):
            searcher.tell([Result(g, sum(g) / 3) for g in searcher.ask(20)])
        states.append(searcher.state())
    assert states[0] == states[1]


def test_all_genotypes_are_drawn_at_first() -> None:
    assert set(PPO(DECISIONS).ask(200)) == set(product(range(3), range(2)))
