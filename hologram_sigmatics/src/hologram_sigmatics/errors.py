"""The error of the language: what is wrong, where, the line with a caret, and what was expected."""

from __future__ import annotations

from collections.abc import Sequence

from hologram_core import HologramError

from .nodes import Span

#: how much of a long line is shown on each side of the place
_AROUND = 50


class SigmaticsError(HologramError, ValueError):
    """A phrase is malformed, or means nothing where it is used.

    `.message` is the sentence, `.line` and `.column` the place in the text, counted from 1 (0 where a
    tree was made without a text), `.expected` what could have stood there.
    """

    def __init__(self, message: str, *, text: str = "", span: Span | None = None, expected: Sequence[str] = ()) -> None:
        self.message, self.expected = message, tuple(expected)
        known = span is not None and 0 <= span.start <= len(text) and text != "" or span == (0, 0)
        self.line, self.column = _place(text, span.start) if span is not None and known else (0, 0)
        lines = [f"line {self.line}, column {self.column}: {message}" if known else message]
        lines += _excerpt(text, span) if span is not None and known else []
        lines += [f"  expected {_one_of(self.expected)}"] if expected else []
        super().__init__("\n".join(lines))


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
