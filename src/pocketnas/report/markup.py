"""HTML by small functions that escape whatever is not markup already."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


class Html(str):
    """Text that is markup already; any other text is escaped on its way into an element."""

    __slots__ = ()


def tag(name: str, *content: str, **attributes: str) -> Html:
    """An element; a trailing underscore of an attribute is dropped (`class_`)."""
    said = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{said}>{join(content)}</{name}>")


def join(content: Iterable[str]) -> Html:
    """The pieces one after the other, each escaped unless it is markup."""
    return Html("".join(piece if isinstance(piece, Html) else escape(piece) for piece in content))


def paragraphs(texts: Iterable[str], class_: str = "") -> Html:
    """One paragraph a text."""
    attributes = {"class": class_} if class_ else {}
    return join(tag("p", text, **attributes) for text in texts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], class_: str = "") -> Html:
    """A table that scrolls sideways on a narrow screen; the first cell of a row is its heading."""
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]))
        for row in rows
    ]
    top = tag("thead", tag("tr", *(tag("th", text, scope="col") for text in head)))
    inner = tag("table", top if head else Html(), tag("tbody", *body), class_=class_)
    return tag("div", inner, class_="scroll")


def fold(summary: str, *content: str) -> Html:
    """Details for those who ask."""
    return tag("details", tag("summary", summary), *content)


def code(text: str) -> Html:
    """A box of program text with a button that copies it (shown where scripts run)."""
    button = tag("button", "Copy", type="button", hidden="hidden")
    return tag("div", button, tag("pre", tag("code", text)), class_="code")


def facts(values: Mapping[str, Any]) -> Html:
    """Names and values as a table; values inside values get a name with a dot."""
    return table((), [(name, text) for name, text in _flat(values)], "facts")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(map(_said, value)) or "none"
        else:
            yield f"{prefix}{name}", _said(value)


def _said(value: Any) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
