"""How long a training may be silent before it counts as hung."""

# A training ten times as slow as the slowest so far is no training any more: networks of one space
# differ less than that, and so does a machine that has other work to do. The first of a run loads
# libraries and images, and nothing is known of it; short ones may wait for a busy disk.
_SLOWER = 10.0
_LEAST_S = 300.0
_UNKNOWN_S = 3600.0  # an epoch


class Patience:
    """Learns from the trainings of a run how long one may take."""

    def __init__(self) -> None:
        self._longest: float | None = None  # seconds an epoch

    def heard(self, seconds: float, epochs: int) -> None:
        """A training of so many epochs has ended after so many seconds."""
        self._longest = max(self._longest or 0.0, seconds / epochs)

    def allowed(self, epochs: int) -> float:
        """Seconds that a training of so many epochs may take."""
        if self._longest is None:
            return _UNKNOWN_S * epochs
        return max(_LEAST_S, _SLOWER * self._longest * epochs)
