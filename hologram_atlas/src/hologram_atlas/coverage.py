"""Coverage: which arrays a kernel writes from end to end, whatever their elements are.

In goes a typed kernel; out come the stores that happen on every way through a work item, each
with what its indices run over. Nothing is refused: a store that may not happen is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from . import ir
from .definitions import is_id, is_plain, loop_stops, resolve
from .extent import Extent


@dataclass(frozen=True)
class Id:
    """The axis is indexed by the work item id."""


@dataclass(frozen=True)
class Quotient:
    """By id // size."""

    size: ir.Expr


@dataclass(frozen=True)
class Remainder:
    """By id % size."""

    size: ir.Expr


@dataclass(frozen=True)
class Loop:
    """By the variable of a loop over range(stop)."""

    stop: ir.Expr


@dataclass(frozen=True)
class Other:
    """By anything else."""


Axis: TypeAlias = Id | Quotient | Remainder | Loop | Other


class Store(NamedTuple):
    """A store of one element, and what each of its indices runs over."""

    array: str
    axes: tuple[Axis, ...]


Stores: TypeAlias = frozenset[tuple[str, tuple[ir.Expr, ...]]]


def certain_stores(kernel: ir.Kernel, known: Mapping[str, ir.Expr], extent: Extent) -> frozenset[Store]:
    """The stores that every work item of the extent makes, in full loops."""
    if not extent.exact:
        return frozenset()
    loops = loop_stops(kernel, known)
    flow = _Flow(known)
    end = flow.block(_guarded(kernel.body, extent))
    exits = [*flow.exits, *([] if end is None else [end])]
    stores = frozenset.intersection(*exits) if exits else frozenset()
    return frozenset(Store(array, tuple(axis_of(index, loops) for index in indices)) for array, indices in stores)


def axis_of(index: ir.Expr, loops: Mapping[str, ir.Expr]) -> Axis:
    """What a resolved index runs over; `loops` are the plain loops by variable."""
    if is_id(index):
        return Id()
    match index:
        case ir.BinaryOp(op="floor_div", left=left, right=right) if is_id(left):
            return Quotient(right)
        case ir.BinaryOp(op="mod", left=left, right=right) if is_id(left):
            return Remainder(right)
        case ir.Var(name=name) if name in loops:
            return Loop(loops[name])
    return Other()


def _guarded(body: Sequence[ir.Stmt], extent: Extent) -> list[ir.Stmt]:
    """The statements that every work item of the extent runs: the guards, which hold for all of them, opened."""
    if extent.kind != "guard":
        return list(body)
    opened: list[ir.Stmt] = []
    for statement in body:
        if isinstance(statement, ir.If) and statement.then and isinstance(statement.then[-1], ir.Return):
            continue  # the early return that is the guard, or one without effects
        opened += statement.then if isinstance(statement, ir.If) else [statement]
    return opened


class _Flow:
    """Which stores have happened on every way to a place."""

    def __init__(self, known: Mapping[str, ir.Expr]) -> None:
        self.known = known
        self.exits: list[Stores] = []  # at each return

    def block(self, body: Sequence[ir.Stmt], done: Stores = frozenset()) -> Stores | None:
        """What has been stored after a block, or None where its end is not reached."""
        for statement in body:
            match statement:
                case ir.Assign(target=ir.Index(array=array, indices=indices)):
                    done |= {(array, tuple(resolve(index, self.known) for index in indices))}
                case ir.If():
                    ends = [self.block(side, done) for side in (statement.then, statement.orelse)]
                    reached = [end for end in ends if end is not None]
                    if not reached:
                        return None
                    done = frozenset.intersection(*reached)
                case ir.For() if is_plain(statement) and not _leaves(statement.body):
                    inside = self.block(statement.body, done) or done
                    done |= {store for store in inside - done if _uses(store[1], statement.var)}
                case ir.For() | ir.While():
                    if any(isinstance(inner, ir.Return) for inner in ir.statements(statement.body)):
                        self.exits.append(done)
                case ir.Return():
                    self.exits.append(done)
                    return None
                case ir.Break() | ir.Continue():
                    return None
        return done


def _leaves(body: Sequence[ir.Stmt]) -> bool:
    return any(isinstance(statement, (ir.Break, ir.Continue, ir.Return)) for statement in ir.statements(body))


def _uses(indices: Sequence[ir.Expr], name: str) -> bool:
    return any(isinstance(node, ir.Var) and node.name == name for index in indices for node in ir.walk(index))
