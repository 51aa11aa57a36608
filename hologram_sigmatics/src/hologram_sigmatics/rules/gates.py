"""The rules for symbolic phrases: the published identities of five gates, completed so that any order of
rewriting ends in the same word.

A word is a sequence of letters, one for each op that is a gate; whatever else stands in a sequence is a
letter of its own that no rule knows. Nothing is refused: a word to which no rule applies is its own
normal form.

    I = mark@c00    X = mark@c21    Z = mark@c42    S = mark@c07    C = copy@c05    H = C . X

The published identities alone contradict each other in what they lead to (C.X.X.C.X is Z by HXH=Z, and
C.C.X by X²=I), so the others below follow from them by completion (Knuth and Bendix), with a word being
simpler that is shorter, then has fewer C, then comes first in the order C S X Z. No rule makes a word
longer; therefore a normal form is the shortest of all equal words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from ..nodes import Node, Op, Par, Prefix, Seq, Sigil
from .transforms import branches, sequence

#: a gate, or a node that is none
Letter: TypeAlias = str | Node

GATES: dict[str, Op] = {
    "I": Op("mark", Sigil(0)),
    "X": Op("mark", Sigil(21)),
    "Z": Op("mark", Sigil(42)),
    "S": Op("mark", Sigil(7)),
    "C": Op("copy", Sigil(5)),
}
_LETTERS = {op: letter for letter, op in GATES.items()}

UNIT = "unit"


class Rule(NamedTuple):
    """One law: wherever the first word stands, the second may stand."""

    name: str
    before: str
    after: str


RULES: tuple[Rule, ...] = (
    # published; with the unit rule: I . p = p = p . I
    Rule("HXH=Z", "CXXCX", "Z"),
    Rule("H²=I", "CXCX", "I"),
    Rule("X²=I", "XX", "I"),
    Rule("Z²=I", "ZZ", "I"),
    Rule("S²=Z", "SS", "Z"),
    Rule("I·I=I", "II", "I"),
    # H Z H = H (H X H) H = X
    Rule("HZH=X", "CXZCX", "X"),
    # Z H = (H X H) H = H X
    Rule("ZH=HX", "ZC", "CX"),
    # X H = H (H X H) = H Z
    Rule("XH=HZ", "XCX", "CXZ"),
    # H (H X) = X
    Rule("HHX=X", "CXC", "X"),
    # (H X) (H X) = (H X H) X = Z X
    Rule("HXHX=ZX", "CC", "ZX"),
    # H Z X = X H X
    Rule("HZX=XHX", "CXZX", "XC"),
    # Z (X H) X = (Z H) Z X = H X Z X
    Rule("ZXHX=HXZX", "ZXC", "CZX"),
    # Z S = S S S = S Z
    Rule("ZS=SZ", "ZS", "SZ"),
)
#: what a rule looks for, backwards, as the end of a list; the longest first
_ENDINGS = sorted(((list(reversed(rule.before)), rule) for rule in RULES), key=lambda pair: -len(pair[0]))
_REACH = len(_ENDINGS[0][0])


def simplify(node: Node) -> tuple[Node, list[str]]:
    """Return the normal form of a flat node, and the names of the rules that were applied."""
    match node:
        case Par():
            parts = [simplify(branch) for branch in node.branches]
            return branches(part for part, _ in parts) or node, [name for _, names in parts for name in names]
        case Op() | Seq():
            return _simplify_sequence(node.items if isinstance(node, Seq) else (node,))
        case Prefix():
            return node, []


def normal_word(word: Sequence[Letter]) -> tuple[list[Letter], list[str]]:
    """Rewrite the leftmost place where a rule applies, by the longest rule, until none does."""
    done: list[Letter] = []
    ahead = list(reversed(word))
    applied = []
    while ahead:
        rule = next((rule for ending, rule in _ENDINGS if ahead[-len(ending) :] == ending), None)
        if rule is not None:
            del ahead[-len(rule.before) :]
            ahead.extend(reversed(rule.after))
            applied.append(rule.name)
        elif ahead[-1] == "I" and len(done) + len(ahead) > 1:
            ahead.pop()
            applied.append(UNIT)
        else:
            done.append(ahead.pop())
            continue
        # what was passed may now begin a longer match
        for _ in range(min(_REACH - 1, len(done))):
            ahead.append(done.pop())
    return done, applied


def _simplify_sequence(items: Sequence[Node]) -> tuple[Node, list[str]]:
    word: list[Letter] = []
    applied = []
    for item in items:
        letter = _LETTERS.get(item) if isinstance(item, Op) else None
        if letter is None:
            item, names = simplify(item) if isinstance(item, Par) else (item, [])
            applied += names
        word.append(letter or item)
    normal, names = normal_word(word)
    nodes = [GATES[letter] if isinstance(letter, str) else letter for letter in normal]
    return sequence(nodes) or GATES["I"], applied + names
