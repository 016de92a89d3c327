"""The searcher of a run and its control, from the settings."""

from collections.abc import Sequence

from pocketnas.report.searchers import CONTROL, SEARCH
from pocketnas.run.config import RunConfig
from pocketnas.search.evolution import Evolution
from pocketnas.search.guided import FIRST, Guided
from pocketnas.search.limits import Limits
from pocketnas.search.nsga import ParetoEvolution
from pocketnas.search.ppo import PPO, REINFORCE
from pocketnas.search.promise import Latencies
from pocketnas.search.reward import Reward
from pocketnas.search.searcher import RandomSearch, Searcher
from pocketnas.spaces.space import Decision

OFF_POLICY = ("guided", "evolution")
"""Searchers that learn from trials of others; a controller learns only from its own draws."""


def arms(
    config: RunConfig,
    decisions: Sequence[Decision],
    reward: Reward,
    limits: Limits,
    latencies: Latencies | None = None,
) -> dict[str, tuple[Searcher, int]]:
    """The searcher and its random control, each with its trials, by the names of their arms.

    `latencies` are those of any genotypes, for the searcher that asks for them.
    """
    control = RandomSearch(decisions, seed=config.seed + 1)
    return {
        SEARCH: (searcher(config, decisions, reward, limits, latencies), config.trials),
        CONTROL: (control, config.controls),
    }


def searcher(
    config: RunConfig,
    decisions: Sequence[Decision],
    reward: Reward,
    limits: Limits,
    latencies: Latencies | None = None,
) -> Searcher:
    """The searcher that the settings name."""
    seed, pareto = config.seed, config.reward == "pareto"
    match config.searcher:
        case "guided":
            # In a short search a quarter of the trials at random is enough to begin with.
            first = min(FIRST, max(config.proposals, config.trials // 4))
            return Guided(
                decisions,
                seed=seed,
                reward=reward,
                limits=limits,
                latencies=latencies,
                pareto=pareto,
                first=first,
            )
        case "evolution" if pareto:
            return ParetoEvolution(decisions, seed=seed, limits=limits)
        case "evolution":
            return Evolution(decisions, seed=seed)
        case "ppo":
            return PPO(decisions, seed=seed)
        case "reinforce":
            return PPO(decisions, seed=seed, config=REINFORCE)
        case _:
            return RandomSearch(decisions, seed=seed)
