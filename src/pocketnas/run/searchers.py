"""The searcher of a run and its control, from the settings."""

from collections.abc import Sequence

from pocketnas.run.config import RunConfig
from pocketnas.search.evolution import Evolution
from pocketnas.search.guided import Guided
from pocketnas.search.limits import Limits
from pocketnas.search.nsga import ParetoEvolution
from pocketnas.search.ppo import PPO, REINFORCE
from pocketnas.search.reward import Reward
from pocketnas.search.searcher import RandomSearch, Searcher
from pocketnas.spaces.space import Decision

SEARCH, CONTROL = "search", "random"


def arms(
    config: RunConfig, decisions: Sequence[Decision], reward: Reward, limits: Limits
) -> dict[str, tuple[Searcher, int]]:
    """The searcher and its random control, each with its trials, by the names of their arms."""
    control = RandomSearch(decisions, seed=config.seed + 1)
    return {
        SEARCH: (searcher(config, decisions, reward, limits), config.trials),
        CONTROL: (control, config.controls),
    }


def searcher(
    config: RunConfig, decisions: Sequence[Decision], reward: Reward, limits: Limits
) -> Searcher:
    """The searcher that the settings name."""
    seed, pareto = config.seed, config.reward == "pareto"
    match config.searcher:
        case "guided":
            return Guided(decisions, seed=seed, reward=reward, limits=limits, pareto=pareto)
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
