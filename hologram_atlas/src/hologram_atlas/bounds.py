"""Proofs that indices are inside their arrays.

In goes a typed kernel; out comes a Certificate: for every access whether it is proved, and the
conditions on which the proofs rest, to be evaluated once for each call. Nothing is refused: what
cannot be proved is checked where it happens.

An index is a polynomial over atoms: the work item id, loop variables, locals, quotients and the like,
and *uniform* values, which are the same for the whole call. To bound it, atoms are replaced by
their own bounds, the innermost first, until only uniform values are left. Three things make that sound:

- Sums, differences and products wrap in the machine but agree with the exact value modulo 2^64, so an
  index whose exact value is inside its array is computed right, whatever wraps on the way.
- Where wrapping would matter (operands of //, %, min, max, of a comparison that is used as a fact, the
  terms of range()) the operand's own bounds are part of the conditions, evaluated in arithmetic that
  notices overflow.
- A fact about a local is forgotten when the local is assigned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import ir
from .extent import Extent
from .facts import Fact, Prover
from .polynomials import Poly, add, constant


@dataclass(frozen=True)
class Comparison:
    """left <= right in exact integers; without a right, that left can be computed at all."""

    left: ir.Expr
    right: ir.Expr | None = None

    def __str__(self) -> str:
        if self.right is None:
            return f"{ir.text(self.left)} fits in 64 bits"
        return f"{ir.text(self.left)} <= {ir.text(self.right)}"


@dataclass(frozen=True)
class Condition:
    """One of the alternatives holds, each a list of comparisons that all hold."""

    alternatives: tuple[tuple[Comparison, ...], ...]

    def __str__(self) -> str:
        return " or ".join(" and ".join(map(str, comparisons)) for comparisons in self.alternatives)


@dataclass(frozen=True)
class Access:
    """What is known of one index of one access."""

    array: str
    axis: int
    text: str  #: "input[idx]"
    kind: str  #: "load", "store" or "atomic"
    line: int
    status: str  #: "proved", "checked" or "unchecked"
    facts: tuple[str, ...] = ()  #: conditions of the proof, or why there is none

    def __str__(self) -> str:
        where = f", axis {self.axis}" if self.axis else ""
        why = f": {'; '.join(self.facts)}" if self.facts else ""
        return f"line {self.line}: {self.kind} {self.text}{where}: {self.status}{why}"


@dataclass(frozen=True)
class Certificate:
    """What is known of every access of a kernel, in the order of the text."""

    accesses: tuple[Access, ...]
    conditions: tuple[Condition, ...]
    nodes: frozenset[tuple[int, int]] = field(
        default=frozenset(), repr=False
    )  #: (id of a node, axis) of what is proved
    kernel: ir.Kernel | None = field(default=None, repr=False)  #: keeps the nodes alive

    @property
    def proved(self) -> int:
        """How many indices are proved."""
        return sum(access.status == "proved" for access in self.accesses)

    @property
    def checked(self) -> int:
        """How many indices are checked where they happen."""
        return sum(access.status == "checked" for access in self.accesses)

    def is_proved(self, access: ir.Index | ir.Call, axis: int) -> bool:
        """Whether an index needs no check where the conditions hold."""
        return (id(access), axis) in self.nodes

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "proved": self.proved,
            "checked": self.checked,
            "accesses": [str(access) for access in self.accesses],
            "conditions": [str(condition) for condition in self.conditions],
        }

    def __str__(self) -> str:
        lines = [str(access) for access in self.accesses]
        lines += [f"once for each call: {condition}" for condition in self.conditions]
        lines.append(f"{self.proved} proved, {self.checked} checked")
        return "\n".join(lines)


def prove(kernel: ir.Kernel, extent: Extent, *, unchecked: bool = False) -> Certificate:
    """Return the certificate of a typed kernel; with `unchecked`, one that says so of every access."""
    walk = _Walk(kernel, extent, unchecked=unchecked)
    walk.block(kernel.body)
    conditions = tuple(dict.fromkeys(walk.conditions))
    return Certificate(tuple(walk.accesses), conditions, frozenset(walk.nodes), kernel)


class _Walk:
    """Goes over a kernel in the order of evaluation; the prover knows what holds where we are."""

    def __init__(self, kernel: ir.Kernel, extent: Extent, *, unchecked: bool) -> None:
        self.prover = Prover(kernel, extent.expr if extent.kind == "guard" else None)
        self.params = kernel.arrays
        self.unchecked = unchecked
        self.accesses: list[Access] = []
        self.conditions: list[Condition] = []
        self.nodes: set[tuple[int, int]] = set()

    # ---- statements ----

    def block(self, body: Sequence[ir.Stmt]) -> None:
        """A block; what an if says that leaves on one side holds for the rest."""
        before = self.prover.facts
        for statement in body:
            self.statement(statement)
            self.prover.forget(assigned([statement]))
            if isinstance(statement, ir.If):
                self.prover.facts += tuple(self._after(statement))
        self.prover.facts = self._still_true(before)

    def _still_true(self, before: tuple[Fact, ...]) -> tuple[Fact, ...]:
        return tuple(fact for fact in before if fact in self.prover.facts)

    def _after(self, statement: ir.If) -> Iterator[Fact]:
        if assigned([statement]):
            return
        if _leaves(statement.then):
            yield from self.prover.facts_of(statement.condition, truth=False)
        if _leaves(statement.orelse):
            yield from self.prover.facts_of(statement.condition, truth=True)

    def statement(self, statement: ir.Stmt) -> None:
        prover = self.prover
        match statement:
            case ir.If(condition=condition, then=then, orelse=orelse):
                self.expression(condition)
                self.under(condition, True, then)
                self.under(condition, False, orelse)
            case ir.For():
                for term in (statement.start, statement.stop, statement.step):
                    self.expression(term)
                prover.forget(assigned([statement]))
                prover.enter_loop(statement)
                self.block(statement.body)
                prover.leave_loop(statement)
            case ir.While(condition=condition, body=body):
                prover.forget(assigned(body))
                self.expression(condition)
                self.under(condition, True, body)
            case ir.Assign(target=ir.Index() as target, value=value):
                self.expression(value)
                for index in target.indices:
                    self.expression(index)
                self.access(target, target.indices, "store")
            case _:
                for expr in ir.expressions(statement):
                    self.expression(expr)
                if isinstance(statement, ir.Let):
                    prover.define(statement)

    def under(self, condition: ir.Expr, truth: bool, body: Sequence[ir.Stmt]) -> None:
        """A block that runs where a condition has this truth."""
        before = self.prover.facts
        self.prover.facts = (*before, *self.prover.facts_of(condition, truth=truth))
        self.block(body)
        self.prover.facts = self._still_true(before)

    # ---- expressions ----

    def expression(self, expr: ir.Expr) -> None:
        match expr:
            case ir.BinaryOp(op="and" | "or"):
                self.expression(expr.left)
                self.given(expr.left, expr.op == "and", expr.right)
                return
            case ir.IfExpr():
                self.expression(expr.condition)
                self.given(expr.condition, True, expr.then)
                self.given(expr.condition, False, expr.orelse)
                return
        for child in ir.children(expr):
            self.expression(child)
        if isinstance(expr, ir.Index):
            self.access(expr, expr.indices, "load")
        elif isinstance(expr, ir.Call) and expr.function.startswith("atomic_"):
            self.access(expr, expr.args[:1], "atomic")

    def given(self, condition: ir.Expr, truth: bool, expr: ir.Expr) -> None:
        """An expression that is evaluated where a condition has this truth."""
        before = self.prover.facts
        self.prover.facts = (*before, *self.prover.facts_of(condition, truth=truth))
        self.expression(expr)
        self.prover.facts = before

    # ---- accesses ----

    def access(self, node: ir.Index | ir.Call, indices: Sequence[ir.Expr], kind: str) -> None:
        name = str(node.array)
        text = f"{name}[{', '.join(map(ir.text, indices))}]"
        line = node.span.line if node.span else 0
        for axis, index in enumerate(indices):
            status, facts = self.prove(node, axis, index)
            self.accesses.append(Access(name, axis, text, kind, line, status, facts))

    def prove(self, node: ir.Index | ir.Call, axis: int, index: ir.Expr) -> tuple[str, tuple[str, ...]]:
        """(status, its reasons) of one index; a proof's conditions are noted."""
        if self.unchecked:
            return "unchecked", ()
        size = self.prover.size_of(str(node.array), axis)
        poly = self.prover.poly(index)
        lower = self._alternatives(poly, size, upper=False)
        upper = self._alternatives(poly, size, upper=True)
        if not lower or not upper:
            missing = [word for word, found in (("below", lower), ("above", upper)) if not found]
            return "checked", (f"{ir.text(index)} has no bound from {' or '.join(missing)}",)
        self.nodes.add((id(node), axis))
        conditions = [Condition(alternatives) for alternatives in (lower, upper) if () not in alternatives]
        self.conditions += conditions
        return "proved", tuple(map(str, conditions)) or ("0 <= it < the size, always",)

    def _alternatives(self, poly: Poly, size: Poly, *, upper: bool) -> tuple[tuple[Comparison, ...], ...]:
        """The ways to prove one side; () among them is a proof without conditions."""
        found: list[tuple[Comparison, ...]] = []
        for uses_facts in (True, False):
            bound = self.prover.bound(poly, upper=upper, uses_facts=uses_facts)
            if bound is None:
                continue
            limit, needs = bound
            left, right = (add(limit, constant(1)), size) if upper else (constant(0), limit)
            if self.prover.is_never(left, right):
                continue
            wanted = [] if self.prover.is_always(left, right) else [(self.prover.expr(left), self.prover.expr(right))]
            made = tuple(Comparison(*comparison) for comparison in dict.fromkeys((*needs, *wanted)))
            if made not in found:
                found.append(made)
        return tuple(found)


def assigned(body: Sequence[ir.Stmt]) -> frozenset[str]:
    """The locals that some statement of a body assigns."""
    names = set()
    for statement in ir.statements(body):
        match statement:
            case ir.Let(name=name) | ir.Assign(target=ir.Var(name=name)):
                names.add(name)
            case ir.For(var=name):
                names.add(name)
    return frozenset(names)


def _leaves(body: Sequence[ir.Stmt]) -> bool:
    """Whether the end of a block is never reached."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ir.If):
        return _leaves(last.then) and _leaves(last.orelse)
    return isinstance(last, (ir.Return, ir.Break, ir.Continue))
