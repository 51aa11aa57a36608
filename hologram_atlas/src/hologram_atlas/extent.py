"""The extent: how many work items of a kernel run, found from its guards.

In goes a typed kernel; out comes an Extent. Nothing is refused: where no guard and no array says
it, the caller has to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from . import ir
from .definitions import ID, definitions, is_id, is_uniform, resolve

SWAPPED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
NEGATED = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


@dataclass(frozen=True)
class Extent:
    """How many work items there are."""

    kind: Literal["guard", "lengths", "one", "caller"]
    expr: ir.Expr | None = None  #: of a guard: a uniform i64 expression; below 0 is none
    arrays: tuple[str, ...] = ()  #: of "lengths": whose length it is
    exact: bool = True  #: whether the guard is nothing but the bound, so that every work item does its work

    @property
    def param(self) -> str | None:
        """The scalar parameter that is the extent, or None."""
        return self.expr.name if isinstance(self.expr, ir.Var) else None


def find_extent(kernel: ir.Kernel) -> Extent:
    """Return the extent of a typed kernel."""
    if not any(node == ID for statement in ir.statements(kernel.body) for node in _parts(statement)):
        return Extent("one", ir.Literal(1, type="i64"))
    known = definitions(kernel)
    bounds, exact = Guards(kernel).find(kernel.body)
    if bounds:
        expr = bounds[0]
        for bound in bounds[1:]:
            expr = bound if bound == expr else ir.Call("max", (expr, bound), type="i64")
        return Extent("guard", expr, exact=exact and len(set(map(repr, bounds))) == 1)
    if bounds is None:
        arrays = indexed_by_id(kernel, known)
        return Extent("lengths", arrays=arrays) if arrays else Extent("caller")
    return Extent("caller")


def _parts(statement: ir.Stmt) -> list[ir.Expr]:
    return [node for expr in ir.expressions(statement) for node in ir.walk(expr)]


def indexed_by_id(kernel: ir.Kernel, known: Mapping[str, ir.Expr]) -> tuple[str, ...]:
    """The flat arrays with an element at the id itself, in the order of the parameters."""
    found = set()
    for statement in ir.statements(kernel.body):
        for node in _parts(statement):
            if isinstance(node, ir.Index) and len(node.indices) == 1 and is_id(resolve(node.indices[0], known)):
                found.add(node.array)
    return tuple(name for name, param in kernel.arrays.items() if name in found and not param.shape)


def has_effects(body: Sequence[ir.Stmt]) -> bool:
    """Whether some statement stores, or can fail by an assert."""
    return any(ir.stored_array(statement) or isinstance(statement, ir.Assert) for statement in ir.statements(body))


class Guards:
    """The guards at the top level of a kernel: comparisons that bound the work item id."""

    def __init__(self, kernel: ir.Kernel) -> None:
        self.kernel = kernel
        self.known = definitions(kernel)

    def find(self, body: Sequence[ir.Stmt]) -> tuple[list[ir.Expr] | None, bool]:
        """(the bounds that together guard every effect, or None; whether the guards are nothing but bounds)."""
        bounds: list[ir.Expr] = []
        exact = True
        for statement in body:
            if isinstance(statement, ir.If):
                leaves, rest_is_exact = self.leaving(statement)
                if leaves is not None:
                    return [*bounds, leaves], exact and rest_is_exact
                if not has_effects([statement]):
                    continue
                bound, only = self.bound(statement.condition)
                if bound is None or has_effects(statement.orelse):
                    return None, False
                bounds.append(bound)
                exact = exact and only
            elif has_effects([statement]):
                return None, False
            elif isinstance(statement, ir.Return):
                break
        return bounds or None, exact

    def leaving(self, statement: ir.If) -> tuple[ir.Expr | None, bool]:
        """The bound of `if id >= E: return`, after which everything is guarded."""
        if statement.orelse or not statement.then or not isinstance(statement.then[-1], ir.Return):
            return None, False
        if has_effects(statement.then):
            return None, False
        terms = _terms(statement.condition, "or")
        for term in terms:
            bound = self.compared(term, negated=True)
            if bound is not None:
                return bound, len(terms) == 1
        return None, False

    def bound(self, condition: ir.Expr) -> tuple[ir.Expr | None, bool]:
        """(E where a conjunct says id < E, whether the other conjuncts are true of every such id)."""
        terms = _terms(condition, "and")
        found = [(term, self.compared(term)) for term in terms]
        bounds = [bound for _, bound in found if bound is not None]
        if not bounds:
            return None, False
        others = [term for term, bound in found if bound is None]
        equals = any(isinstance(term, ir.BinaryOp) and term.op == "eq" for term, bound in found if bound is not None)
        only_zero = not equals or bounds[0] == ir.Literal(1, type="i64")
        return bounds[0], only_zero and len(bounds) == 1 and all(map(self.holds, others))

    def remaining(self, condition: ir.Expr, bound: ir.Expr) -> ir.Expr:
        """A condition without the conjuncts that say id < bound and nothing else."""
        kept = [
            term
            for term in _terms(condition, "and")
            if self.compared(term) != bound or (isinstance(term, ir.BinaryOp) and term.op == "eq")
        ]
        result = kept[0]
        for term in kept[1:]:
            result = ir.BinaryOp("and", result, term, type="bool", span=condition.span)
        return result

    def compared(self, term: ir.Expr, *, negated: bool = False) -> ir.Expr | None:
        """E where a comparison, or its negation, says id < E."""
        if isinstance(term, ir.UnaryOp) and term.op == "not":
            return self.compared(term.operand, negated=not negated)
        if not (isinstance(term, ir.BinaryOp) and term.op in SWAPPED):
            return None
        sides = resolve(term.left, self.known), resolve(term.right, self.known)
        for (left, right), op in ((sides, term.op), (sides[::-1], SWAPPED[term.op])):
            if is_uniform(right, self.kernel):
                bound = self.below(left, NEGATED[op] if negated else op, right)
                if bound is not None:
                    return bound
        return None

    def below(self, left: ir.Expr, op: str, right: ir.Expr) -> ir.Expr | None:
        """E where `left op right` says id < E: left is the id, or a quotient of it by something uniform."""
        if op in ("le", "eq"):
            right = _add_one(right)
        elif op != "lt":
            return None
        while isinstance(left, ir.BinaryOp) and left.op == "floor_div" and is_uniform(left.right, self.kernel):
            if op == "eq":
                return None
            right = ir.BinaryOp("mul", right, left.right, type="i64")
            left = left.left
        if right.type == "u64":
            right = ir.Cast("i64", right, explicit=False, type="i64")
        return right if is_id(left) else None

    def holds(self, term: ir.Expr) -> bool:
        """Whether a conjunct is true of every work item: id >= 0, or id % n < n."""
        if not (isinstance(term, ir.BinaryOp) and term.op in SWAPPED):
            return False
        sides = resolve(term.left, self.known), resolve(term.right, self.known)
        for (left, right), op in ((sides, term.op), (sides[::-1], SWAPPED[term.op])):
            if op == "ge" and left == ID and isinstance(right, ir.Literal) and right.value <= 0:
                return True
            if op == "lt" and isinstance(left, ir.BinaryOp) and left.op == "mod" and left.right == right:
                return True
        return False


def _terms(condition: ir.Expr, op: str) -> list[ir.Expr]:
    if isinstance(condition, ir.BinaryOp) and condition.op == op:
        return [*_terms(condition.left, op), *_terms(condition.right, op)]
    return [condition]


def _add_one(expr: ir.Expr) -> ir.Expr:
    if isinstance(expr, ir.Literal):
        return ir.Literal(int(expr.value) + 1, type="i64")
    return ir.BinaryOp("add", expr, ir.Literal(1, type="i64"), type="i64")
