"""The tree of a phrase: frozen nodes that parser.py makes and everything else reads.

Nodes keep what was written, so that printing and parsing again gives an equal tree; parentheses are the
nesting of nodes. Refused are values that no text could have given: a class above 95, a range that ends
before it begins, a sequence of one.

    R+1@ (copy@c00->c01 . mark@c02 || mark@c03)

    Phrase
      Prefix    R+1
        Par
          Seq                  the last item runs first
            Op      copy   Arrow(c00, c01)
            Op      mark   Sigil(c02)
          Op        mark   Sigil(c03)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

Generator: TypeAlias = Literal["mark", "copy", "swap", "merge", "split", "quote", "evaluate"]

GENERATORS: tuple[Generator, ...] = ("mark", "copy", "swap", "merge", "split", "quote", "evaluate")
CLASSES = 96
PAGES = 48

#: the name after a colon; dots belong to it: "my.op"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


class Span(NamedTuple):
    """Where a node comes from: offsets into the text of the phrase; the end is exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Transform:
    """What a prefix, or the postfix of a sigil, does to classes. None is "not written", which 0 is not."""

    r: int | None = None  #: added to h2, modulo 4
    d: int | None = None  #: added to d, modulo 3
    t: int | None = None  #: added to l, modulo 8
    mirror: bool = False  #: d 1 becomes 2, and 2 becomes 1
    span: Span | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(self.mirror or (self.r, self.d, self.t) != (None, None, None), "a transform that does nothing")


@dataclass(frozen=True, slots=True)
class Sigil:
    """A class, its own transform, and the page it lies on: c05^T+2~@17."""

    number: int  #: of the class, as written: 0..95
    postfix: Transform | None = None  #: at most one of r, d, t, and the mirror
    page: int | None = None  #: 0..47
    span: Span | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(0 <= self.number < CLASSES, f"class {self.number}, expected 0..{CLASSES - 1}")
        _require(self.page is None or 0 <= self.page < PAGES, f"page {self.page}, expected 0..{PAGES - 1}")
        _require(_is_postfix(self.postfix), f"the postfix {self.postfix}, expected at most one of r, d, t")

    @property
    def sigils(self) -> tuple[Sigil, ...]:
        """The sigils, as written: every target but a range has them."""
        return (self,)


@dataclass(frozen=True, slots=True)
class Arrow:
    """Source and destination: cS->cD."""

    source: Sigil
    destination: Sigil

    @property
    def sigils(self) -> tuple[Sigil, ...]:
        """The sigils, as written."""
        return self.source, self.destination


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two classes that change places: cA<->cB."""

    left: Sigil
    right: Sigil

    @property
    def sigils(self) -> tuple[Sigil, ...]:
        """The sigils, as written."""
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class Context:
    """Source, context and destination: cS[cC,cD]."""

    source: Sigil
    context: Sigil
    destination: Sigil

    @property
    def sigils(self) -> tuple[Sigil, ...]:
        """The sigils, as written."""
        return self.source, self.context, self.destination


@dataclass(frozen=True, slots=True)
class Range:
    """All classes from the first to the last, inclusive, each with the same postfix: c[05..12]^R+1."""

    first: int
    last: int
    postfix: Transform | None = None
    span: Span | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(
            0 <= self.first < self.last < CLASSES, f"the range {self.first}..{self.last}, expected 0 <= first < last"
        )
        _require(_is_postfix(self.postfix), f"the postfix {self.postfix}, expected at most one of r, d, t")


Target: TypeAlias = Sigil | Arrow | Exchange | Context | Range


@dataclass(frozen=True, slots=True)
class Op:
    """One generator at work: merge:mul@c00[c01,c02]."""

    generator: Generator
    target: Target
    name: str | None = None  #: what is written after a colon
    span: Span | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(self.generator in GENERATORS, f"the generator {self.generator!r}, expected one of {GENERATORS}")
        _require(self.name is None or NAME.fullmatch(self.name) is not None, f"the name {self.name!r}")


@dataclass(frozen=True, slots=True)
class Seq:
    """Composition, as written: the last item runs first."""

    items: tuple[Node, ...]
    span: Span | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(len(self.items) > 1, "a sequence of one")


@dataclass(frozen=True, slots=True)
class Par:
    """Independent branches."""

    branches: tuple[Node, ...]
    span: Span | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(len(self.branches) > 1, "a single branch")


@dataclass(frozen=True, slots=True)
class Prefix:
    """A transform of all classes in the body."""

    transform: Transform
    body: Node
    span: Span | None = field(default=None, compare=False, kw_only=True)


Node: TypeAlias = Op | Seq | Par | Prefix


@dataclass(frozen=True, slots=True)
class Phrase:
    """A whole phrase; str() of it is text that parses to an equal one."""

    body: Node
    text: str = field(default="", compare=False)  #: what the spans point into

    def __str__(self) -> str:
        from .printer import print_node  # here, since the printer imports the nodes

        return print_node(self.body)


def _is_postfix(transform: Transform | None) -> bool:
    return transform is None or [transform.r, transform.d, transform.t].count(None) >= 2


def _require(condition: bool, found: str) -> None:
    if not condition:
        raise ValueError(f"no text of a phrase gives {found}")
