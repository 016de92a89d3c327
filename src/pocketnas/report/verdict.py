"""The result in sentences, without more praise than the numbers carry. Plain text throughout."""

from dataclasses import dataclass

from pocketnas.report.figures import chance, interval, milliseconds, percent, plus_minus
from pocketnas.report.scene import device_name
from pocketnas.report.summary import Row, Summary
from pocketnas.study.study import Study


@dataclass(frozen=True, slots=True)
class Comparison:
    """The found network against another one of the final table.

    Attributes:
        name: of the other network.
        speed: the other's time over the found one's; above 1 the found one is faster.
        faster: 1, -1, or 0 where the 95 % intervals overlap.
        points: the found one's accuracy minus the other's, in percentage points.
        chance: how many points two equal networks may differ by on that many test images.
        tested: on how many images; 0 if that is not known.
    """

    name: str
    speed: float
    faster: int
    points: float
    chance: float
    tested: int

    @property
    def better(self) -> int:
        """1 if more accurate, -1 if less, 0 where the difference may be chance."""
        return 0 if abs(self.points) <= self.chance else 1 if self.points > 0 else -1

    @property
    def speed_words(self) -> str:
        """1.3× faster than MobileNetV2."""
        if self.faster == 0:
            return f"as fast as {self.name} within the error of measurement"
        ratio = self.speed if self.faster > 0 else 1 / self.speed
        word = "faster" if self.faster > 0 else "slower"
        much = f"{ratio:.1f}×" if ratio >= 1.1 else percent(ratio - 1)
        return f"{much} {word} than {self.name}"

    @property
    def accuracy_words(self) -> str:
        """0.8 points more accurate."""
        much = f"{abs(self.points):.1f}"
        if much == "0.0":
            return "equally accurate"
        unit = "point" if much == "1.0" else "points"
        return f"{much} {unit} {'more' if self.points > 0 else 'less'} accurate"

    @property
    def judgement(self) -> str:
        """Who wins, in a sentence."""
        both = self.faster, self.better
        if both == (1, 1):
            verdict = f"It beats {self.name} in both"
        elif both == (0, 1):
            verdict = f"It is more accurate than {self.name} and as fast"
        elif both == (1, 0):
            verdict = f"It is faster than {self.name} at an accuracy that cannot be told apart"
        elif both == (-1, 0):
            verdict = f"{self.name} is faster at an accuracy that cannot be told apart"
        elif both == (0, 0):
            verdict = f"It cannot be told apart from {self.name}"
        elif sum(both) == 0:
            gain, price = ("speed", "accuracy") if self.faster > 0 else ("accuracy", "speed")
            verdict = f"It buys {gain} with {price}: neither it nor {self.name} is better in both"
        else:
            verdict = f"{self.name} is the better network here; this search found none to beat it"
        if self.better == 0 and self.chance:
            return (
                f"{verdict}: with {self.tested:,} test images, two equal networks may differ by"
                f" {self.chance:.1f} points."
            )
        return f"{verdict}."


def compare(found: Row, other: Row, test: int) -> Comparison:
    """`found` against `other`, both tested on `test` images."""
    here, low, high = interval(found.latency)
    there, other_low, other_high = interval(other.latency)
    return Comparison(
        name=other.name,
        speed=there / here if here else 1.0,
        faster=1 if high < other_low else -1 if low > other_high else 0,
        points=100 * (found.accuracy - other.accuracy),
        chance=100 * chance(found.accuracy, other.accuracy, test) if test else 0.0,
        tested=test,
    )


def rival(summary: Summary) -> Comparison | None:
    """The comparison that the headline makes: MobileNetV2, or else the table's next network."""
    if len(summary.rows) < 2:
        return None
    others = summary.rows[1:]
    other = next((row for row in others if "mobilenetv2" in row.name.lower()), others[0])
    return compare(summary.rows[0], other, tested_on(summary))


def tested_on(summary: Summary) -> int:
    """How many images the final accuracies are of; 0 if that is not known."""
    test = summary.data.get("test")
    return test if isinstance(test, int) and test > 0 else 0


def headline(study: Study, summary: Summary | None) -> str:
    """The run in one sentence."""
    device = device_name(study, summary)
    on = f" on {device}" if device else ""
    if summary and summary.rows:
        found = summary.rows[0]
        result = f"Found: {percent(found.accuracy)} at {plus_minus(found.latency)}{on}"
        other = rival(summary)
        against = f", {other.speed_words} and {other.accuracy_words}" if other else ""
        return f"{result}{against}."
    state = "Finished without a network" if summary else "Unfinished"
    best = study.best
    if best is None or best.outcome.accuracy is None or best.outcome.latency is None:
        none = f"{len(study.trials)} trials, none has succeeded"
        return f"{state}: {none if study.trials else 'no trials yet'}."
    return (
        f"{state}: after {len(study.trials)} trials the best network reaches"
        f" {percent(best.outcome.accuracy)} in proxy training at"
        f" {milliseconds(best.outcome.latency)}{on}."
    )


def judgement(summary: Summary) -> str:
    """What the headline leaves open: the winner's rank, its target, the other networks."""
    if not summary.rows:
        return ""
    said = [] if (other := rival(summary)) is None else [other.judgement]
    value, low, high = interval(summary.rows[0].latency)
    target = milliseconds(summary.target_ms)
    if high <= summary.target_ms:
        said.append(f"It meets the target of {target}.")
    elif low > summary.target_ms:
        over = percent(value / summary.target_ms - 1, 0)
        said.append(f"It misses the target of {target} by {over}.")
    else:
        said.append(f"It is at the target of {target}, as closely as that can be measured.")
    for row in summary.rows[1:]:
        if other is None or row.name != other.name:
            third = compare(summary.rows[0], row, tested_on(summary))
            about = third.accuracy_words if third.better else "as accurate as far as can be told"
            said.append(f"It is {third.speed_words} and {about}.")
    return " ".join(said)
