"""What both sets of rules begin with: transforms carried out, and groups that only group taken away.

Neither changes a byte or a register. A range whose classes would no longer follow each other keeps one
prefix of its own; every other transform is gone afterwards. Nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..classes import IDENTITY, Action, action_of, places, transform_of
from ..nodes import Node, Op, Par, Prefix, Range, Seq, Sigil

PUSH_DOWN = "transform push-down"


# Law: T@p is p with T done to each of its classes; (T@ (U@ p)) is (T after U)@ p.
def push_down(node: Node, action: Action = IDENTITY) -> Node:
    """Return a node without transforms, its classes being what they were under them."""
    match node:
        case Op():
            return _moved(node, action)
        case Prefix():
            return push_down(node.body, action.after(action_of(node.transform)))
        case Seq():
            return Seq(tuple(push_down(item, action) for item in node.items), span=node.span)
        case Par():
            return Par(tuple(push_down(branch, action) for branch in node.branches), span=node.span)


# Law: . and || are associative: (p . q) . r = p . q . r, and the same for branches.
def flatten(node: Node) -> Node:
    """Return a node without sequences in sequences and branches in branches."""
    match node:
        case Seq():
            return sequence(map(flatten, node.items)) or node
        case Par():
            return branches(map(flatten, node.branches)) or node
        case Prefix():
            return Prefix(node.transform, flatten(node.body), span=node.span)
        case Op():
            return node


def sequence(nodes: Iterable[Node]) -> Node | None:
    """Return the composition of some nodes, which is the node itself for one, and None for none."""
    items = [item for node in nodes for item in (node.items if isinstance(node, Seq) else (node,))]
    return Seq(tuple(items)) if len(items) > 1 else next(iter(items), None)


def branches(nodes: Iterable[Node]) -> Node | None:
    """Return some nodes as branches, which is the node itself for one, and None for none."""
    items = [item for node in nodes for item in (node.branches if isinstance(node, Par) else (node,))]
    return Par(tuple(items)) if len(items) > 1 else next(iter(items), None)


def _moved(op: Op, action: Action) -> Node:
    """An op with its classes as they are under an action and their own postfixes."""
    target = op.target
    if isinstance(target, Range):
        return _moved_range(op, target, action.after(action_of(target.postfix)))
    found = zip(target.sigils, places(target, action), strict=True)
    sigils = [Sigil(place.number, None, place.page, span=sigil.span) for sigil, place in found]
    return Op(op.generator, sigils[0] if isinstance(target, Sigil) else type(target)(*sigils), op.name, span=op.span)


def _moved_range(op: Op, target: Range, action: Action) -> Node:
    classes = [action(number) for number in range(target.first, target.last + 1)]
    if classes == list(range(classes[0], classes[0] + len(classes))):
        return Op(op.generator, Range(classes[0], classes[-1], span=target.span), op.name, span=op.span)
    plain = Op(op.generator, Range(target.first, target.last, span=target.span), op.name, span=op.span)
    transform = transform_of(action)
    return plain if transform is None else Prefix(transform, plain, span=op.span)
