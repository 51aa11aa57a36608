"""From the text of a phrase to its tokens, each with the span it comes from.

One regular expression says what a token is; of two alternatives the first wins, so longer symbols come
first. Nothing is refused here: a character that fits nothing becomes a token of kind "unknown", so that
the parser can say what it expected instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .nodes import Span

#: white space and comments run to the next token
_SKIPPED = r"(?:[ \t\r\n\f\v]|//[^\n]*)*"
_TOKEN = re.compile(
    _SKIPPED
    + r"""(?:
        (?P<word> [A-Za-z_][A-Za-z0-9_]* )         # generators, classes, R D T, names
      | (?P<number> [0-9]+ )
      | (?P<symbol> <-> | -> | \|\| | \.\. | [.@()\[\],:^~+-] )
      | (?P<end> \Z )
      | (?P<unknown> [^A-Za-z0-9_\s.@()\[\],:^~+|<-]+ | . )
    )""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A word, a number, a symbol, the end, or what is unknown."""

    kind: str
    text: str
    span: Span


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of a text; the last one is its end."""
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        yield Token(kind, found[kind], Span(*found.span(kind)))
        if kind == "end":
            return
