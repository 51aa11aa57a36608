"""From a tree to the text of a phrase, on one line: parsing it again gives an equal tree.

Parentheses stand where the grammar needs them, and around whatever a prefix covers beyond one op, so
that its reach can be seen. Nothing is refused: every tree of nodes.py has a text.
"""

from __future__ import annotations

from .nodes import Arrow, Context, Exchange, Node, Op, Par, Prefix, Seq, Sigil, Target, Transform


def print_node(node: Node) -> str:
    """Return the text of a node."""
    match node:
        case Op():
            name = "" if node.name is None else f":{node.name}"
            return f"{node.generator}{name}@{print_target(node.target)}"
        case Seq():
            return " . ".join(_within(item, Op) for item in node.items)
        case Par():
            return " || ".join(_within(branch, Op, Seq) for branch in node.branches)
        case Prefix():
            return f"{_transform(node.transform)}@ {_within(node.body, Op, Prefix)}"


def print_target(target: Target) -> str:
    """Return the text of what an op works on."""
    match target:
        case Sigil():
            return print_sigil(target)
        case Arrow():
            return f"{print_sigil(target.source)}->{print_sigil(target.destination)}"
        case Exchange():
            return f"{print_sigil(target.left)}<->{print_sigil(target.right)}"
        case Context():
            context, destination = print_sigil(target.context), print_sigil(target.destination)
            return f"{print_sigil(target.source)}[{context},{destination}]"
        case _:
            return f"c[{target.first:02}..{target.last:02}]{_postfix(target.postfix)}"


def print_sigil(sigil: Sigil) -> str:
    """Return the text of a sigil."""
    page = "" if sigil.page is None else f"@{sigil.page}"
    return f"c{sigil.number:02}{_postfix(sigil.postfix)}{page}"


def _within(node: Node, *plain: type) -> str:
    """The text of a node inside another: only some kinds go without parentheses."""
    return print_node(node) if isinstance(node, plain) else f"({print_node(node)})"


def _shifts(transform: Transform) -> list[tuple[str, int]]:
    shifts = (("R", transform.r), ("D", transform.d), ("T", transform.t))
    return [(axis, shift) for axis, shift in shifts if shift is not None]


def _transform(transform: Transform) -> str:
    parts = [f"{axis}{shift:+}" for axis, shift in _shifts(transform)]
    return " ".join([*parts, "~"] if transform.mirror else parts)


def _postfix(transform: Transform | None) -> str:
    if transform is None:
        return ""
    shift = "".join(f"^{'' if axis == 'T' else axis}{shift:+}" for axis, shift in _shifts(transform))
    return shift + ("~" if transform.mirror else "")
