"""The scale of milliseconds: how fast the reference is when nothing disturbs it."""

from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from pocketnas.devices.device import Latency
from pocketnas.devices.paired import Window, calm, middle, percentile, spread
from pocketnas.devices.turns import Candidate

_REMEMBERED = 20_000  # windows: the last two minutes of measuring on a computer
_ALIKE = 1.02  # calm blocks differ mostly by less than one percent
_ALIKE_BLOCKS = 3
_OFF = 0.05  # of the scale that is worth a word
_TO_TELL = 50  # windows: below that their low quantile is their least


class Scale:
    """Turns ratios into milliseconds, and watches whether they are still right.

    Args:
        reference_ms: the reference's calm latency from an earlier session, or None.
        block: measures some windows of the reference, a fraction of a second of them.
        least_s: seconds to calibrate at least, where `reference_ms` is None.
        most_s: seconds at most.

    Attributes:
        reference_ms: the scale, which never changes, so that all ratios of a study are on it.

    Raises:
        DeviceError: a window cannot be measured.
    """

    def __init__(
        self,
        reference_ms: float | None,
        block: Callable[[], Sequence[Window]],
        *,
        least_s: float,
        most_s: float,
    ) -> None:
        self._medians: deque[float] = deque(maxlen=_REMEMBERED)
        if reference_ms is None:
            self._medians += calibration(block, least_s, most_s)
            reference_ms = calm(self._medians)
        self.reference_ms = reference_ms

    @property
    def calm_ms(self) -> float:
        """The reference's calm latency by all its latest windows."""
        return calm(self._medians) if len(self._medians) >= _TO_TELL else self.reference_ms

    def latency(
        self, candidate: Candidate, *, threads: int, device: str, runs: int | None = None
    ) -> Latency:
        """What a candidate's turns have come to; its windows of the reference are remembered.

        Args:
            candidate: after its turns.
            threads: of the runtime.
            device: its name.
            runs: how many there were, where the raw times are not those of single runs.
        """
        self._medians += candidate.medians
        ratio, times = candidate.ratio(), candidate.runs
        return Latency(
            milliseconds=ratio.value * self.reference_ms,
            low=ratio.low * self.reference_ms,
            high=ratio.high * self.reference_ms,
            ratio=ratio.value,
            pairs=ratio.pairs,
            runs=len(times) if runs is None else runs,
            threads=threads,
            raw_median=percentile(times, 0.5),
            raw_p90=percentile(times, 0.9),
            raw_spread=spread(times),
            reference_ms=self.reference_ms,
            reference_raw_median=percentile(candidate.reference, 0.5),
            device=device,
            doubted=candidate.doubted_at > 0,
        )

    def notes(self) -> list[str]:
        """A sentence where the scale and the latest windows disagree."""
        off = self.reference_ms / self.calm_ms - 1
        if off > _OFF:
            return [
                f"the reference has turned out to take {self.calm_ms:.3g} ms when it is calm, not"
                f" {self.reference_ms:.3g} ms as at the start: milliseconds are {off:.0%} too high,"
                " ratios hold"
            ]
        if off < -_OFF:
            return [
                f"the reference took {self.calm_ms:.3g} ms at best of late,"
                f" {self.reference_ms:.3g} ms at the start: the device has become slower or busier"
            ]
        return []


def calibration(
    block: Callable[[], Sequence[Window]], least_s: float, most_s: float
) -> list[float]:
    """The medians of the reference's windows, until it has been seen to be calm several times.

    Noise only adds time, so what no disturbance has slowed repeats, and what one has does not: it
    ends when the calmest blocks agree. A disturbance that is steady for all that time is not seen.

    Raises:
        DeviceError: a window cannot be measured.
    """
    begin = monotonic()
    blocks: list[list[float]] = []
    while True:
        blocks.append([middle(window) for window in block()])
        calmest = sorted(map(calm, blocks))[:_ALIKE_BLOCKS]
        agreed = len(calmest) == _ALIKE_BLOCKS and calmest[-1] <= _ALIKE * calmest[0]
        spent_s = monotonic() - begin
        if spent_s >= (least_s if agreed else most_s):
            return [median for each in blocks for median in each]
