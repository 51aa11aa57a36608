"""What is known at a place in a kernel, and the bounds that follow from it.

In go expressions, conditions, loops and assignments, in the order of evaluation; out come polynomials,
and bounds of them that are made of uniform values, each with what has to hold for it. Nothing is
refused: what nothing is known of has no bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from . import ir
from .definitions import definitions, is_pure, is_uniform, resolve
from .polynomials import Poly, add, atom, atoms, constant, is_atom, is_constant, is_natural, multiply, split

#: (left, right): left <= right; (left, None): left fits in 64 bits
Needs: TypeAlias = tuple[tuple[ir.Expr, ir.Expr | None], ...]
Bound: TypeAlias = tuple[Poly, Needs]

FIRST = ir.Call("first_item", (), type="i64")
END = ir.Call("end_item", (), type="i64")
MAX_DEPTH = 12
WIDEST = 2**16  #: no array is expected to have room for every value of a wider type
_RANGES = {
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32)},
    "bool": (0, 1),
    "usize": (None, None),
    "i64": (None, None),
}
_COMPARED = {"lt": (1, 1), "le": (1, 0), "gt": (-1, 1), "ge": (-1, 0)}  # sign of right - left, what is taken off
_NEGATED = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


@dataclass(frozen=True)
class Fact:
    """A polynomial that is not negative, and the operands that must not have wrapped for that."""

    terms: tuple[tuple[tuple[int, ...], int], ...]
    operands: tuple[tuple[tuple[tuple[int, ...], int], ...], ...]
    names: frozenset[str]  #: the locals it is about

    @property
    def poly(self) -> Poly:
        """The polynomial."""
        return dict(self.terms)


def _frozen(poly: Poly) -> tuple[tuple[tuple[int, ...], int], ...]:
    return tuple(sorted(poly.items()))


# ---- atoms: each kind knows its bounds -----------------------------------------------------------


@dataclass(frozen=True)
class Uniform:
    """The same for the whole call."""

    expr: ir.Expr


@dataclass(frozen=True)
class Item:
    """The work item id."""


@dataclass(frozen=True)
class Loop:
    """A loop variable, inside its loop: low <= it <= high."""

    number: int
    low: tuple[tuple[tuple[int, ...], int], ...]
    high: tuple[tuple[tuple[int, ...], int], ...]


@dataclass(frozen=True)
class Local:
    """A local; where it is assigned once, what it was assigned."""

    name: str
    number: int
    value: tuple[tuple[tuple[int, ...], int], ...] | None


@dataclass(frozen=True)
class Quotient:
    """left // right, or left % right."""

    op: str
    left: tuple[tuple[tuple[int, ...], int], ...]
    right: ir.Expr


@dataclass(frozen=True)
class Extreme:
    """The smaller or larger of two, or one of two."""

    op: str  #: "min", "max" or "either"
    left: tuple[tuple[tuple[int, ...], int], ...]
    right: tuple[tuple[tuple[int, ...], int], ...]
    facts: tuple[tuple[Fact, ...], tuple[Fact, ...]] = ((), ())  #: that hold where it is the left, the right


@dataclass(frozen=True)
class Ranged:
    """A value of which only the range of its type is known."""

    number: int
    low: int | None
    high: int | None


Atom: TypeAlias = Uniform | Item | Loop | Local | Quotient | Extreme | Ranged


