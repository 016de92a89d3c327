from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest

from pocketnas.devices import turns
from pocketnas.devices.paired import FEWEST
from pocketnas.devices.turns import ENOUGH, Candidate, Group, refund, take_turns


class Machine:
    """Runs each network once a window, 2 % slower from window to window."""

    def __init__(self, times: Sequence[float], noise: float = 0.0, slowing: float = 1.02) -> None:
        self.names = "RABCDEFG"[: len(times)]
        self.asked: list[Sequence[Group]] = []
        self.order = ""
        self._times = times
        self._draw = Random(0)
        self._noise = noise
        self._slowing = slowing
        self._speed = 1.0

    def __call__(self, groups: Sequence[Group]) -> list[list[float]]:
        self.asked.append(groups)
        windows = [self._window(0)]
        for group in groups:
            windows += [self._window(candidate.net) for candidate in group]
            windows.append(self._window(0))
        return windows

    def _window(self, net: int) -> list[float]:
        self.order += self.names[net]
        self._speed *= self._slowing
        return [self._times[net] * self._speed * (1 + self._noise * self._draw.random())]


def play(
    machine: Machine,
    window_s: Sequence[float],
    *,
    reference_s: float = 0.005,
    tolerance: float = 0.01,
    budget_s: float = 1e9,
) -> list[Candidate]:
    candidates = [Candidate(machine.names[net], net, s) for net, s in enumerate(window_s, start=1)]
    take_turns(
        candidates,
        machine,
        reference_s=reference_s,
        tolerance=tolerance,
        budget_s=budget_s,
        watch=lambda words: None,
    )
    return candidates


def test_the_ratios_are_found_though_the_machine_slows_down_all_the_time() -> None:
    machine = Machine([2.0, 1.0, 3.0, 20.0])
    found = play(machine, [0.005, 0.01, 1.0])
    assert [one.ratio().value for one in found] == pytest.approx([0.5, 1.5, 10.0])
    assert all(one.ratio().pairs >= ENOUGH for one in found)
    assert all(len(one.runs) == len(one.reference) == len(one.logs) for one in found)


def test_each_window_has_the_reference_on_both_sides() -> None:
    machine = Machine([1.0, 1.0, 1.0])
    play(machine, [0.005, 0.005])
    for left, right in pairwise(machine.order):
        assert left + right == "RR" or (left == "R") != (right == "R")


def test_quick_windows_share_the_reference_and_long_ones_do_not() -> None:
    machine = Machine([10.0, 1.0, 1.0, 1.0, 5.0])
    play(machine, [0.001, 0.001, 0.001, 0.01], reference_s=0.003)
    groups = [group for asked in machine.asked for group in asked]
    for group in groups:
        assert len(group) == 1 or sum(candidate.window_s for candidate in group) <= 0.003
        assert len({candidate.name for candidate in group}) == len(group)
    assert any(len(group) == 3 for group in groups)


def test_everybody_has_one_turn_a_round_and_in_the_end_each_place() -> None:
    machine = Machine([1.0, 1.0, 1.0, 1.0], slowing=1.0)
    play(machine, [1e-3] * 3, reference_s=1e-3)
    turns = "".join(group[0].name for asked in machine.asked for group in asked)
    rounds = [turns[i : i + 3] for i in range(0, len(turns), 3)]
    assert {"".join(sorted(each)) for each in rounds} == {"ABC"}
    assert all({each[place] for each in rounds} == set("ABC") for place in range(3))


def test_who_is_sure_drops_out() -> None:
    machine = Machine([1.0, 1.0, 1.0])
    steady, restless = (Candidate(name, net, 10.0) for net, name in enumerate("AB", start=1))

    def timed(groups: Sequence[Group]) -> list[list[float]]:
        windows = machine(groups)
        nets = [0, *(net for group in groups for net in (group[0].net, 0))]
        for window, net in zip(windows, nets, strict=True):
            if net == 2:
                window[0] *= machine._draw.uniform(1, 1.5)
        return windows

    take_turns(
        [steady, restless],
        timed,
        reference_s=0.005,
        tolerance=0.03,
        budget_s=1e9,
        watch=lambda words: None,
    )
    assert len(steady.logs) == ENOUGH
    assert len(restless.logs) > 3 * ENOUGH
    assert restless.ratio().tolerance <= 0.03


def test_who_has_spent_its_budget_drops_out_with_what_it_has() -> None:
    machine = Machine([1.0, 1.0, 1.0], noise=0.5)
    found = play(machine, [0.01, 10.0], tolerance=1e-9, budget_s=1e-9)
    assert [len(one.logs) for one in found] == [FEWEST, FEWEST]
    assert all(one.spent_s > 0 for one in found)


def test_a_slow_one_spends_more_in_a_round_than_a_quick_one() -> None:
    found = play(Machine([1.0, 1.0, 100.0]), [0.005, 1.0])
    assert found[1].spent_s > 50 * found[0].spent_s


def test_the_watcher_hears_how_many_are_done() -> None:
    heard: list[str] = []
    one = Candidate("A", 1, 10.0)
    take_turns(
        [one],
        Machine([1.0, 2.0]),
        reference_s=1.0,
        tolerance=0.1,
        budget_s=1e9,
        watch=heard.append,
    )
    assert heard == ["0 of 1 done"] * ENOUGH


class Changing(Machine):
    """After so many windows everything takes longer, the candidate more so."""

    def __init__(self, after: int, reference: float, candidate: float) -> None:
        super().__init__([1.0, 1.0], noise=0.01, slowing=1.0)
        self._after, self._later = after, [reference, candidate]

    def _window(self, net: int) -> list[float]:
        if len(self.order) == self._after:
            self._times = self._later
        return super()._window(net)


def test_a_candidate_whose_machine_changes_is_measured_again() -> None:
    """With a tolerance of one percent ten pairs would do; a chunk is one pair here."""
    (one,) = play(Changing(14, 1.34, 1.34), [10.0])
    assert one.doubted_at == ENOUGH
    assert len(one.logs) == 2 * ENOUGH
    assert one.ratio().value == pytest.approx(1, abs=0.01)


def test_a_ratio_that_changes_takes_twice_the_budget_at_most_and_a_wide_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter(range(10_000))  # a second passes between two looks at the clock
    monkeypatch.setattr(turns, "perf_counter", lambda: float(next(now)))
    (one,) = play(Changing(36, 1.0, 1.2), [10.0], tolerance=1e-9, budget_s=24.0)
    assert one.doubted_at > 0
    assert one.spent_s == pytest.approx(48, abs=1)
    assert one.ratio().low < 1.12
    assert one.ratio().high > 1.18


def test_cooling_down_is_refunded_in_proportion() -> None:
    quick, slow = Candidate("A", 1, 1.0), Candidate("B", 2, 3.0)
    refund([[quick], [slow], [quick]], 6.0, reference_s=1.0)
    assert (quick.spent_s, slow.spent_s) == (-2.0, -4.0)
