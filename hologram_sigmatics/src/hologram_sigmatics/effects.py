"""What a phrase does to registers: the classes that each op reads and writes, in the order of running.

A class is a register; here it is settled which phrases have a meaning on data, what their inputs and
outputs are, and that branches are independent. Refused, with the place, are ops that only have a symbolic
meaning (the error says which form to write) and branches of which one writes what another uses.

    mark@cA                 reads and writes cA, and so does a range
    swap@cA<->cB            reads and writes both
    copy@cS->cD             reads cS, writes cD
    merge split evaluate    named or not: read all classes but the last, write the last
    quote@cA evaluate@cA    suspend and force: no effect
"""

from __future__ import annotations

from typing import NamedTuple

from .classes import IDENTITY, Action, action_of, places
from .errors import SigmaticsError
from .nodes import Arrow, Context, Exchange, Node, Op, Par, Phrase, Prefix, Range, Seq, Sigil, Target
from .parser import parse

#: generator, and whether it has a name -> the targets that mean something on data, and what to write
_MEANINGS: dict[tuple[str, bool], tuple[tuple[type[Target], ...], str]] = {
    ("copy", False): ((Arrow,), "copy@cA->cB"),
    ("swap", False): ((Exchange,), "swap@cA<->cB"),
    ("mark", False): ((Sigil, Range), "mark@cA"),
    ("merge", False): ((Context,), "merge@cS[cC,cD], or merge:NAME@cS->cD"),
    ("merge", True): ((Context, Arrow), "merge:NAME@cS[cC,cD] or merge:NAME@cS->cD"),
    ("split", False): ((Context,), "split@cS[cC,cD]"),
    ("split", True): ((Context,), "split:NAME@cS[cC,cD]"),
    ("quote", False): ((Sigil, Range), "quote@cA"),
    ("evaluate", False): ((Sigil, Range), "evaluate@cA, or evaluate:NAME@cS->cD"),
    ("evaluate", True): (
        (Arrow, Context, Range),
        "evaluate:NAME@cS->cD, evaluate:NAME@cS[cC,cD] or evaluate:NAME@c[first..last]",
    ),
}


class Step(NamedTuple):
    """One op as it runs: the classes it names, after all transforms, and which it reads and writes."""

    op: Op
    action: Action  #: of the prefixes around the op
    classes: tuple[int, ...]
    reads: tuple[int, ...]
    writes: tuple[int, ...]


def steps_of(phrase: str | Phrase) -> list[Step]:
    """Return the ops of a phrase in the order in which they run."""
    phrase = parse(phrase)
    return _steps(phrase.body, IDENTITY, phrase.text or None)


def inputs_of(phrase: str | Phrase) -> tuple[int, ...]:
    """Return the classes that are read before they are written, ascending."""
    read: set[int] = set()
    written: set[int] = set()
    for step in steps_of(phrase):
        read.update(set(step.reads) - written)
        written.update(step.writes)
    return tuple(sorted(read))


def outputs_of(phrase: str | Phrase) -> tuple[int, ...]:
    """Return the classes that the leftmost op writes, of branches the leftmost of each, ascending.

    An op that writes nothing is passed over.
    """
    phrase = parse(phrase)
    steps_of(phrase)  # all of it has a meaning
    return tuple(sorted(_outputs(phrase.body, IDENTITY)))


def step_of(op: Op, action: Action = IDENTITY, text: str | None = None) -> Step:
    """Return what one op does, or refuse it; the text is for the message."""
    targets, form = _MEANINGS.get((op.generator, op.name is not None), ((), f"{op.generator} without a name"))
    if not isinstance(op.target, targets):
        what = op.generator if op.name is None else f"{op.generator}:{op.name}"
        raise SigmaticsError(
            f"{what} on this target has no meaning on data; write {form}", text=text, span=op.span, expected=(form,)
        )
    classes = tuple(place.number for place in places(op.target, action))
    if op.generator in ("mark", "swap"):
        return Step(op, action, classes, classes, classes)
    if op.generator == "quote" or (op.generator == "evaluate" and op.name is None):
        return Step(op, action, classes, (), ())
    return Step(op, action, classes, classes[:-1], classes[-1:])


def _steps(node: Node, action: Action, text: str | None) -> list[Step]:
    match node:
        case Op():
            return [step_of(node, action, text)]
        case Prefix():
            return _steps(node.body, action.after(action_of(node.transform)), text)
        case Seq():
            return [step for item in reversed(node.items) for step in _steps(item, action, text)]
        case Par():
            branches = [_steps(branch, action, text) for branch in node.branches]
            _check_independent(node, branches, text)
            return [step for branch in branches for step in branch]


def _check_independent(par: Par, branches: list[list[Step]], text: str | None) -> None:
    """Refuse a branch that writes what an earlier one uses, or uses what an earlier one writes."""
    used: set[int] = set()
    written: set[int] = set()
    for node, steps in zip(par.branches, branches, strict=True):
        writes = {number for step in steps for number in step.writes}
        uses = writes.union(*(step.reads for step in steps))
        shared = sorted((writes & used) | (uses & written))
        if shared:
            raise SigmaticsError(
                f"this branch and an earlier one use c{shared[0]:02}, and one of them writes it; "
                'write "." between them, in the order that is meant',
                text=text,
                span=node.span,
            )
        used |= uses
        written |= writes


def _outputs(node: Node, action: Action) -> set[int]:
    match node:
        case Op():
            return set(step_of(node, action).writes)
        case Prefix():
            return _outputs(node.body, action.after(action_of(node.transform)))
        case Seq():
            return next(filter(None, (_outputs(item, action) for item in node.items)), set())
        case Par():
            return set().union(*(_outputs(branch, action) for branch in node.branches))