class Prover:
    """Knows the atoms of one kernel, and the facts at the place we are at."""

    def __init__(self, kernel: ir.Kernel, extent: ir.Expr | None) -> None:
        self.kernel = kernel
        self.definitions = definitions(kernel)
        self.atoms: list[Atom] = []
        self.numbers: dict[Atom, int] = {}
        self.naturals: set[int] = set()
        self.facts: tuple[Fact, ...] = ()
        self.only_exact = False  # whether a bound is wanted only to see that nothing wraps
        self.bindings: dict[str, Poly] = {}  # what names stand for here
        self.counts = _assignments(kernel)
        self.item = self.number(Item())
        self.naturals.add(self.item)
        # what the guard says adds nothing to begin <= id < end, which the call has made sure of
        self.guard = None if extent is None else _frozen(add(self.minus_one(self.poly(extent)), atom(self.item), -1))

    def number(self, kind: Atom) -> int:
        """The number of an atom; one that comes later may be bounded by those before."""
        if kind not in self.numbers:
            self.numbers[kind] = len(self.atoms)
            self.atoms.append(kind)
            if isinstance(kind, Uniform) and self._is_natural(kind.expr):
                self.naturals.add(self.numbers[kind])
        return self.numbers[kind]

    def _is_natural(self, expr: ir.Expr) -> bool:
        if isinstance(expr, ir.Var):
            param = self.kernel.scalars.get(expr.name)
            return param is not None and param.type in ("u8", "u16", "u32", "u64", "usize")
        return expr in (FIRST, END) or (isinstance(expr, ir.Call) and expr.function == "len")

    def uniform(self, expr: ir.Expr) -> Poly:
        """A uniform value as an atom."""
        return atom(self.number(Uniform(expr)))

    def is_uniform(self, poly: Poly) -> bool:
        """Whether all atoms are uniform."""
        return all(isinstance(self.atoms[number], Uniform) for number in atoms(poly))

    def minus_one(self, poly: Poly) -> Poly:
        """One less."""
        return add(poly, constant(-1))

    # ---- expressions as polynomials ----

    def poly(self, expr: ir.Expr) -> Poly:
        """The polynomial of an i64 expression, in terms of what the machine holds in its atoms."""
        if expr.type != "i64":
            return self.unknown(expr)
        match expr:
            case ir.Literal(value=value):
                return constant(int(value))
            case ir.Var(name=name):
                return self.variable(expr, name)
            case ir.BinaryOp(op="add" | "sub" as op):
                return add(self.poly(expr.left), self.poly(expr.right), 1 if op == "add" else -1)
            case ir.UnaryOp(op="neg"):
                return add({}, self.poly(expr.operand), -1)
            case ir.UnaryOp(op="pos"):
                return self.poly(expr.operand)
            case ir.BinaryOp(op="mul"):
                product = multiply(self.poly(expr.left), self.poly(expr.right))
                return self.unknown(expr) if product is None else product
            case ir.Call(function="get_global_id"):
                return atom(self.item)
            case ir.Cast(to="i64" | "usize", value=value) if value.type == "i64":
                return self.poly(value)
        return self.special(expr)

    def special(self, expr: ir.Expr) -> Poly:
        """What is no sum or product."""
        plain = resolve(expr, self.definitions)
        if is_uniform(plain, self.kernel) and is_pure(plain):
            return self.uniform(plain)
        match expr:
            case ir.BinaryOp(op="floor_div" | "mod" as op):
                divisor = resolve(expr.right, self.definitions)
                if is_uniform(divisor, self.kernel):
                    return self.quotient(op, self.poly(expr.left), divisor)
            case ir.Call(function="min" | "max" as function):
                left, right = map(self.poly, expr.args)
                return atom(self.number(Extreme(function, _frozen(left), _frozen(right))))
            case ir.IfExpr():
                left, right = self.poly(expr.then), self.poly(expr.orelse)
                given = (
                    tuple(self.facts_of(expr.condition, truth=True)),
                    tuple(self.facts_of(expr.condition, truth=False)),
                )
                return atom(self.number(Extreme("either", _frozen(left), _frozen(right), given)))
        return self.unknown(expr)

    def quotient(self, op: str, left: Poly, divisor: ir.Expr) -> Poly:
        """left // divisor or left % divisor."""
        number = self.number(Quotient(op, _frozen(left), divisor))
        return atom(number)

    def variable(self, expr: ir.Expr, name: str) -> Poly:
        """A scalar parameter, or what a local stands for here."""
        if name in self.kernel.scalars:
            return self.uniform(ir.Var(name, type=expr.type))
        if name in self.bindings:
            return self.bindings[name]
        return atom(self.number(Local(name, -1, None)))

    def unknown(self, expr: ir.Expr) -> Poly:
        """A value of which the type is known at most."""
        stored = "i64"
        if isinstance(expr, ir.Index):
            stored = self.kernel.arrays[expr.array].type
        elif isinstance(expr, ir.Cast):
            stored = expr.to
        low, high = _RANGES.get(stored, (None, None))
        return atom(self.number(Ranged(len(self.atoms), low, high)))

    # ---- what happens on the way ----

    def define(self, statement: ir.Let) -> None:
        """A local is assigned; one with a single assignment keeps that value for as long as it can be used."""
        if self.counts[statement.name] != 1 or statement.value.type != "i64":
            return
        value = self.poly(statement.value)
        stays = all(map(self._stays, atoms(value)))
        if stays and is_atom(value):
            self.bindings[statement.name] = value
        else:
            known = _frozen(value) if stays else None
            self.bindings[statement.name] = atom(self.number(Local(statement.name, len(self.atoms), known)))

    def _stays(self, number: int) -> bool:
        """Whether an atom is the same for as long as a local that is assigned once can be used."""
        kind = self.atoms[number]
        if isinstance(kind, Local):
            return self.counts.get(kind.name) == 1
        inner = [] if not isinstance(kind, (Quotient, Extreme)) else [kind.left]
        inner += [kind.right] if isinstance(kind, Extreme) else []
        return all(self._stays(other) for terms in inner for other in atoms(dict(terms)))

    def forget(self, names: frozenset[str]) -> None:
        """Locals have been assigned: facts about those that are assigned more than once no longer hold."""
        changed = {name for name in names if self.counts[name] != 1}
        self.facts = tuple(fact for fact in self.facts if not fact.names & changed)

    def enter_loop(self, statement: ir.For) -> None:
        """Inside a loop its variable has bounds, unless something else assigns it."""
        self.bindings.pop(statement.var, None)
        step = statement.step.value if isinstance(statement.step, ir.Literal) else 0
        inside = _assigned_inside(statement)
        if not step or statement.var in inside:
            return
        start, stop = self.poly(statement.start), self.poly(statement.stop)
        if any(self._names(poly) & inside for poly in (start, stop)):
            return
        low, high = (start, self.minus_one(stop)) if step > 0 else (add(stop, constant(1)), start)
        number = self.number(Loop(len(self.atoms), _frozen(low), _frozen(high)))
        if step > 0 and is_atom(low) and is_natural(low, self.naturals):
            self.naturals.add(number)
        self.bindings[statement.var] = atom(number)

    def leave_loop(self, statement: ir.For) -> None:
        """After a loop nothing is known of its variable."""
        self.bindings.pop(statement.var, None)

    def _names(self, poly: Poly) -> set[str]:
        """The locals that a polynomial is about."""
        found: set[str] = set()
        for number in atoms(poly):
            kind = self.atoms[number]
            if isinstance(kind, Local):
                found.add(kind.name)
            elif isinstance(kind, Quotient):
                found |= self._names(dict(kind.left))
            elif isinstance(kind, Extreme):
                found |= self._names(dict(kind.left)) | self._names(dict(kind.right))
        return found

    # ---- facts ----

    def facts_of(self, condition: ir.Expr, *, truth: bool) -> Iterator[Fact]:
        """What follows from a condition being true, or false."""
        match condition:
            case ir.UnaryOp(op="not", operand=operand):
                yield from self.facts_of(operand, truth=not truth)
            case ir.BinaryOp(op="and" | "or" as op):
                if (op == "and") == truth:
                    yield from self.facts_of(condition.left, truth=truth)
                    yield from self.facts_of(condition.right, truth=truth)
            case ir.BinaryOp(op=op) if op in _NEGATED and condition.left.type == condition.right.type == "i64":
                yield from self._compared(op if truth else _NEGATED[op], condition)

    def _compared(self, op: str, condition: ir.BinaryOp) -> Iterator[Fact]:
        left, right = self.poly(condition.left), self.poly(condition.right)
        operands = tuple(_frozen(side) for side in (left, right) if not is_atom(side))
        names = frozenset(self._names(left) | self._names(right))
        for each in ("le", "ge") if op == "eq" else (op,):
            if each in _COMPARED:
                sign, less = _COMPARED[each]
                difference = _frozen(add(add(add({}, right, sign), left, -sign), constant(-less)))
                if difference != self.guard:
                    yield Fact(difference, operands, names)

    # ---- bounds ----

    def bound(self, poly: Poly, *, upper: bool, uses_facts: bool, depth: int = 0) -> Bound | None:
        """A uniform polynomial that is not exceeded (upper) or not gone below, and what that needs; or None."""
        needs: Needs = ()
        for _ in range(100):
            poly, more = self._rejoined(poly, depth + 1)
            needs += more
            varying = [number for number in atoms(poly) if not isinstance(self.atoms[number], Uniform)]
            if not varying:
                return poly, needs
            parts = split(poly, max(varying))
            if parts is None or depth > MAX_DEPTH:
                return None
            factor, rest = parts
            sign, more = self._sign(factor)
            if sign == 0:
                return None
            found = self._atom_bound(max(varying), upper=upper == (sign > 0), uses_facts=uses_facts, depth=depth + 1)
            product = None if found is None else multiply(factor, found[0])
            if found is None or product is None:
                return None
            poly = add(rest, product)
            needs += (*more, *found[1])
        return None

    def _sign(self, factor: Poly) -> tuple[int, Needs]:
        """1 or -1, and what that needs; 0 where the sign is not known."""
        if is_natural(factor, self.naturals):
            return 1, ()
        if is_natural(add({}, factor, -1), self.naturals):
            return -1, ()
        if self.is_uniform(factor):
            return 1, ((ir.Literal(0, type="i64"), self.expr(factor)),)
        return 0, ()

    def _rejoined(self, poly: Poly, depth: int) -> Bound:
        """a * (x // n) * n + a * (x % n) as a * x, which needs n >= 1 and an x that has not wrapped."""
        for number in sorted(atoms(poly)):
            kind = self.atoms[number]
            joined = self._joined(poly, number, kind) if isinstance(kind, Quotient) and kind.op == "mod" else None
            exact = self._exact(dict(kind.left), depth) if isinstance(kind, Quotient) and joined is not None else None
            if joined is not None and exact is not None and isinstance(kind, Quotient):
                rest, needs = self._rejoined(joined, depth)
                return rest, (*exact, (ir.Literal(1, type="i64"), kind.right), *needs)
        return poly, ()

    def _joined(self, poly: Poly, number: int, kind: Quotient) -> Poly | None:
        """The polynomial without this remainder and its quotient, if they fit together."""
        other = self.numbers.get(Quotient("floor_div", kind.left, kind.right))
        mine = split(poly, number)
        theirs = None if other is None else split(poly, other)
        if other is None or mine is None or theirs is None:
            return None
        whole = multiply(mine[0], self.poly(kind.right))
        joined = multiply(mine[0], dict(kind.left))
        if whole is None or joined is None or whole != theirs[0]:
            return None
        quotient = multiply(whole, atom(other))
        return None if quotient is None else add(add(mine[1], quotient, -1), joined)

    def _atom_bound(self, number: int, *, upper: bool, uses_facts: bool, depth: int) -> Bound | None:
        if uses_facts:
            found = self._from_facts(number, upper=upper, depth=depth)
            if found is not None:
                return found
        kind = self.atoms[number]
        match kind:
            case Item():
                return (self.minus_one(self.uniform(END)) if upper else self.uniform(FIRST)), ()
            case Loop():
                bound = dict(kind.high if upper else kind.low)
                return self._with(bound, [dict(kind.low), dict(kind.high)], depth)
            case Local(value=value):
                return None if value is None else (dict(value), ())
            case Ranged(low=low, high=high):
                limit = high if upper else low
                too_wide = limit is None or (abs(limit) > WIDEST and not self.only_exact)
                return None if too_wide else (constant(int(limit or 0)), ())
            case Quotient():
                return self._quotient_bound(kind, upper=upper, uses_facts=uses_facts, depth=depth)
            case Extreme():
                return self._extreme_bound(kind, upper=upper, uses_facts=uses_facts, depth=depth)
        return None

    def _from_facts(self, number: int, *, upper: bool, depth: int) -> Bound | None:
        """The bound of an atom that the last fact about it gives, in terms of earlier atoms."""
        for fact in reversed(self.facts):
            parts = split(fact.poly, number)
            if parts is None or parts[0] != constant(-1 if upper else 1):
                continue
            rest = parts[1]
            if any(other > number and not isinstance(self.atoms[other], Uniform) for other in atoms(rest)):
                continue
            bound = self._with(rest if upper else add({}, rest, -1), [dict(terms) for terms in fact.operands], depth)
            if bound is not None:
                return bound
        return None

    def _with(self, bound: Poly, operands: list[Poly], depth: int) -> Bound | None:
        """A bound, if the operands that it rests on cannot have wrapped."""
        needs: Needs = ()
        for operand in operands:
            more = self._exact(operand, depth)
            if more is None:
                return None
            needs += more
        return bound, needs

    def _exact(self, operand: Poly, depth: int) -> Needs | None:
        """What it takes for a polynomial to be what the machine computes, or None where that is not known."""
        if is_atom(operand):
            return ()
        needs: Needs = ()
        before, self.only_exact = self.only_exact, True
        bounds = [self.bound(operand, upper=upper, uses_facts=False, depth=depth + 1) for upper in (False, True)]
        self.only_exact = before
        for found in bounds:
            if found is None:
                return None
            needs += (*found[1], *(() if self._fits(found[0]) else ((self.expr(found[0]), None),)))
        return needs

    def _fits(self, poly: Poly) -> bool:
        """Whether a uniform polynomial surely fits in 64 bits."""
        if is_atom(poly):
            return True
        size = 0
        for monomial, coefficient in poly.items():
            term = abs(coefficient)
            for number in monomial:
                term *= self._magnitude(self.atoms[number])
            size += term
        return size < 2**63

    def _magnitude(self, kind: Atom) -> int:
        """No value of a uniform atom is further from 0."""
        if isinstance(kind, Uniform) and isinstance(kind.expr, ir.Var):
            low, high = _RANGES.get(self.kernel.scalars[kind.expr.name].type, (None, None))
            return 2**63 if low is None or high is None else max(-low, high)
        is_length = isinstance(kind, Uniform) and isinstance(kind.expr, ir.Call) and kind.expr.function == "len"
        return 2**62 if is_length else 2**63  # elements are bytes at least, and memory has 2^62 at most

    def _quotient_bound(self, kind: Quotient, *, upper: bool, uses_facts: bool, depth: int) -> Bound | None:
        left = dict(kind.left)
        exact = self._exact(left, depth)
        if exact is None:
            return None
        needs: Needs = exact
        divisor = self.poly(kind.right)
        if not (is_constant(divisor) and divisor.get((), 0) >= 1):
            needs += ((ir.Literal(1, type="i64"), kind.right),)
        if kind.op == "mod":
            return (self.minus_one(divisor) if upper else {}), needs
        found = self.bound(left, upper=upper, uses_facts=uses_facts, depth=depth + 1)
        if found is None:
            return None
        value = ir.BinaryOp("floor_div", self.expr(found[0]), kind.right, type="i64")
        result = self.uniform(value)
        if is_natural(found[0], self.naturals):
            self.naturals |= atoms(result)
        return result, (*needs, *found[1])

    def _extreme_bound(self, kind: Extreme, *, upper: bool, uses_facts: bool, depth: int) -> Bound | None:
        needs: Needs = ()
        bounds: list[Bound] = []
        before = self.facts
        for side, facts in zip((dict(kind.left), dict(kind.right)), kind.facts, strict=True):
            exact = self._exact(side, depth)
            if exact is None:
                return None
            needs += exact
            self.facts = (*before, *facts)
            found = self.bound(side, upper=upper, uses_facts=uses_facts, depth=depth + 1)
            self.facts = before
            bounds += [] if found is None else [found]
        if kind.op == ("min" if upper else "max") and len(bounds) == 1:
            return bounds[0][0], (*needs, *bounds[0][1])  # the smaller one is below the bound of either
        if len(bounds) < 2:
            return None
        op = kind.op if kind.op != "either" else ("max" if upper else "min")
        value = ir.Call(op, tuple(self.expr(bound[0]) for bound in bounds), type="i64")
        return self.uniform(value), (*needs, *bounds[0][1], *bounds[1][1])

    # ---- back to expressions ----

    def expr(self, poly: Poly) -> ir.Expr:
        """A uniform polynomial as an expression."""
        result: ir.Expr | None = None
        for monomial, coefficient in sorted(poly.items(), reverse=True):
            term = self._term(monomial, abs(coefficient))
            if result is None:
                result = term if coefficient > 0 else ir.BinaryOp("sub", ir.Literal(0, type="i64"), term, type="i64")
            else:
                result = ir.BinaryOp("add" if coefficient > 0 else "sub", result, term, type="i64")
        return ir.Literal(0, type="i64") if result is None else result

    def _term(self, monomial: tuple[int, ...], coefficient: int) -> ir.Expr:
        factors: list[ir.Expr] = [ir.Literal(coefficient, type="i64")] if coefficient != 1 or not monomial else []
        for number in monomial:
            kind = self.atoms[number]
            assert isinstance(kind, Uniform)  # nothing else is left in a bound
            factors.append(kind.expr)
        result = factors[0]
        for factor in factors[1:]:
            result = ir.BinaryOp("mul", result, factor, type="i64")
        return result

    def is_always(self, left: Poly, right: Poly) -> bool:
        """Whether left <= right, whatever the call is."""
        return is_natural(add(right, left, -1), self.naturals)

    def is_never(self, left: Poly, right: Poly) -> bool:
        """Whether left > right, whatever the call is."""
        return is_natural(add(add(left, right, -1), constant(-1)), self.naturals)

    def size_of(self, array: str, axis: int) -> Poly:
        """The number of indices that an axis of an array has."""
        param = self.kernel.arrays[array]
        args = (ir.Literal(axis, type="i64"),) if axis else ()
        if not param.shape:
            return self.uniform(ir.Call("len", (), array, type="i64"))
        size = param.shape[axis]
        if isinstance(size, int):
            return constant(size)
        if size in self.kernel.scalars:
            return self.uniform(ir.Var(size, type="i64"))
        return self.uniform(ir.Call("len", args, array, type="i64"))


def _assignments(kernel: ir.Kernel) -> dict[str, int]:
    """How often each local is assigned in the text; being a loop's variable counts twice."""
    counts: dict[str, int] = {}
    for statement in ir.statements(kernel.body):
        match statement:
            case ir.Let(name=name) | ir.Assign(target=ir.Var(name=name)):
                counts[name] = counts.get(name, 0) + 1
            case ir.For(var=name):
                counts[name] = counts.get(name, 0) + 2
    return counts


def _assigned_inside(loop: ir.For) -> set[str]:
    """The locals that the body of a loop assigns."""
    names = set()
    for statement in ir.statements(loop.body):
        match statement:
            case ir.Let(name=name) | ir.Assign(target=ir.Var(name=name)):
                names.add(name)
            case ir.For(var=name):
                names.add(name)
    return names
