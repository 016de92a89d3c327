"""The loop, with a latency that is a formula and an accuracy that is made up."""

import pytest

from pocketnas.errors import SettingError
from pocketnas.graph.count import madds
from pocketnas.netadapt import Adapted, Tuned, adapt, by_accuracy, by_ratio
from pocketnas.netadapt.adapt import OutOfReach, Proposal, narrower
from pocketnas.netadapt.changes import lighter
from pocketnas.zoo import architecture


def cost(network) -> float:
    return madds(network.graph()) / 1e6


START = architecture("mobilenet_v2_0.35", resolution=32, classes=10)


def run(target, *, better=by_accuracy, score=lambda network: cost(network), **more):
    rounds = []

    def tune(now, proposals):
        rounds.append([each.name for each in proposals])
        return [Tuned(each, score(each.architecture)) for each in proposals]

    steps = list(
        adapt(
            Adapted(START, cost(START), 1.0),
            target,
            reduction=lambda number: 0.05 * cost(START) * 0.9**number,
            propose=lambda now, goal: narrower(now, goal, cost),
            tune=tune,
            better=better,
            measure=lambda now, network: cost(network),
            **more,
        )
    )
    return steps, rounds


def test_it_ends_below_the_target_and_each_step_saves_enough() -> None:
    begin = cost(START)
    steps, rounds = run(0.7 * begin)
    assert steps[-1].now.milliseconds <= 0.7 * begin < steps[-2].now.milliseconds
    before = begin
    for number, step in enumerate(steps):
        goal = max(0.7 * begin, before - 0.05 * begin * 0.9**number)
        assert step.now.milliseconds <= goal
        proposals = [step.chosen, *step.others]
        assert len(proposals) == len(rounds[number])
        # The widest that is fast enough: 8 channels more would be too slow.
        assert all(each.proposal.becomes % 8 == 0 for each in proposals)
        assert step.chosen.accuracy == max(each.accuracy for each in proposals)
        before = step.now.milliseconds


def test_mobilenet_v3_chooses_by_accuracy_a_millisecond() -> None:
    now = Adapted(START, 10.0, 0.8)
    small = Tuned(Proposal("a", START, 9.0, 16, 8), 0.79)  # 1 % for 1 ms
    large = Tuned(Proposal("b", START, 6.0, 32, 8), 0.78)  # 2 % for 4 ms
    assert by_ratio(now, large) > by_ratio(now, small)
    assert by_accuracy(now, small) > by_accuracy(now, large)


def test_it_goes_on_where_it_was() -> None:
    begin = cost(START)
    whole, _ = run(0.6 * begin)
    half = whole[3].now
    rest = list(
        adapt(
            half,
            0.6 * begin,
            reduction=lambda number: 0.05 * begin * 0.9**number,
            propose=lambda now, goal: narrower(now, goal, cost),
            tune=lambda now, ps: [Tuned(each, cost(each.architecture)) for each in ps],
            better=by_accuracy,
            measure=lambda now, network: cost(network),
            first=4,
        )
    )
    assert [step.now for step in rest] == [step.now for step in whole[4:]]


def test_a_target_out_of_reach_is_one_sentence_after_what_could_be_done() -> None:
    found = []
    steps = adapt(
        Adapted(START, cost(START), 1.0),
        0.01,
        reduction=lambda number: 0.03 * cost(START),
        propose=lambda now, goal: narrower(now, goal, cost),
        tune=lambda now, ps: [Tuned(each, 0.0) for each in ps],
        better=by_ratio,
        measure=lambda now, network: cost(network),
    )
    with pytest.raises(OutOfReach, match=r"is out of reach: after \d+ steps nothing makes"):
        found.extend(steps)  # keeps what came before
    assert found
    assert found[-1].now.milliseconds < cost(START)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(SettingError, match="--also must be of kernel, se, layer; got 'depth'"):
        lighter(Adapted(START, 1.0, 0.5), 0.5, cost, ["depth"])
