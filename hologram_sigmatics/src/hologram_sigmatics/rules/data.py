"""The rules for circuits on data: each may change a circuit only if every output keeps its value.

A rule looks at the ops in the order in which they run and proposes edits: ops to leave out, or to put
another in the place of. Edits of one rule hold together as well as alone. They are taken only if the
circuit they lead to is legal (its branches are independent) and, where nobody named the outputs, still
has the same ones; so a rule reasons about values alone. Refused, by effects.py, are phrases that have no
meaning on data.

Of a kernel that is not in the catalogue nothing is known but what it reads and writes: it is neither
left out nor run once for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import TypeAlias

from hologram_core.catalogue import STANDARD

from ..classes import IDENTITY
from ..effects import Step, outputs_of, steps_of
from ..errors import SigmaticsError
from ..nodes import Arrow, Context, Node, Op, Par, Phrase, Prefix, Seq, Sigil
from .transforms import branches, sequence
from .values import Registers

#: the number of a step -> what stands there instead
Edit: TypeAlias = Mapping[int, Op | None]
Rule: TypeAlias = Callable[[Sequence[Step], frozenset[int]], Iterator[Edit]]


def simplify(node: Node, outputs: frozenset[int] | None) -> tuple[Node, list[str]]:
    """Return a flat node to which no rule applies, and the names of the rules that were applied.

    Without outputs the node's own are kept.
    """
    applied: list[str] = []
    while (found := _first_edit(node, outputs)) is not None:
        node, names = found
        applied += names
    return node, applied


def is_known(step: Step) -> bool:
    """Tell whether an op does nothing but write what follows from what it reads."""
    return step.op.generator != "evaluate" or step.op.name is None or step.op.name in STANDARD


# ---- the rules -----------------------------------------------------------------------------------


# Law: mark@A . mark@A is nothing, if no op between them reads or writes A.
def double_mark(steps: Sequence[Step], outputs: frozenset[int]) -> Iterator[Edit]:
    """Leave out two marks of the same classes."""
    return _pairs(steps, "mark")


# Law: swap@A<->B . swap@A<->B is nothing, if no op between them reads or writes A or B.
def double_swap(steps: Sequence[Step], outputs: frozenset[int]) -> Iterator[Edit]:
    """Leave out two swaps of the same classes."""
    return _pairs(steps, "swap")


# Law: an op is nothing if what it writes is no output and is written again before it is read.
def dead_write(steps: Sequence[Step], outputs: frozenset[int]) -> Iterator[Edit]:
    """Leave out ops whose results nobody sees."""
    live = set(outputs)
    for at in reversed(range(len(steps))):
        step = steps[at]
        if is_known(step) and live.isdisjoint(step.writes):
            yield {at: None}
        else:
            live.difference_update(step.writes)
            live.update(step.reads)


# Law: an op after which every class holds what it held before is nothing.
def no_change(steps: Sequence[Step], outputs: frozenset[int]) -> Iterator[Edit]:
    """Leave out copies to where the value is already, and the like."""
    registers = Registers()
    for at, step in enumerate(steps):
        results = registers.results(step, is_known(step))
        if step.writes and all(registers.read(number) == value for number, value in results.items()):
            yield {at: None}
        registers.write(results, at)


# Law: an op whose result A already holds is copy@A->D.
def common_subexpression(steps: Sequence[Step], outputs: frozenset[int]) -> Iterator[Edit]:
    """Copy what has been computed instead of computing it again."""
    registers = Registers()
    for at, step in enumerate(steps):
        results = registers.results(step, is_known(step))
        # what still stands under a prefix is a range, and a copy there would be of other classes
        if step.op.generator in ("merge", "split", "evaluate") and step.writes and step.action == IDENTITY:
            holder = registers.oldest_holder(results[step.writes[0]])
            if holder is not None:
                yield {at: Op("copy", Arrow(Sigil(holder), Sigil(step.writes[0])), span=step.op.span)}
        registers.write(results, at)


# Law: where A and B hold the same, reading B is reading A; of such classes the one is read that held it first.
def copy_propagation(steps: Sequence[Step], outputs: frozenset[int]) -> Iterator[Edit]:
    """Read the original instead of a copy."""
    registers = Registers()
    for at, step in enumerate(steps):
        holders = [registers.oldest_holder(registers.read(number)) for number in step.reads]
        if isinstance(step.op.target, Arrow | Context) and holders != list(step.reads):
            yield {at: _reading(step.op, step.op.target, [number for number in holders if number is not None])}
        registers.write(registers.results(step, is_known(step)), at)


RULES: dict[str, Rule] = {
    "double mark": double_mark,
    "double swap": double_swap,
    "dead write": dead_write,
    "no change": no_change,
    "common sub-expression": common_subexpression,
    "copy propagation": copy_propagation,
}


def _pairs(steps: Sequence[Step], generator: str) -> Iterator[Edit]:
    """Ops of a generator that undoes itself, in pairs: the second is the next to use the classes of the first."""
    user: dict[int, int | None] = {}
    for at, step in enumerate(steps):
        before = {user.get(number) for number in step.classes}
        first = before.pop() if len(before) == 1 else None
        paired = (
            first is not None
            and step.op.generator == steps[first].op.generator == generator
            and set(step.classes) == set(steps[first].classes)
        )
        if paired and first is not None:
            yield {first: None, at: None}
        user.update(dict.fromkeys(step.classes, None if paired else at))


def _reading(op: Op, target: Arrow | Context, numbers: Sequence[int]) -> Op:
    """An op that reads these classes instead of its own."""
    reads = [
        sigil if sigil.number == number else Sigil(number, span=sigil.span)
        for sigil, number in zip(target.sigils, numbers, strict=False)  # all but the destination
    ]
    if isinstance(target, Arrow):
        return Op(op.generator, Arrow(reads[0], target.destination), op.name, span=op.span)
    return Op(op.generator, Context(reads[0], reads[1], target.destination), op.name, span=op.span)


# ---- taking an edit ------------------------------------------------------------------------------


def _first_edit(node: Node, outputs: frozenset[int] | None) -> tuple[Node, list[str]] | None:
    """What the first rule makes of a node that proposes something legal: all its edits at once, or one of them."""
    steps = steps_of(Phrase(node))
    wanted = frozenset(outputs_of(Phrase(node))) if outputs is None else outputs
    for name, rule in RULES.items():
        edits = list(rule(steps, wanted))
        together = {at: op for edit in edits for at, op in edit.items()}
        for edit, uses in [(together, len(edits)), *((edit, 1) for edit in edits)]:
            edited = _edited(node, edit, count())
            if uses and edited is not None and _is_legal(edited, wanted if outputs is None else None):
                return edited, [name] * uses
    return None


def _is_legal(node: Node, outputs: frozenset[int] | None) -> bool:
    """Are all branches independent, and the node's own outputs these, if it matters?"""
    try:
        steps_of(Phrase(node))
    except SigmaticsError:
        return False
    return outputs is None or outputs == frozenset(outputs_of(Phrase(node)))


def _edited(node: Node, edit: Edit, numbers: Iterator[int]) -> Node | None:
    """The node with an edit made, or None if nothing is left of it."""
    match node:
        case Op():
            return edit.get(next(numbers), node)
        case Prefix():
            body = _edited(node.body, edit, numbers)
            return None if body is None else Prefix(node.transform, body, span=node.span)
        case Seq():
            kept = [_edited(item, edit, numbers) for item in reversed(node.items)]
            return sequence(item for item in reversed(kept) if item is not None)
        case Par():
            kept = [_edited(branch, edit, numbers) for branch in node.branches]
            return branches(branch for branch in kept if branch is not None)
