"""Who runs when in an interleaved measurement, and when it is over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import perf_counter

from pocketnas.devices.device import Watch
from pocketnas.devices.paired import FEWEST, Ratio, Window, log_ratio, paired_ratio

ENOUGH = 10  # pairs before an interval is believed to be as narrow as it looks
_CHUNK_S = 0.1  # between two looks at the intervals


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
    """

    name: str
    net: int
    window_s: float
    spent_s: float = 0.0
    logs: list[float] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)

    def add(self, before: Window, window: Window, after: Window) -> None:
        """One more pair."""
        self.logs.append(log_ratio(before, window, after))
        self.runs += window
        self.reference += after

    def ratio(self) -> Ratio:
        """What is known of it so far."""
        return paired_ratio(self.logs)


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
    Who is sure or has spent its budget drops out. Each round has the others in another order, so
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
        left_s = sum(budget_s - candidate.spent_s for candidate in active)
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
    if candidate.spent_s >= budget_s:
        return len(candidate.logs) >= FEWEST
    return len(candidate.logs) >= ENOUGH and candidate.ratio().tolerance <= tolerance
