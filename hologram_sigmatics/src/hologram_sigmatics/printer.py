"""From a tree to the text of a phrase, on one line: parsing it again gives an equal tree.

Parentheses stand where the grammar needs them and nowhere else, so a text never becomes deeper by being
printed. Nothing is refused: every tree of nodes.py has a text.
"""

from __future__ import annotations

from .nodes import Arrow, Context, Exchange, Node, Op, Par, Prefix, Seq, Sigil, Target, Transform


def print_node(node: Node, *, last: bool = True) -> str:
    """Return the text of a node; a prefix reaches to the end of its par, so it matters who is last there."""
    match node:
        case Op():
            name = "" if node.name is None else f":{node.name}"
            return f"{node.generator}{name}@{_target(node.target)}"
        case Seq():
            return _joined(" . ", node.items, (Seq, Par), last=last)
        case Par():
            return _joined(" || ", node.branches, (Par,), last=last)
        case Prefix():
            text = f"{_transform(node.transform)}@ {print_node(node.body)}"
            return text if last else f"({text})"


def _joined(symbol: str, nodes: tuple[Node, ...], grouped: tuple[type, ...], *, last: bool) -> str:
    """The texts of some nodes with a symbol between them; those of some kinds in parentheses."""
    texts = [
        f"({print_node(node)})" if isinstance(node, grouped) else print_node(node, last=last and node_last)
        for node, node_last in zip(nodes, [False] * (len(nodes) - 1) + [True], strict=True)
    ]
    return symbol.join(texts)


def _target(target: Target) -> str:
    match target:
        case Sigil():
            return _sigil(target)
        case Arrow():
            return f"{_sigil(target.source)}->{_sigil(target.destination)}"
        case Exchange():
            return f"{_sigil(target.left)}<->{_sigil(target.right)}"
        case Context():
            return f"{_sigil(target.source)}[{_sigil(target.context)},{_sigil(target.destination)}]"
        case _:
            return f"c[{target.first:02}..{target.last:02}]{_postfix(target.postfix)}"


def _sigil(sigil: Sigil) -> str:
    page = "" if sigil.page is None else f"@{sigil.page}"
    return f"c{sigil.number:02}{_postfix(sigil.postfix)}{page}"


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
