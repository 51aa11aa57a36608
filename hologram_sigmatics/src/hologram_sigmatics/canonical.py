"""The normal form of a phrase, under one of two sets of rules.

`gates` are identities of symbolic phrases, and decide which of them are equivalent; `data` are rules for
circuits, which keep the value of every output. Refused are other names of rules, and with `data` phrases
that have no meaning on data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .classes import class_number
from .effects import steps_of
from .nodes import Node, Op, Par, Phrase, Prefix, Seq
from .parser import parse
from .rules import data, gates
from .rules.transforms import PUSH_DOWN, flatten, push_down


@dataclass(frozen=True, slots=True)
class Canonical:
    """The normal form, the rules that led to it in the order in which they were applied, and counts of ops."""

    phrase: Phrase
    applied: list[str]
    ops_before: int
    ops_after: int


def canonicalize(
    phrase: str | Phrase, rules: Literal["gates", "data"] = "gates", *, outputs: Iterable[str] | None = None
) -> Canonical:
    """Return the normal form of a phrase.

    `outputs` are the classes whose values count, for `rules="data"`: ["c02"]. Without them they are the
    outputs of the phrase, and the normal form has the same ones.
    """
    if rules not in ("gates", "data") or (outputs is not None and rules != "data"):
        raise ValueError(f'canonicalize(rules={rules!r}): expected "gates", or "data", which alone takes outputs')
    before = parse(phrase)
    wanted = None if outputs is None else frozenset(map(class_number, outputs))
    if rules == "data":
        steps_of(before)  # the spans of its errors point into this text
    flat = flatten(before.body)
    pushed = flatten(push_down(flat))
    after, applied = data.simplify(pushed, wanted) if rules == "data" else gates.simplify(pushed)
    if pushed != flat:
        applied = [PUSH_DOWN, *applied]
    return Canonical(parse(str(Phrase(after))), applied, count_ops(before.body), count_ops(after))


def equivalent(a: str | Phrase, b: str | Phrase) -> bool:
    """Tell whether two phrases have the same normal form under the rules of gates."""
    return canonicalize(a).phrase == canonicalize(b).phrase


def count_ops(node: Node) -> int:
    """Return how many ops a node has."""
    match node:
        case Op():
            return 1
        case Prefix():
            return count_ops(node.body)
        case Seq(items) | Par(items):
            return sum(map(count_ops, items))
