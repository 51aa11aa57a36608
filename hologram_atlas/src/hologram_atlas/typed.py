"""Types of expressions: what an untyped ir.Expr is computed in, and the same expression typed.

A type is one of the five compute types or WEAK: a float that gives way to what it meets, as
literals do. `Typer.kind` finds the type, `Typer.build` makes the tree with every conversion a Cast.
Refused with CompileError: operands that an operator does not take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, TypeAlias

import numpy as np

from . import functions, ir
from .errors import CompileError

WEAK = "weak"
Kind: TypeAlias = str  # a compute type or WEAK

ARITHMETIC = frozenset({"add", "sub", "mul", "div", "floor_div", "mod"})
COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
LOGIC = frozenset({"and", "or"})
BITS = frozenset({"bit_and", "bit_or", "bit_xor"})
SHIFTS = frozenset({"shl", "shr"})
BINARY = ARITHMETIC | COMPARISONS | LOGIC | BITS | SHIFTS
_RANK = {"bool": 0, "i64": 1, "u64": 2, WEAK: 3, "f32": 4, "f64": 5}
FLOATS = frozenset({WEAK, "f32", "f64"})


def common(*kinds: Kind) -> Kind:
    """The type that operands of an arithmetic operator are computed in."""
    highest = max(kinds, key=lambda kind: _RANK[kind])
    return "i64" if highest == "bool" else highest


def settled(kind: Kind) -> ir.ComputeType:
    """The compute type of a value that meets nothing else."""
    return "f64" if kind == WEAK else kind  # type: ignore[return-value]


class Typer:
    """Types the expressions of one kernel, for given types of its locals."""

    def __init__(self, kernel: ir.Kernel, local_kinds: Mapping[str, Kind]) -> None:
        self.kernel = kernel
        self.arrays = kernel.arrays
        self.scalars = {name: ir.scalar_compute_type(param) for name, param in kernel.scalars.items()}
        self.locals = local_kinds

    def fail(self, message: str, node: object, advice: str = "") -> NoReturn:
        """Raise a CompileError at a node."""
        span = getattr(node, "span", None)
        raise CompileError(message, file=self.kernel.file, source=self.kernel.source, span=span, advice=advice)

    # ---- what type ----

    def kind(self, expr: ir.Expr) -> Kind:
        """The type of an expression. Raises CompileError where it has none."""
        match expr:
            case ir.Literal(value=value):
                return _literal_kind(value)
            case ir.Var(name=name):
                return self._variable(expr, name)
            case ir.BinaryOp():
                return self._binary(expr)
            case ir.UnaryOp():
                return self._unary(expr)
            case ir.IfExpr():
                return self._choice(expr)
            case ir.Index(array=array):
                return self._element(expr, array, expr.indices)
            case ir.Call():
                return self._call(expr)
            case ir.Cast(to=to):
                return ir.COMPUTED[to]

    def _variable(self, expr: ir.Expr, name: str) -> Kind:
        if name in self.scalars:
            return self.scalars[name]
        if name in self.locals:
            return self.locals[name]
        if name in self.arrays:
            self.fail(f"array {name!r} is no number", expr, f"write {name}[i] for an element, or len({name})")
        self.fail(f"{name!r} is used before it is assigned", expr, "give it a value first")

    def _element(self, expr: ir.Index | ir.Call, array: str, indices: tuple[ir.Expr, ...]) -> Kind:
        param = self.arrays.get(array)
        if param is None:
            self.fail(f"{array!r} is no array", expr, f"arrays here: {', '.join(self.arrays)}")
        expected = max(len(param.shape), 1)
        if len(indices) != expected:
            self.fail(f"array {array!r} is indexed by {expected} numbers, got {len(indices)}", expr)
        for index in indices:
            found = self.kind(index)
            if found not in ("i64", "u64"):
                advice = "write i64(...) if that is meant" if found != "bool" else "write 1 if ... else 0"
                self.fail(f"an index of {array!r} must be an integer, got {settled(found)}", index, advice)
        return ir.COMPUTED[param.type]

    def _binary(self, expr: ir.BinaryOp) -> Kind:
        left, right = self.kind(expr.left), self.kind(expr.right)
        if expr.op in COMPARISONS:
            return "bool"
        if expr.op in LOGIC:
            for kind, operand in ((left, expr.left), (right, expr.right)):
                if kind != "bool":
                    advice = "write x != 0 for a number, or a if c else b to choose a value"
                    self.fail(f"{expr.op} takes conditions, got {settled(kind)}", operand, advice)
            return "bool"
        if expr.op in BITS or expr.op in SHIFTS:
            return self._bits(expr, left, right)
        if expr.op not in ARITHMETIC:
            self.fail(f"unknown operator {expr.op!r}", expr, f"there are {', '.join(sorted(BINARY))}")
        result = common(left, right)
        return WEAK if expr.op == "div" and result not in FLOATS else result

    def _bits(self, expr: ir.BinaryOp, left: Kind, right: Kind) -> Kind:
        if expr.op in BITS and left == right == "bool":
            return "bool"
        for kind, operand in ((left, expr.left), (right, expr.right)):
            if kind in FLOATS:
                symbol = ir.SYMBOLS[expr.op]
                self.fail(f"{symbol} takes integers, got {settled(kind)}", operand, "write i64(...) if that is meant")
        return common(left) if expr.op in SHIFTS else common(left, right)

    def _unary(self, expr: ir.UnaryOp) -> Kind:
        kind = self.kind(expr.operand)
        if expr.op == "not":
            return "bool"
        if expr.op == "inv" and kind in FLOATS:
            self.fail(f"~ takes integers, got {settled(kind)}", expr.operand, "write i64(...) if that is meant")
        if expr.op == "inv" and kind == "bool":
            self.fail("~ takes integers, got bool", expr.operand, "write not")
        if expr.op not in ("neg", "pos", "inv"):
            self.fail(f"unknown operator {expr.op!r}", expr, "there are neg, pos, not, inv")
        return common(kind)

    def _choice(self, expr: ir.IfExpr) -> Kind:
        self.kind(expr.condition)
        then, orelse = self.kind(expr.then), self.kind(expr.orelse)
        return then if then == orelse else common(then, orelse)

    def _call(self, expr: ir.Call) -> Kind:
        name, array = expr.function, expr.array
        if name == "len":
            if array not in self.arrays:
                self.fail(f"{array!r} is no array", expr, f"arrays here: {', '.join(self.arrays)}")
            return "i64"
        if name == "get_global_id":
            return "i64"
        kinds = [self.kind(argument) for argument in expr.args]
        if name in functions.ATOMICS:
            return self._atomic(expr)
        if name in ir.COMPUTED:
            return ir.COMPUTED[name]
        function = functions.FUNCTIONS.get(name)
        if function is None:
            self.fail(f"unknown function {name!r}", expr, f"there are {', '.join(sorted(functions.FUNCTIONS))}")
        if len(kinds) != (2 if function.arity is None else function.arity):
            self.fail(f"{name}() takes {function.arity or 2} arguments, got {len(kinds)}", expr)
        if name in functions.PREDICATES:
            return "bool"
        kind = common(*kinds)
        if kind in FLOATS:
            return kind
        if not function.keeps_integers or (name == "pow" and _is_negative(expr.args[1])):
            return WEAK
        return kind

    def _atomic(self, expr: ir.Call) -> Kind:
        if len(expr.args) != 2 or expr.array is None:
            self.fail(f"{expr.function}() takes an array, an index and a value", expr)
        kind = self._element(expr, expr.array, expr.args[:1])
        if kind == "bool":
            self.fail(f"{expr.function}() takes an array of numbers, {expr.array!r} is of bool", expr)
        return kind

    # ---- the typed tree ----

    def value(self, expr: ir.Expr) -> ir.Expr:
        """The expression in its own type."""
        return self.build(expr, settled(self.kind(expr)))

    def condition(self, expr: ir.Expr) -> ir.Expr:
        """The expression as a condition: a number is one where it is not zero."""
        match expr:
            case ir.BinaryOp(op="and" | "or"):
                left, right = self.condition(expr.left), self.condition(expr.right)
                return ir.BinaryOp(expr.op, left, right, type="bool", span=expr.span)
            case ir.UnaryOp(op="not"):
                return ir.UnaryOp("not", self.condition(expr.operand), type="bool", span=expr.span)
        value = self.value(expr)
        if value.type == "bool":
            return value
        zero = ir.Literal(0.0 if value.type in FLOATS else 0, type=value.type, span=expr.span)
        return ir.BinaryOp("ne", value, zero, type="bool", span=expr.span)

    def build(self, expr: ir.Expr, target: ir.ComputeType) -> ir.Expr:
        """The expression, typed, and converted to the target where its own type is another."""
        if isinstance(expr, ir.Literal):
            return _literal(expr, target)
        kind = self.kind(expr)
        if kind == WEAK and target in FLOATS and _gives_way(expr):
            return self._make(expr, target)
        made = self._make(expr, settled(kind))
        return made if made.type == target else ir.Cast(target, made, explicit=False, type=target, span=expr.span)

    def _make(self, expr: ir.Expr, own: ir.ComputeType) -> ir.Expr:
        """The expression computed in its own type."""
        span = expr.span
        match expr:
            case ir.Var(name=name):
                return ir.Var(name, type=own, span=span)
            case ir.BinaryOp():
                return self._make_binary(expr, own)
            case ir.UnaryOp(op="not"):
                return ir.UnaryOp("not", self.condition(expr.operand), type="bool", span=span)
            case ir.UnaryOp():
                return ir.UnaryOp(expr.op, self.build(expr.operand, own), type=own, span=span)
            case ir.IfExpr():
                then, orelse = self.build(expr.then, own), self.build(expr.orelse, own)
                return ir.IfExpr(self.condition(expr.condition), then, orelse, type=own, span=span)
            case ir.Index():
                indices = tuple(self.build(index, "i64") for index in expr.indices)
                return ir.Index(expr.array, indices, type=own, span=span)
            case ir.Call():
                return self._make_call(expr, own)
        raise AssertionError(f"{expr} has no untyped form")

    def _make_binary(self, expr: ir.BinaryOp, own: ir.ComputeType) -> ir.Expr:
        left, right = expr.left, expr.right
        if expr.op in COMPARISONS:
            kinds = self.kind(left), self.kind(right)
            if set(kinds) == {"i64", "u64"} and not isinstance(left, ir.Literal) and not isinstance(right, ir.Literal):
                first, second = self.value(left), self.value(right)
            else:
                shared = settled(common(*kinds))
                first, second = self._compared(left, shared), self._compared(right, shared)
        elif expr.op in SHIFTS:
            first, second = self.build(left, own), self.value(right)
            if second.type == "bool":
                second = self.build(right, "i64")
        else:
            first, second = self.build(left, own), self.build(right, own)
        return ir.BinaryOp(expr.op, first, second, type=own, span=expr.span)

    def _compared(self, operand: ir.Expr, shared: ir.ComputeType) -> ir.Expr:
        """An operand of a comparison; a literal that its type does not have stays what it is."""
        if isinstance(operand, ir.Literal) and shared == "u64" and operand.value < 0:
            return _literal(operand, "i64")
        return self.build(operand, shared)

    def _make_call(self, expr: ir.Call, own: ir.ComputeType) -> ir.Expr:
        name, span = expr.function, expr.span
        if name in ("len", "get_global_id"):
            args = tuple(self.build(argument, "i64") for argument in expr.args)
            return ir.Call(name, args, expr.array, type="i64", span=span)
        if name in functions.ATOMICS:
            index, value = expr.args
            return ir.Call(
                name, (self.build(index, "i64"), self.stored(expr.array, value)), expr.array, type=own, span=span
            )
        if name in ir.COMPUTED:
            return self._cast(expr, name, own)
        if name in functions.PREDICATES:
            return ir.Call(name, (self.build(expr.args[0], self._float(expr.args[0])),), type="bool", span=span)
        args = tuple(self.build(argument, own) for argument in expr.args)
        if name in ("round", "floor", "ceil") and own not in FLOATS:
            return args[0]
        return ir.Call(name, args, type=own, span=span)

    def _float(self, expr: ir.Expr) -> ir.ComputeType:
        kind = self.kind(expr)
        return settled(kind) if kind in FLOATS else "f64"

    def _cast(self, expr: ir.Call, to: str, own: ir.ComputeType) -> ir.Expr:
        """T(x); a literal takes its type at once."""
        operand = expr.args[0]
        gives_way = self.kind(operand) == WEAK and own in FLOATS
        if isinstance(operand, ir.Literal) and to == own and own in FLOATS:
            return _literal(operand, own)
        value = self.build(operand, own) if gives_way else self.value(operand)
        return ir.Cast(to, value, type=own, span=expr.span)

    def stored(self, array: str | None, value: ir.Expr) -> ir.Expr:
        """A value on its way into an array: in the type that its elements are computed in."""
        param = self.arrays[array or ""]
        own = ir.COMPUTED[param.type]
        kind = self.kind(value)
        if kind in FLOATS and own not in FLOATS:  # at once to the stored type, since it saturates there
            return ir.Cast(param.type, self.value(value), explicit=False, type=own, span=value.span)
        return self.build(value, own)


def _literal_kind(value: bool | int | float) -> Kind:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "i64" if value < 2**63 else "u64"
    return WEAK


def _literal(expr: ir.Literal, target: ir.ComputeType) -> ir.Expr:
    """A literal in a type: rounded to f32, modulo 2^64."""
    value = expr.value
    if target == "f32":
        with np.errstate(over="ignore"):
            return ir.Literal(float(np.float32(value)), type=target, span=expr.span)
    if target == "f64":
        return ir.Literal(float(value), type=target, span=expr.span)
    if isinstance(value, float):
        own = ir.Literal(value, type="f64", span=expr.span)
        return ir.Cast(target, own, explicit=False, type=target, span=expr.span)
    if target == "bool":
        return ir.Literal(bool(value), type=target, span=expr.span)
    wrapped = int(value) % 2**64
    return ir.Literal(wrapped if target == "u64" or wrapped < 2**63 else wrapped - 2**64, type=target, span=expr.span)


def _gives_way(expr: ir.Expr) -> bool:
    """Whether an expression of kind WEAK is made of literals alone, and so can be computed in any float type."""
    match expr:
        case ir.Literal():
            return True
        case ir.IfExpr(then=then, orelse=orelse):
            return _gives_way(then) and _gives_way(orelse)
        case ir.BinaryOp() | ir.UnaryOp():
            return all(map(_gives_way, ir.children(expr)))
        case ir.Call(function=function):
            return function in functions.FUNCTIONS and all(map(_gives_way, expr.args))
    return False


def _is_negative(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Literal) and expr.value < 0
