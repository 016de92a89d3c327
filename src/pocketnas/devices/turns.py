"""Who runs when in an interleaved measurement, and when it is over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import log
from random import Random
from time import perf_counter

from pocketnas.devices.device import Watch
from pocketnas.devices.paired import FEWEST, Ratio, Window, log_ratio, middle, paired_ratio, shift

ENOUGH = 10  # pairs before an interval is believed to be as narrow as it looks
_CHUNK_S = 0.1  # between two looks at the intervals
_AGAIN = 2  # times the pairs, and at most the budget, of a candidate that is measured again
# What slowed one network by 1.34 slowed another by 1.24: a quarter of it was left in their ratio.
_LEFT = 0.25


@dataclass
class Candidate:
    """One of the networks that take turns with the reference.

    Attributes:
        name: to call it by.
        net: its number on the device.
        window_s: about how long its window takes.
        spent_s: how long its windows and the reference's took so far.
        logs: its `log_ratio` in each pair so far.
        runs: its raw run times, milliseconds.
        reference: those of the reference beside it.
        medians: of each of the reference's windows beside it.
        doubted_at: how many pairs it had when it was found to need as many again; 0 if it was not.
    """

    name: str
    net: int
    window_s: float
    spent_s: float = 0.0
    logs: list[float] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    doubted_at: int = 0

    def add(self, before: Window, window: Window, after: Window) -> None:
        """One more pair."""
        self.logs.append(log_ratio(before, window, after))
        self.runs += window
        self.reference += after
        self.medians.append(middle(after))

    def ratio(self) -> Ratio:
        """What is known of it so far."""
        return paired_ratio(self.logs)

    def is_doubtful(self, tolerance: float) -> bool:
        """Whether the machine has changed meanwhile by more than the tolerance allows.

        The earlier and the later half of its pairs contradict each other, or the reference's speed
        has moved so far that an unlike network's ratio has probably moved with it.
        """
        moved = shift([log(median) for median in self.medians])
        return abs(shift(self.logs)) > tolerance or _LEFT * abs(moved) > tolerance


Group = Sequence[Candidate]  # who runs between two windows of the reference


def take_turns(
    candidates: Sequence[Candidate],
    timed: Callable[[Sequence[Group]], Sequence[Window]],
    *,
    reference_s: float,
    tolerance: float,
    budget_s: float,
    watch: Watch,
) -> None:
    """Fills the candidates: R A R B R C ... R, each compared with the reference around it.

    Several share the reference around them if their windows together are as short as its own.
    Who is sure or has spent its budget drops out. If the machine has changed meanwhile, it needs as
    many pairs again, and may spend twice the budget. Each round has the others in another order, so
    that none profits from its place.

    Args:
        candidates: whose turns they are.
        timed: windows of these candidates, with the reference before, between and after the groups.
        reference_s: about how long a window of the reference takes.
        tolerance: a candidate is sure when its 95 % interval is within +- this fraction.
        budget_s: seconds for each.
        watch: told how many are done.
    """
    draw, active = Random(0), list(candidates)
    while active:
        watch(f"{len(candidates) - len(active)} of {len(candidates)} done")
        round_s = sum(candidate.window_s + reference_s for candidate in active)
        left_s = sum(_allowed(candidate, budget_s) - candidate.spent_s for candidate in active)
        rounds = max(1, int(min(_CHUNK_S, left_s) / round_s))
        groups = [
            group
            for _ in range(rounds)
            for group in _groups(draw.sample(active, len(active)), reference_s)
        ]
        begin = perf_counter()
        windows = iter(timed(groups))
        slowness = (perf_counter() - begin) / round_s
        before = next(windows)
        for group in groups:
            inside = [next(windows) for _ in group]
            after = next(windows)
            for candidate, window in zip(group, inside, strict=True):
                candidate.add(before, window, after)
            before = after
        for candidate in active:
            candidate.spent_s += slowness * (candidate.window_s + reference_s)
        active = [candidate for candidate in active if not _is_done(candidate, tolerance, budget_s)]


def _groups(turns: Sequence[Candidate], reference_s: float) -> list[list[Candidate]]:
    groups: list[list[Candidate]] = []
    room = 0.0
    for turn in turns:
        if turn.window_s > room:
            groups.append([])
            room = reference_s
        groups[-1].append(turn)
        room -= turn.window_s
    return groups


def _is_done(candidate: Candidate, tolerance: float, budget_s: float) -> bool:
    pairs = len(candidate.logs)
    if candidate.spent_s >= _allowed(candidate, budget_s):
        done = pairs >= FEWEST
    else:
        enough = _AGAIN * candidate.doubted_at or ENOUGH
        done = pairs >= enough and candidate.ratio().tolerance <= tolerance
    if done and not candidate.doubted_at and candidate.is_doubtful(tolerance):
        candidate.doubted_at = pairs
        return False
    return done


def _allowed(candidate: Candidate, budget_s: float) -> float:
    return _AGAIN * budget_s if candidate.doubted_at else budget_s


def refund(groups: Sequence[Group], waited_s: float, reference_s: float) -> None:
    """Cooling down is no part of a candidate's budget, to which `take_turns` will count it."""
    turns = {each.name: each for group in groups for each in group}.values()
    round_s = sum(each.window_s + reference_s for each in turns)
    for each in turns:
        each.spent_s -= waited_s * (each.window_s + reference_s) / round_s
