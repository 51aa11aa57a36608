"""parallel_map_unary, parallel_map_binary and parallel_reduce as the statements that they stand for.

In goes the call; what comes out are the guard, the loop and the stores that one would write by hand.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import functions, inline, ir

if TYPE_CHECKING:
    from .statements import BodyParser

OPERATORS = ("add", "sub", "mul", "div", "pow", "min", "max")
REDUCTIONS = ("add", "mul", "min", "max")
_ORDER = {
    "parallel_map_unary": ("x", "out", "operation", "n"),
    "parallel_map_binary": ("a", "b", "out", "operation", "n"),
    "parallel_reduce": ("x", "out", "operation", "n"),
}


def expand(parser: BodyParser, node: ast.Call, name: str) -> None:
    """Emit the statements of a call."""
    order = _ORDER[name]
    if node.keywords or len(node.args) != len(order):
        parser.fail(f"{name}() takes {', '.join(order)}", node)
    *arrays, operation, n = node.args
    names = [parser.array(array, f"{name}()") for array in arrays]
    for array in names:
        if len(parser.params[array].shape) > 1:
            parser.fail(f"{name}() takes flat arrays, {array!r} has a shape", node, "leave its shape out")
    parser.has_effects = True
    if name == "parallel_reduce":
        _reduce(parser, node, names, operation, parser.expression(n))
    else:
        _map(parser, node, names, operation, parser.expression(n))


def _map(parser: BodyParser, node: ast.Call, names: list[str], operation: ast.expr, n: ir.Expr) -> None:
    span = parser.span(node)
    item = parser.fresh("item")
    parser.assign_local(item, ir.Call("get_global_id", (), span=span), node)
    index = ir.Var(item, span=span)
    outer, parser.out = parser.out, []
    values: list[ir.Expr] = [ir.Index(array, (index,), span=span) for array in names[:-1]]
    value = _apply(parser, operation, values)
    parser.emit(ir.Assign(ir.Index(names[-1], (index,), span=span), value, span=span))
    inner, parser.out = parser.out, outer
    parser.emit(ir.If(ir.BinaryOp("lt", index, n, span=span), tuple(inner), span=span))


def _apply(parser: BodyParser, operation: ast.expr, values: list[ir.Expr]) -> ir.Expr:
    """The operation on the elements: a function of the language or of the file, or an operator."""
    span = parser.span(operation)
    name = _operation(parser, operation)
    helper = parser.module.functions.get(name)
    if helper is not None and name in parser.module.inline:
        return inline.expand_values(parser, operation, helper, values)
    if len(values) == 1 and name == "neg":
        return ir.UnaryOp("neg", values[0], span=span)
    if len(values) == 1 and name == "reciprocal":
        return ir.BinaryOp("div", ir.Literal(1.0, span=span), values[0], span=span)
    function = functions.FUNCTIONS.get(name)
    if function is not None and function.arity in (len(values), None if len(values) == 2 else len(values)):
        return ir.Call(name, tuple(values), span=span)
    if len(values) == 2 and name in OPERATORS:
        return ir.BinaryOp(name, values[0], values[1], span=span)
    unary = sorted({"neg", "reciprocal", *(name for name, known in functions.FUNCTIONS.items() if known.arity == 1)})
    known = unary if len(values) == 1 else sorted({*OPERATORS, "atan2", "fmin", "fmax"})
    parser.fail(f"unknown operation {name!r}", operation, f"there are {', '.join(known)}, and @inline functions")


def _operation(parser: BodyParser, node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str() as name) | ast.Name(id=name):
            return name
    parser.fail("the operation must be a name", node, 'write "sqrt", or the name of an @inline function')


def _reduce(parser: BodyParser, node: ast.Call, names: list[str], operation: ast.expr, n: ir.Expr) -> None:
    """if get_global_id() == 0: total = ...; for i in range(n): ...; out[0] = total."""
    span = parser.span(node)
    op = _operation(parser, operation)
    if op not in REDUCTIONS:
        parser.fail(f"unknown reduction {op!r}", operation, f"there are {', '.join(REDUCTIONS)}")
    source, target = names
    total, i = parser.fresh("total"), parser.fresh("i")
    zero, one = ir.Literal(0, span=span), ir.Literal(1, span=span)
    folds = op in ("add", "mul")
    stored = parser.params[source].type
    if folds:
        first: ir.Expr = ir.Call(stored, (zero if op == "add" else one,), span=span)
    else:
        first = ir.Index(source, (zero,), span=span)
    element = ir.Index(source, (ir.Var(i, span=span),), span=span)
    held = ir.Var(total, span=span)
    step = ir.BinaryOp(op, held, element, span=span) if folds else ir.Call(op, (held, element), span=span)
    loop = ir.For(i, zero if folds else one, n, one, (ir.Assign(held, step, span=span),), span=span)
    store = ir.Assign(ir.Index(target, (zero,), span=span), held, span=span)
    parser.declared |= {total, i}
    guard = ir.BinaryOp("eq", ir.Call("get_global_id", (), span=span), zero, span=span)
    parser.emit(ir.If(guard, (ir.Let(total, first, span=span), loop, store), span=span))
