"""The report: one HTML file that needs nothing else, neither network nor fonts."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from pocketnas.report import sections
from pocketnas.report.charts import hypervolume_chart, pareto_chart, reward_chart, to_html
from pocketnas.report.figures import duration
from pocketnas.report.files import replace_file
from pocketnas.report.luck import luck
from pocketnas.report.markup import Html, join, tag
from pocketnas.report.progress import limits_of
from pocketnas.report.scene import scene
from pocketnas.report.searchers import arm_label, searcher_words
from pocketnas.report.summary import Summary
from pocketnas.report.trust import trust_table
from pocketnas.report.verdict import headline, judgement
from pocketnas.study.study import Study

_UNFINISHED = (
    "This run is not finished: the figures below come from short proxy trainings and will change."
    " Final training, test accuracy and the checked .tflite come at its end."
)

Section = tuple[str, str, Html]
"""Its id, its heading, its content."""


def write_report(study: Study, summary: Summary | None, path: Path) -> None:
    """Writes the report of a study as one HTML file of about 5 MB, most of it plotly.js.

    A content security policy in it forbids whatever would come from elsewhere. Names, paths and
    errors are escaped. A reader of `path` never sees half a page.

    Args:
        study: finished or under way, with any number of trials.
        summary: of a finished run; None while it is under way.
        path: of the HTML file.
    """
    name = summary.data.get("name") if summary else None
    write_page(
        path,
        title=f"PocketNAS: {name}" if name else "PocketNAS",
        brow=_brow(study, summary),
        headline=headline(study, summary),
        lead=judgement(summary) if summary else _UNFINISHED,
        sections=list(_sections(study, summary)),
    )


def write_page(
    path: Path, *, title: str, brow: str, headline: str, lead: str, sections: Sequence[Section]
) -> None:
    """Writes the frame that all reports share, as one file.

    Args:
        path: of the HTML file.
        title: of the window.
        brow: the line above the headline.
        headline: the result in a sentence.
        lead: what follows it.
        sections: the rest; each gets a link on top.
    """
    page = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    text = page.substitute(
        title=join([title]),
        brow=join([brow]),
        headline=join([headline]),
        lead=tag("p", lead, class_="lead"),
        nav=join(tag("a", heading, href=f"#{id_}") for id_, heading, _ in sections),
        main=join(
            tag("section", tag("h2", heading), content, id=id_)
            for id_, heading, content in sections
        ),
    )
    replace_file(path, text.encode("utf-8"))


def _sections(study: Study, summary: Summary | None) -> Iterator[Section]:
    if summary and summary.rows:
        yield "result", "Result", sections.final_table(summary)
    drawn = scene(study, summary)
    if drawn.arms:
        charts = to_html(
            {
                "pareto": pareto_chart(drawn),
                "rewards": reward_chart(study, list(drawn.arms)),
                "hypervolumes": hypervolume_chart(study, drawn),
            }
        )
        below = (
            f" {drawn.below} far less accurate ones lie below this frame; double-click to see them."
            if drawn.below
            else ""
        )
        stopped = (
            f" {drawn.stopped} whose training was spared, or stopped on its way, are not drawn."
            if drawn.stopped
            else ""
        )
        note = (
            "Every network that was tried: accuracy on validation images after a short proxy"
            f" training, and latency{drawn.where}. On the front, nothing tried is both faster and"
            f" more accurate. Point at one for its block strings.{below}{stopped}"
        )
        words = searcher_words(study)
        about = tag("p", words) if words else Html()
        yield "search", "Search", join([about, tag("p", note, class_="note"), charts["pareto"]])
        dominated = (
            "The same without a reward: the hypervolume, which is the share of the picture above"
            " (with a logarithmic axis of latency) that lies below the Pareto front so far."
        )
        if limits_of(study).limits:
            dominated += " What breaks a limit counts with the accuracy that its factor leaves."
        curves = [charts["rewards"], tag("p", dominated, class_="note"), charts["hypervolumes"]]
        yield "luck", "Search or luck?", join([tag("p", luck(study)), *curves])
    else:
        yield "search", "Search", tag("p", "No trial has succeeded yet: there is nothing to plot.")
    if summary and summary.trust.get("networks"):
        yield "proxy", "Can the proxy be trusted?", trust_table(summary.trust)
    if lines := sections.best_lines(study, summary):
        yield "network", "Network", sections.network(lines)
    yield "latency", "Latency", sections.measurement(study, summary)
    if summary and summary.rows:
        yield "file", "Using it", sections.shipped(summary)
    if summary:
        yield "images", "Images", sections.images(summary.data)
    yield "failures", "Failures", sections.failures(study)
    if summary or study.trials:
        yield "settings", "Settings", sections.everything(study, summary)


def _brow(study: Study, summary: Summary | None) -> str:
    """The line above the headline: what was run, and for how long."""
    arms = dict.fromkeys(trial.arm for trial in study.trials)
    parts = [f"{len(study.arm(arm))} trials by {arm_label(study, arm)}" for arm in arms]
    if summary:
        parts = [str(summary.data.get("name") or "data set"), *parts, duration(summary.seconds)]
    return "".join(f" · {part}" for part in parts)
