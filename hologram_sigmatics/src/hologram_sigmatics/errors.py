"""The error of the language: what is wrong, where, the line with a caret, and what was expected."""

from __future__ import annotations

from collections.abc import Sequence

from hologram_core import HologramError

from .nodes import Span

#: how much of a long line is shown on each side of the place
_AROUND = 50


class SigmaticsError(HologramError, ValueError):
    """A phrase is malformed, or means nothing where it is used.

    `.message` is the sentence, `.line` and `.column` the place in the text, counted from 1 (0 where
    there is no text), `.expected` what could have stood there.
    """

    def __init__(
        self, message: str, *, text: str | None = None, span: Span | None = None, expected: Sequence[str] = ()
    ) -> None:
        self.message, self.expected = message, tuple(expected)
        self.line, self.column = (0, 0) if text is None or span is None else _place(text, span.start)
        lines = [f"line {self.line}, column {self.column}: {message}" if self.line else message]
        lines += [] if text is None or span is None else _excerpt(text, span, self.column)
        lines += [f"  expected {_one_of(self.expected)}"] if self.expected else []
        super().__init__("\n".join(lines))


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _excerpt(text: str, span: Span, column: int) -> list[str]:
    """The line, or of a long one what is around the place, and a caret under it."""
    line = text[span.start - column + 1 :].partition("\n")[0]
    first = max(column - 1 - _AROUND, 0)
    shown = line[first : column - 1 + _AROUND]
    indent = "".join("\t" if character == "\t" else " " for character in shown[: column - 1 - first])
    width = max(min(span.end - span.start, len(shown) - len(indent)), 1)
    return [f"    {shown}".rstrip(), f"    {indent}^{'~' * (width - 1)}"]


def _one_of(expected: Sequence[str]) -> str:
    *others, last = expected
    return f"{', '.join(others)} or {last}" if others else last


class TraceError(HologramError, TypeError):
    """A function cannot be fused: it does to its arguments what cannot be said as a circuit."""
