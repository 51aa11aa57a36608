"""What a phrase means without data: the bytes its sigils name, and the words its generators say.

Both walk the tree with the transforms that enclose a node: bytes need what they do to a class, as one
action; words also need their numbers, as summed. Every phrase that parses has both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .classes import IDENTITY, Action, Place, action_of, belt_address, canonical_byte, components, places
from .nodes import Node, Op, Par, Phrase, Prefix, Seq, Transform
from .parser import parse


@dataclass(frozen=True, slots=True)
class Bytes:
    """The canonical byte of every sigil, as written, and the belt addresses of those with a page."""

    bytes: list[int]
    addresses: list[int]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a phrase, in the order in which its ops run."""

    words: list[str]


def evaluate_bytes(phrase: str | Phrase) -> Bytes:
    """Return the bytes and the belt addresses of a phrase."""
    found = list(_places(parse(phrase).body, IDENTITY))
    return Bytes(
        [canonical_byte(place.number) for place in found],
        [belt_address(place.page, canonical_byte(place.number)) for place in found if place.page is not None],
    )


def evaluate_words(phrase: str | Phrase) -> Words:
    """Return the words of a phrase."""
    return Words(list(_words(parse(phrase).body, IDENTITY, _NOTHING)))


def _places(node: Node, action: Action) -> Iterator[Place]:
    match node:
        case Op():
            yield from places(node.target, action)
        case Prefix():
            yield from _places(node.body, action.after(action_of(node.transform)))
        case Seq(items) | Par(items):
            for item in items:
                yield from _places(item, action)


# ---- words ---------------------------------------------------------------------------------------


class _Sum(NamedTuple):
    """The numbers of the prefixes around a node, added up; mirrors cancel in pairs."""

    r: int
    d: int
    t: int
    mirror: bool

    def plus(self, own: Transform) -> _Sum:
        return _Sum(self.r + (own.r or 0), self.d + (own.d or 0), self.t + (own.t or 0), self.mirror is not own.mirror)

    def words(self, arrow: str) -> Iterator[str]:
        if self.r:
            yield f"{arrow}ρ[{self.r}]"  # noqa: RUF001  # the words of the algebra are Greek
        if self.d:
            yield f"{arrow}δ[{self.d % 3}]"
        if self.t:
            yield f"{arrow}τ[{self.t}]"
        if self.mirror:
            yield f"{arrow}μ"


_NOTHING = _Sum(0, 0, 0, mirror=False)


def _words(node: Node, action: Action, around: _Sum) -> Iterator[str]:
    match node:
        case Op():
            yield from _op_words(node, action)
        case Seq():
            for item in reversed(node.items):
                yield from _words(item, action, around)
        case Par():
            for index, branch in enumerate(node.branches):
                yield "⊗_sep" if index else "⊗_begin"
                yield from _words(branch, action, around)
            yield "⊗_end"
        case Prefix():
            combined = around.plus(node.transform)
            yield from combined.words("→")
            yield from _words(node.body, action.after(action_of(node.transform)), combined)
            yield from combined.words("←")


def _op_words(op: Op, action: Action) -> list[str]:
    """The words of an op, with the triple of its first class."""
    h2, d, low = components(places(op.target, action)[0].number)
    match op.generator:
        case "copy" | "merge":
            return [f"{op.generator}[d={d}]"]
        case "split" | "quote":
            return [f"{op.generator}[ℓ={low}]"]  # noqa: RUF001
        case "evaluate":
            return [f"phase[h₂={h2}]", "evaluate"]
        case _:
            return [op.generator]
