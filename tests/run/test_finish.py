"""Who is trained longer in the end: never a network whose accuracy is only estimated."""

from dataclasses import replace

import pytest

from pocketnas.errors import StudyError
from pocketnas.run.finish import _best, _trust
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial
from run import trials


def study(*trials_: tuple[tuple[int, ...], float | None, bool]) -> Study:
    found = Study()
    found.trials = [
        Trial(
            n,
            "search",
            genotype,
            Outcome(error="diverged") if reward is None else Outcome(0.5, 1.0, estimated=estimated),
            reward,
        )
        for n, (genotype, reward, estimated) in enumerate(trials_)
    ]
    return found


A, B, C = (0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0)


def test_the_best_are_completed_trials_each_once() -> None:
    found = study(
        (A, 0.2, False), (B, 0.9, True), (C, 0.4, False), (C, 0.4, False), (A, None, False)
    )
    assert _best(found, trials.SPACE, 3) == trials.decoded(C, A)
    assert _best(found, trials.SPACE, 1) == trials.decoded(C)


def test_without_a_completed_trial_there_is_no_end() -> None:
    with pytest.raises(StudyError, match=r"none of 2 trials succeeded; .*: diverged"):
        _best(study((A, None, False), (B, 0.9, True)), trials.SPACE, 3)


def test_trust_is_of_what_was_trained_both_ways_each_once() -> None:
    found = study()
    a, b, c = trials.decoded(A, B, C)
    wide = replace(c, resolution=16)
    for network, accuracy in ((a, 0.1), (b, 0.2), (c, 0.3)):
        found.storage.remember("proxy", network.digest, {"accuracy": accuracy, "seconds": 1.0})
    trained = {
        "found #1": {"validation": 0.5, "test": 0.4},
        "rival": {"validation": 0.5, "test": 0.4},
        "check #1": {"validation": 0.6, "test": 0.4},
        "check #2": {"error": "diverged"},
        "unknown": {"validation": 0.9, "test": 0.4},
    }
    networks = {"found #1": a, "rival": a, "check #1": b, "check #2": c, "unknown": wide}
    assert [list(pair.values()) for pair in _trust(networks, trained, found)["networks"]] == [
        ["rival", 0.1, 0.5],
        ["check #1", 0.2, 0.6],
    ]
