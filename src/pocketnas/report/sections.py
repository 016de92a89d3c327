"""The parts of the page, each made from a study and, once there is one, its summary."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pocketnas.arch.notation import from_lines
from pocketnas.errors import ArchitectureError
from pocketnas.report import figures
from pocketnas.report.drawing import draw
from pocketnas.report.markup import Html, code, facts, fold, join, paragraphs, table, tag
from pocketnas.report.measurement import check_words, latency_words, setting_words
from pocketnas.report.scene import latency_of, lines_of
from pocketnas.report.searchers import arm_label, settings
from pocketnas.report.snippet import loading_snippet
from pocketnas.report.summary import Row, Summary
from pocketnas.report.verdict import tested_on
from pocketnas.search.limits import UNITS, Limits
from pocketnas.study.study import Study

_MANY = 200  # entries of a list after which the rest is only counted
_COLUMNS = ("network", "test accuracy", "latency", "multiply-adds", "parameters", ".tflite")


def final_table(summary: Summary) -> Html:
    """The networks that were trained in full, each figure above its 95 % interval."""
    best = summary.rows[0]
    rows = [_row(row, best, tested_on(summary)) for row in summary.rows]
    shown = table(_COLUMNS, rows, "figures winner")
    tested = f" on {tested_on(summary):,} test images" if tested_on(summary) else ""
    note = (
        "All trained alike and measured against the same reference, one image at a time."
        f" Accuracy{tested} that neither training nor search has seen. Small print: 95 % intervals,"
        " and the time relative to the found network."
    )
    others = [_row(row, best, tested_on(summary)) for row in summary.finalists]
    losers = (
        fold(
            f"{len(others)} other finalist{'' if len(others) == 1 else 's'} of the search",
            tag("p", "Trained in full as well, but not chosen.", class_="note"),
            table(_COLUMNS, others, "figures"),
        )
        if others
        else Html()
    )
    limits = tag("p", words) if (words := limit_words(summary)) else Html()
    return join([shown, limits, tag("p", note, class_="note"), losers])


def limit_words(summary: Summary) -> str:
    """What the found network costs of that which was limited: size 412 KiB (at most 500 KiB)."""
    costs = summary.rows[0].costs
    said = []
    for limit in Limits.parse(summary.config.get("limits", ())).limits:
        if limit.cost in costs:
            unit, value = UNITS[limit.cost], costs[limit.cost]
            asked = "at most" if limit.is_hard else "aimed at"
            broken = ", which it breaks" if limit.is_hard and value > limit.most else ""
            said.append(
                f"{limit.cost} {figures.quantity(value, unit)}"
                f" ({asked} {figures.quantity(limit.most, unit)}{broken})"
            )
    return f"Limits: {'; '.join(said)}." if said else ""


def _row(row: Row, best: Row, tested: int) -> list[Html]:
    value, low, high = figures.interval(row.latency)
    fastest = figures.interval(best.latency)[0]
    relative = "" if row is best or not fastest else f" · {value / fastest:.2f}×"
    sure = figures.from_to(*figures.wilson(row.accuracy, tested), 100) if tested else ""
    known = row.float_accuracy
    in_float = "" if known in (None, row.accuracy) else f" · in float {figures.percent(known)}"
    cells = (
        (row.name, ""),
        (figures.percent(row.accuracy), sure + in_float),
        (figures.milliseconds(value), f"{figures.from_to(low, high)}{relative}"),
        (figures.count(row.madds), ""),
        (figures.count(row.parameters), ""),
        (figures.size(row.size_bytes), ""),
    )
    return [join([text, tag("small", small) if small else Html()]) for text, small in cells]


def network(lines: Sequence[str]) -> Html:
    """The drawing and the block strings; without the drawing where the strings make no network."""
    try:
        picture = tag("figure", Html(draw(from_lines(lines))), class_="scroll wide")
    except ArchitectureError as error:
        picture = tag("p", f"It cannot be drawn: {error}", class_="note")
    said = "The same network in block strings, which PocketNAS reads back:"
    return join([picture, tag("p", said), code("\n".join(lines))])


def measurement(study: Study, summary: Summary | None) -> Html:
    """How the time of the found network, or of the best so far, came about."""
    best = study.best
    device = summary.device if summary else {}
    latency = summary.rows[0].latency if summary and summary.rows else {}
    latency = latency or (latency_of(best) if best else {})
    words = latency_words(latency, device)
    if "milliseconds" not in latency:
        return paragraphs(words)
    every = [[row.name, *_measured(row.latency)] for row in (summary.rows if summary else ())]
    head = ("network", "ratio", "window pairs", "runs", "raw median", "raw 90th", "raw spread")
    each = fold("The same for every network", table(head, every, "figures")) if every else Html()
    return join([paragraphs(words), tag("p", setting_words(latency, device), class_="note"), each])


def _measured(latency: Mapping[str, Any]) -> list[str]:
    def said(name: str, form: Any) -> str:
        return form(latency[name]) if name in latency else "—"

    return [
        said("ratio", "{:.3f}".format),
        said("pairs", "{:,}".format),
        said("runs", "{:,}".format),
        said("raw_median", figures.milliseconds),
        said("raw_p90", figures.milliseconds),
        said("raw_spread", lambda share: figures.percent(share, 0)),
    ]


def shipped(summary: Summary) -> Html:
    """The file: that it says the same as the trained network, and how to load it."""
    channels = summary.data.get("channels")
    threads = summary.device.get("threads")
    text = loading_snippet(
        channels=channels if isinstance(channels, int) else 3,
        int8="int8" in summary.check,
        threads=threads if isinstance(threads, int) else 1,
    )
    how = (
        "To use it, put best.tflite, best.json and a photo side by side. This program needs only"
        " what pip install ai-edge-litert numpy pillow brings, nothing of PocketNAS:"
    )
    return join([paragraphs([check_words(summary.check), how]), code(text)])


def images(data: Mapping[str, Any]) -> Html:
    """What was learned from, and what was left out."""
    counts = [
        f"{data[key]:,} {words}"
        for key, words in (
            ("train", "to train on"),
            ("validation", "to steer the search"),
            ("test", "for the final figures"),
        )
        if isinstance(data.get(key), int)
    ]
    total = data.get("images")
    total = f"{total:,} images" if isinstance(total, int) else "images"
    classes = list(map(str, data.get("classes") or ()))
    named = f" in {len(classes)} class{'' if len(classes) == 1 else 'es'}" if classes else ""
    split = f": {', '.join(counts)}" if counts else ""
    skipped = list(map(str, data.get("skipped") or ()))
    left_out = (
        fold(f"{_plural(len(skipped), 'entry', 'entries')} skipped", _listed(skipped))
        if skipped
        else tag("p", "None was skipped.")
    )
    return join(
        [
            tag("p", f"{data.get('name', 'The data set')}: {total}{named}{split}."),
            tag("p", f"Classes: {', '.join(_first(classes))}.", class_="note") if classes else "",
            left_out,
        ]
    )


def failures(study: Study) -> Html:
    """Trials without a figure, those with the same error together."""
    numbers: dict[str, list[str]] = defaultdict(list)
    for trial in study.trials:
        if not trial.outcome.ok:
            numbers[trial.outcome.error or "no figure"].append(str(trial.number))
    failed = sum(map(len, numbers.values()))
    if not failed:
        return tag("p", "No trial failed.")
    rows = [
        (error, f"{len(which)}", ", ".join(_first(which, 30)))
        for error, which in sorted(numbers.items(), key=lambda item: -len(item[1]))
    ]
    said = (
        f"{failed} of {len(study.trials)} trials failed. They count as trials, the searcher is told"
        " that they are infeasible, and the study goes on."
    )
    listed = table(("error", "trials", "numbers"), rows[:_MANY], "errors")
    return join(
        [tag("p", said), fold(_plural(len(rows), "kind of error", "kinds of error"), listed)]
    )


def everything(study: Study, summary: Summary | None) -> Html:
    """All settings, seeds, versions and device facts."""
    arms = sorted({trial.arm for trial in study.trials})
    counts = {f"trials, {arm_label(study, arm)}": len(study.arm(arm)) for arm in arms}
    if summary is None:
        return fold("All settings", facts(counts | settings(study)))
    data = {key: value for key, value in summary.data.items() if key not in ("classes", "skipped")}
    run = counts | {
        "failed": summary.failed,
        "time": figures.duration(summary.seconds),
        "target_ms": summary.target_ms,
        "reference_ms": summary.reference_ms,
    }
    parts = {
        "Settings": summary.config,
        "Run": run,
        "Images": data,
        "Device": summary.device,
        "Versions": summary.versions,
        "Check": summary.check,
    }
    shown = [join([tag("h3", name), facts(values)]) for name, values in parts.items() if values]
    return fold("All settings, seeds, versions and device facts", *shown)


def best_lines(study: Study, summary: Summary | None) -> list[str]:
    """The block strings of the found network, or of the best so far."""
    if summary and summary.rows:
        return list(summary.rows[0].lines)
    return lines_of(study.best) if study.best else []


def _listed(entries: Sequence[str]) -> Html:
    more = [f"and {len(entries) - _MANY:,} more"] if len(entries) > _MANY else []
    return tag("ul", *(tag("li", entry) for entry in (*entries[:_MANY], *more)))


def _first(entries: Sequence[str], limit: int = 100) -> list[str]:
    rest = len(entries) - limit
    return [*entries[:limit], *([f"and {rest:,} more"] if rest > 0 else [])]


def _plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
