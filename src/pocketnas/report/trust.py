"""Whether the proxy ranked networks as a longer training does: a sentence and a table."""

from collections.abc import Mapping
from typing import Any

from pocketnas.report.figures import percent
from pocketnas.report.markup import Html, fold, join, table, tag

_FEW = 8  # networks, below which nobody should conclude anything
_GOOD = 0.5  # lower end of the interval from which on the ranking can be relied on


def trust_words(trust: Mapping[str, Any]) -> str:
    """The rank correlation and a plain verdict; empty if no network was trained both ways.

    Args:
        trust: what `pocketnas.run.trust.trust` returns.
    """
    n = len(trust.get("networks", ()))
    if not n:
        return ""
    found, low, high = (trust.get(name) for name in ("correlation", "low", "high"))
    if found is None or low is None or high is None:
        return f"Proxy against longer training: all accuracies of {n} networks are alike."
    return (
        f"Proxy against longer training: rank correlation {found:.2f} (95 %: {low:.1f} to"
        f" {high:.1f}) over {n} networks: {_verdict(n, low, high)}."
    )


def trust_table(trust: Mapping[str, Any]) -> Html:
    """The sentence, and the networks from the best to the worst after the longer training."""
    networks = sorted(trust.get("networks", ()), key=lambda network: -network["final"])
    rows = [(n["name"], percent(n["proxy"]), percent(n["final"])) for n in networks]
    head = ("network", "after proxy training", "after longer training")
    note = tag("p", "Accuracy on validation images.", class_="note")
    return join(
        [
            tag("p", trust_words(trust)),
            fold(f"The {len(rows)} networks", note, table(head, rows, "figures")),
        ]
    )


def _verdict(n: int, low: float, high: float) -> str:
    if n < _FEW:
        return f"too few to say whether the proxy can be trusted; --check-proxy {_FEW} trains more"
    if low >= _GOOD:
        return "the proxy ranks networks much as longer training does"
    if low > 0:
        return "the proxy tells good networks from bad ones, but not close ones apart"
    if high < _GOOD:
        return "the proxy does not rank them; train it longer, with --epochs"
    return "whether the proxy can be trusted cannot be told; --check-proxy trains more"
