"""The headline says what the table says, also when it is bad news."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pocketnas.report.summary import Row, Summary
from pocketnas.report.verdict import compare, headline, judgement
from pocketnas.study.study import Study

Changed = Callable[..., Summary]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def timed(row: Row, accuracy: float, milliseconds: float, half: float = 0.002) -> Row:
    between = {"low": milliseconds - half, "high": milliseconds + half}
    return replace(
        row, accuracy=accuracy, latency=row.latency | {"milliseconds": milliseconds} | between
    )


def test_headline_of_a_better_network(study: Study, summary: Summary) -> None:
    assert plain(headline(study, summary)) == (
        "Found: 97.3 % at 0.312 ±0.002 ms on Intel Xeon CPU @ 2.20GHz,"
        " 1.3× faster than MobileNetV2 and 2.2 points more accurate."
    )
    said = plain(judgement(summary))
    assert "It beats MobileNetV2 in both." in said
    assert "It meets the target of 0.350 ms." in said
    assert "It is 1.2× faster than MnasNet-A1 and as accurate as far as can be told." in said


@pytest.mark.parametrize(
    ("accuracy", "milliseconds", "words", "verdict"),
    [
        (0.90, 0.50, "1.2× slower than MobileNetV2 and 5.1 points less", "is the better network"),
        (0.99, 0.50, "1.2× slower than MobileNetV2 and 3.9 points more", "buys accuracy with"),
        (0.90, 0.20, "2.0× faster than MobileNetV2 and 5.1 points less", "buys speed with"),
        (0.951, 0.405, "as fast as MobileNetV2 within the error", "cannot be told apart from"),
        (0.955, 0.30, "1.4× faster than MobileNetV2 and 0.4 points more", "cannot be told apart"),
        (0.99, 0.405, "as fast as MobileNetV2 within the error", "more accurate than MobileNetV2"),
        (
            0.951,
            0.42,
            "3.7 % slower than MobileNetV2 and equally",
            "MobileNetV2 is faster at an accuracy",
        ),
    ],
)
def test_the_verdict_is_honest(
    study: Study,
    summary: Summary,
    changed: Changed,
    accuracy: float,
    milliseconds: float,
    words: str,
    verdict: str,
) -> None:
    found = timed(summary.rows[0], accuracy, milliseconds)
    worse = changed(rows=(found, *summary.rows[1:]))
    assert words in plain(headline(study, worse))
    assert verdict in judgement(worse)


def test_a_difference_within_chance_is_called_chance(summary: Summary) -> None:
    found, other = timed(summary.rows[0], 0.975, 0.3), timed(summary.rows[1], 0.970, 0.4)
    assert compare(found, other, 1000).better == 0
    assert compare(found, other, 100_000).better == 1
    assert "with 1,000 test images" in compare(found, other, 1000).judgement
    assert "test images" not in compare(found, found, 0).judgement


def test_the_target(summary: Summary, changed: Changed) -> None:
    assert "misses the target of 0.250 ms by 25 %" in plain(judgement(changed(target_ms=0.25)))
    assert "It is at the target of 0.312 ms" in plain(judgement(changed(target_ms=0.312)))


def test_without_rivals_or_rows(study: Study, summary: Summary, changed: Changed) -> None:
    alone = changed(rows=summary.rows[:1])
    assert plain(headline(study, alone)).endswith("CPU @ 2.20GHz.")
    assert headline(study, changed(rows=())).startswith("Finished without a network")
    assert judgement(changed(rows=())) == ""


def test_an_unfinished_run(study: Study, failed: Study) -> None:
    assert headline(study, None).startswith("Unfinished: after 60 trials the best network reaches")
    assert headline(failed, None) == "Unfinished: 5 trials, none has succeeded."
    assert headline(Study(":memory:"), None) == "Unfinished: no trials yet."
