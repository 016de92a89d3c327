"""Searches a table: the functions of a real search, no training, an answer within ten seconds.

    python examples/01_tabular_search.py

prints

    ppo     best reward 0.535, mean of the last 100 trials 0.533
    random  best reward 0.524, mean of the last 100 trials 0.493
    800 of 262,144 genotypes tried; none beats
       7.0 ms  46.7%  found by random
       9.1 ms  51.2%  found by random
      10.3 ms  52.7%  found by random
      11.2 ms  53.3%  found by ppo
      11.9 ms  54.3%  found by ppo
      13.4 ms  55.2%  found by ppo
      14.8 ms  55.8%  found by ppo
"""

from itertools import pairwise

from pocketnas.search.ppo import PPO, PPOConfig
from pocketnas.search.reward import soft
from pocketnas.search.searcher import RandomSearch
from pocketnas.spaces import Choose, Space
from pocketnas.study.study import Study, search
from pocketnas.study.trial import each

# An op gives an accuracy and takes milliseconds; a kernel adds to the one, multiplies the other.
OPS = {"conv": (0.50, 3.0), "sepconv": (0.46, 1.0), "mbconv3": (0.52, 1.4), "mbconv6": (0.55, 2.2)}
KERNELS = {3: (0.00, 1.0), 5: (0.02, 1.3)}


def build(choose: Choose) -> list[tuple[str, int]]:
    """Six layers, each with an op and a kernel; a space may decode to anything."""
    return [(choose(f"op{i}", tuple(OPS)), choose(f"kernel{i}", tuple(KERNELS))) for i in range(6)]


def look_up(layers: list[tuple[str, int]]) -> tuple[float, float]:
    """Accuracy and latency in ms, as the table of a benchmark would give them."""
    accuracy = sum(OPS[op][0] + KERNELS[kernel][0] for op, kernel in layers) / len(layers)
    repeats = sum(a == b for a, b in pairwise(layers))
    return accuracy - 0.01 * repeats, sum(OPS[op][1] * KERNELS[kernel][1] for op, kernel in layers)


space = Space("table", build)
study = Study()
searchers = {
    "ppo": PPO(space.decisions, config=PPOConfig(learning_rate=5e-3)),
    "random": RandomSearch(space.decisions),
}
for arm, searcher in searchers.items():
    search(space, searcher, each(look_up), soft(target=8), study, trials=400, arm=arm)
    rewards = [trial.reward or 0.0 for trial in study.arm(arm)]
    last = sum(rewards[-100:]) / 100
    print(f"{arm:6}  best reward {max(rewards):.3f}, mean of the last 100 trials {last:.3f}")

print(f"{len(study.trials)} of {space.size:,} genotypes tried; none beats")
for trial in study.pareto()[::4]:
    print(f"  {trial.outcome.latency:4.1f} ms  {trial.outcome.accuracy:.1%}  found by {trial.arm}")
