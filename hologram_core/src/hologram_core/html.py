"""Values as HTML, for notebooks and for whoever else has `_repr_html_`.

In go headings, cells and sentences, from anywhere; out comes a fragment in which all of them are escaped. Nothing is
refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape

_LEFT, _RIGHT = ' style="text-align: left"', ' style="text-align: right"'


def table(
    headings: Sequence[object],
    lines: Iterable[Sequence[object]],
    *,
    title: object = "",
    notes: Iterable[object] = (),
    right: Collection[int] = (),
    strong: Collection[int] = (),
) -> str:
    """Return a table with a title above and notes below; `right` are columns of numbers, `strong` are lines to see."""
    styles = [_RIGHT if i in right else _LEFT for i in range(len(headings))]
    head = "".join(f"<th{style}>{_text(cell)}</th>" for style, cell in zip(styles, headings, strict=True))
    body = "".join(_line(line, styles, strong=i in strong) for i, line in enumerate(lines))
    return f"{_title(title)}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{_notes(notes)}"


def facts(title: object, pairs: Mapping[str, object], *, notes: Iterable[object] = ()) -> str:
    """Return a table of names and values; what has no value is left out."""
    lines = "".join(
        f"<tr><th{_LEFT}>{_text(name)}</th><td{_LEFT}>{_text(value)}</td></tr>"
        for name, value in pairs.items()
        if value not in ("", None)
    )
    return f"{_title(title)}<table><tbody>{lines}</tbody></table>{_notes(notes)}"


def _line(cells: Sequence[object], styles: Sequence[str], *, strong: bool) -> str:
    texts = (f"<strong>{_text(cell)}</strong>" if strong else _text(cell) for cell in cells)
    return "<tr>" + "".join(f"<td{style}>{text}</td>" for style, text in zip(styles, texts, strict=True)) + "</tr>"


def _title(title: object) -> str:
    return f"<div><strong>{_text(title)}</strong></div>" if title else ""


def _notes(notes: Iterable[object]) -> str:
    return "".join(f"<div>{_text(note)}</div>" for note in notes)


def _text(value: object) -> str:
    return escape(str(value))
