"""Python expressions to IR expressions.

In goes an ast node and the names in sight; out comes an untyped ir.Expr. Refused with CompileError:
every expression that the language does not have, by name, with what to write instead.
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from . import functions, ir

if TYPE_CHECKING:
    from .parse import Module

BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floor_div",
    ast.Mod: "mod",
    ast.BitAnd: "bit_and",
    ast.BitOr: "bit_or",
    ast.BitXor: "bit_xor",
    ast.LShift: "shl",
    ast.RShift: "shr",
}
COMPARE = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}
UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Not: "not", ast.Invert: "inv"}

_ADVICE: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lambda: ("lambda", "write a function with @inline above the kernel"),
    ast.JoinedStr: ("an f-string", "a kernel has numbers only"),
    ast.List: ("a list", "use an array parameter, or variables"),
    ast.Tuple: ("a tuple", "a tuple may only be assigned to names: a, b = b, a"),
    ast.Dict: ("a dict", "use an array parameter"),
    ast.Set: ("a set", "use an array parameter"),
    ast.ListComp: ("a comprehension", "write a for loop"),
    ast.SetComp: ("a comprehension", "write a for loop"),
    ast.DictComp: ("a comprehension", "write a for loop"),
    ast.GeneratorExp: ("a generator expression", "write a for loop"),
    ast.NamedExpr: ("an assignment inside an expression", "assign in a statement before"),
    ast.Await: ("await", "kernels do not wait"),
    ast.Yield: ("yield", "store results in an array"),
    ast.YieldFrom: ("yield", "store results in an array"),
    ast.Slice: ("a slice", "index one element at a time, in a loop"),
    ast.Starred: ("*", "write the values one by one"),
}
#: functions of Python that a kernel does without
_INSTEAD = {
    "print": "a kernel cannot print; store values in an array",
    "sum": "write a loop, or parallel_reduce",
    "enumerate": "write for i in range(n)",
    "zip": "write for i in range(n)",
}


@dataclass
class Scope:
    """What names mean in a kernel, or in one expansion of a helper function."""

    locals: frozenset[str]  #: every name that is assigned somewhere in it
    values: dict[str, ir.Expr] = field(default_factory=dict)  #: names that stand for an expression
    arrays: dict[str, str] = field(default_factory=dict)  #: names that stand for an array parameter of the kernel
    renamed: dict[str, str] = field(default_factory=dict)  #: locals whose name in the IR is another


class ExpressionParser:
    """Translates expressions; what they need done first goes to the end of `self.out`."""

    def __init__(self, module: Module, params: dict[str, ir.Param]) -> None:
        self.module = module
        self.params = params
        self.scope = Scope(frozenset())
        self.out: list[ir.Stmt] = []
        self.may_hoist = True  # False in what may not be evaluated, or more than once
        self.has_effects = False  # whether the body has stored anything so far

    # ---- what statements.py and inline.py add ----

    def expand(self, node: ast.Call, function: ast.FunctionDef) -> ir.Expr:
        """Expand a call of an @inline function that has a value."""
        raise NotImplementedError

    # ---- errors ----

    def fail(self, message: str, node: ast.AST | None, advice: str = "") -> NoReturn:
        """Raise a CompileError at a node."""
        self.module.fail(message, node, advice)

    # ---- expressions ----

    def expression(self, node: ast.expr) -> ir.Expr:
        """The IR of any expression."""
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name():
                return self.name(node)
            case ast.BinOp():
                return self.binary(node)
            case ast.UnaryOp():
                return self.unary(node)
            case ast.BoolOp():
                return self.boolean(node)
            case ast.Compare():
                return self.comparison(node)
            case ast.IfExp():
                condition = self.expression(node.test)
                then, orelse = self.unsure(node.body), self.unsure(node.orelse)
                return ir.IfExpr(condition, then, orelse, span=self.span(node))
            case ast.Subscript():
                return self.index(node)
            case ast.Call():
                return self.call(node)
            case ast.Attribute():
                return self.attribute(node)
        what, advice = _ADVICE.get(type(node), (type(node).__name__, "see docs/language.md for what there is"))
        self.fail(f"{what} is not in the language", node, advice)

    def span(self, node: ast.AST) -> ir.Span | None:
        """Where a node is."""
        from .parse import span_of

        return span_of(node)

    def unsure(self, node: ast.expr) -> ir.Expr:
        """An expression that may not be evaluated."""
        before, self.may_hoist = self.may_hoist, False
        try:
            return self.expression(node)
        finally:
            self.may_hoist = before

    def constant(self, node: ast.Constant) -> ir.Expr:
        """A number as it is written."""
        value = node.value
        if not isinstance(value, (bool, int, float)):
            self.fail(f"{ast.unparse(node)} is not in the language", node, "a kernel has numbers only")
        return self.literal(value, node)

    def literal(self, value: bool | int | float, node: ast.AST) -> ir.Literal:
        """A number that fits."""
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            self.fail(f"{value} does not fit in 64 bits", node, "write it as a float, such as 1e30")
        return ir.Literal(value, span=self.span(node))

    def name(self, node: ast.Name) -> ir.Expr:
        """What a name stands for."""
        name, scope, span = node.id, self.scope, self.span(node)
        if name in scope.values:
            value = scope.values[name]
            return replace(value, span=span) if isinstance(value, ir.Var) else value
        if name in scope.arrays:
            self.fail(f"array {name!r} is no number", node, f"write {name}[i] for an element, or len({name})")
        if name in scope.locals:
            return ir.Var(scope.renamed.get(name, name), span=span)
        constant = self.module.constant(name)
        if constant is not None:
            return self.literal(constant, node)
        if name in self.module.functions or name in functions.FUNCTIONS:
            self.fail(f"function {name!r} is no number", node, f"call it: {name}(...)")
        self.fail(f"unknown name {name!r}", node, self.closest(name, [*scope.values, *scope.arrays, *scope.locals]))

    def closest(self, name: str, known: list[str]) -> str:
        """Advice for an unknown name."""
        found = difflib.get_close_matches(name, known, n=3)
        if found:
            return f"closest: {', '.join(found)}"
        return f"known here: {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""

    def attribute(self, node: ast.Attribute) -> ir.Expr:
        """math.pi and its like."""
        from .parse import MATH_CONSTANTS

        if isinstance(node.value, ast.Name) and node.value.id == "math":
            if node.attr in MATH_CONSTANTS:
                return self.literal(MATH_CONSTANTS[node.attr], node)
            self.fail(
                f"math.{node.attr} is not a number of the language", node, f"there are {', '.join(MATH_CONSTANTS)}"
            )
        self.fail(f"attribute {ast.unparse(node)} is not in the language", node, "numbers and arrays have none here")

    def binary(self, node: ast.BinOp) -> ir.Expr:
        """An operator with two operands."""
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(node.op, ast.Pow):
            return ir.Call("pow", (left, right), span=self.span(node))
        if isinstance(node.op, ast.MatMult):
            self.fail("@ is not in the language", node, "write the loops of the product")
        return ir.BinaryOp(BINARY[type(node.op)], left, right, span=self.span(node))

    def unary(self, node: ast.UnaryOp) -> ir.Expr:
        """An operator with one; a minus before a number belongs to the number."""
        operand = self.expression(node.operand)
        if isinstance(node.op, ast.USub) and isinstance(operand, ir.Literal) and not isinstance(operand.value, bool):
            return self.literal(-operand.value, node)
        return ir.UnaryOp(UNARY[type(node.op)], operand, span=self.span(node))

    def boolean(self, node: ast.BoolOp) -> ir.Expr:
        """and, or."""
        op = "and" if isinstance(node.op, ast.And) else "or"
        result = self.expression(node.values[0])
        for value in node.values[1:]:
            result = ir.BinaryOp(op, result, self.unsure(value), span=self.span(node))
        return result

    def comparison(self, node: ast.Compare) -> ir.Expr:
        """A chain; its middle terms have no effects, so writing them twice evaluates them once or twice to the same."""
        for op in node.ops:
            if type(op) not in COMPARE:
                word = {ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}[type(op)]
                self.fail(f"{word!r} is not in the language", node, "write == or != for numbers, a loop to search")
        terms = [self.expression(node.left), self.expression(node.comparators[0])]
        terms += [self.unsure(term) for term in node.comparators[1:]]
        span = self.span(node)
        result: ir.Expr | None = None
        for op, left, right in zip(node.ops, terms, terms[1:], strict=False):
            link = ir.BinaryOp(COMPARE[type(op)], left, right, span=span)
            result = link if result is None else ir.BinaryOp("and", result, link, span=span)
        assert result is not None  # a comparison has an operator
        return result

    # ---- arrays ----

    def array(self, node: ast.expr, where: str) -> str:
        """The array parameter that a name stands for."""
        if not isinstance(node, ast.Name):
            self.fail(f"{where}: expected the name of an array parameter", node)
        name = node.id
        if name not in self.scope.arrays:
            known = list(self.scope.arrays)
            kind = "a number" if name in self.scope.values or name in self.scope.locals else "unknown"
            self.fail(f"{where}: {name!r} is {kind}, expected an array", node, f"arrays here: {', '.join(known)}")
        return self.scope.arrays[name]

    def index(self, node: ast.Subscript) -> ir.Index:
        """An element of an array."""
        array = self.array(node.value, "indexing")
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        expected = max(len(self.params[array].shape), 1)
        if len(parts) != expected:
            size = "one number" if expected == 1 else f"{expected} numbers"
            advice = 'give it a shape: @kernel(shapes="(m,n)->(m,n)"), or write i * n + j' if expected == 1 else ""
            self.fail(f"array {array!r} is indexed by {size}, got {len(parts)}", node, advice)
        indices = tuple(self.from_end(array, axis, self.expression(part)) for axis, part in enumerate(parts))
        return ir.Index(array, indices, span=self.span(node))

    def from_end(self, array: str, axis: int, index: ir.Expr) -> ir.Expr:
        """A negative literal counts from the end."""
        if not isinstance(index, ir.Literal) or isinstance(index.value, bool) or not index.value < 0:
            return index
        args = (ir.Literal(axis),) if axis else ()
        size = ir.Call("len", args, array, span=index.span)
        return ir.BinaryOp("add", size, index, span=index.span)

    # ---- calls ----

    def call(self, node: ast.Call) -> ir.Expr:
        """A call of anything that has a value."""
        name = self.callee(node)
        if node.keywords:
            self.fail(f"{name}() takes no keyword arguments", node.keywords[0].value, "give them in order")
        starred = next((argument for argument in node.args if isinstance(argument, ast.Starred)), None)
        if starred is not None:
            self.fail("* is not in the language", starred, "write the values one by one")
        helper = self.module.functions.get(name)
        if helper is not None and name in self.module.inline:
            return self.expand(node, helper)
        if helper is not None:
            self.fail(f"{name}() is a kernel of its own", node, "mark it @inline if other kernels call it")
        if name in functions.ATOMICS or name in functions.ATOMICS_AT_0:
            self.fail(
                f"{name}() inside an expression", node, "let it stand alone, or assign it: old = " + ast.unparse(node)
            )
        if name in functions.PARALLEL:
            self.fail(f"{name}() has no value", node, "let it stand alone")
        return self.function(node, name)

    def callee(self, node: ast.Call) -> str:
        """The name of what is called."""
        match node.func:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=ast.Name(id="math" | "atlas_kernel"), attr=name):
                return name
        advice = f"write {node.func.attr}(...)" if isinstance(node.func, ast.Attribute) else ""
        self.fail(f"call of {ast.unparse(node.func)} is not in the language", node.func, advice)

    def function(self, node: ast.Call, name: str) -> ir.Expr:
        """A call of the language's own functions, or of a type."""
        from .parse import stored_type

        span = self.span(node)
        if name == "len":
            self.arity(node, name, 1)
            return ir.Call("len", (), self.array(node.args[0], "len()"), span=span)
        if name == "get_global_id":
            self.arity(node, name, 0)
            return ir.Call(name, (), span=span)
        stored = "bool" if name == "bool" else stored_type(name)
        if stored is not None:
            self.arity(node, name, 1)
            return ir.Call(stored, (self.expression(node.args[0]),), span=span)
        canonical, single = functions.C_NAMES.get(name, (name, False))
        known = functions.FUNCTIONS.get(canonical)
        if known is None:
            names = [*functions.FUNCTIONS, *functions.C_NAMES, *functions.ATOMICS, *self.module.inline, *ir.STORED]
            close = difflib.get_close_matches(name, names, n=3)
            advice = f"closest: {', '.join(close)}" if close else "define it in this file and mark it @inline"
            advice = _INSTEAD.get(name, advice)
            self.fail(f"unknown function {name!r}", node.func, advice)
        self.arity(node, name, known.arity)
        args = [self.expression(argument) for argument in node.args]
        if single:
            args = [ir.Call("f32", (argument,), span=span) for argument in args]
        result: ir.Expr = ir.Call(canonical, tuple(args[:2]) if known.arity is None else tuple(args), span=span)
        for more in args[2:] if known.arity is None else ():
            result = ir.Call(canonical, (result, more), span=span)
        return result

    def arity(self, node: ast.Call, name: str, expected: int | None) -> None:
        """Check the number of arguments."""
        found = len(node.args)
        if expected is None and found < 2:
            self.fail(f"{name}() takes two arguments or more, got {found}", node)
        if expected is not None and found != expected:
            plural = "argument" if expected == 1 else "arguments"
            self.fail(f"{name}() takes {expected or 'no'} {plural}, got {found}", node)
