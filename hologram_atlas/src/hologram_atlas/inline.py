"""Calls of @inline functions, expanded where they stand.

A function that is one `return` becomes its expression; any other becomes statements before the
one that calls it, its locals renamed. Refused with CompileError: recursion, `return` inside a
loop, a way through it without a value, stores in a function that has a value.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import ir
from .expressions import Scope

if TYPE_CHECKING:
    from .statements import BodyParser


def expand_value(parser: BodyParser, node: ast.Call, function: ast.FunctionDef) -> ir.Expr:
    """The value of a call."""
    scope = _bind(parser, node, function, list(node.args))
    return _expand(parser, node, function, scope)


def expand_values(parser: BodyParser, node: ast.expr, function: ast.FunctionDef, values: list[ir.Expr]) -> ir.Expr:
    """The value of a call whose arguments are IR already, of parallel_map."""
    return _expand(parser, node, function, _bind(parser, node, function, list(values)))


def expand_statement(parser: BodyParser, node: ast.Call, function: ast.FunctionDef) -> None:
    """A call that stands alone: the function has no value, and may store."""
    body = _without_docstring(function.body)
    if any(item.value is not None for item in _returns(body)):
        parser.fail(f"the value of {function.name}() is lost", node, "assign it to a name or an element")
    scope = _bind(parser, node, function, list(node.args))
    outer = _enter(parser, node, function, scope)
    _branch(parser, body, None, function)
    _leave(parser, outer)


# ---- the scope of one expansion ------------------------------------------------------------------


def _bind(parser: BodyParser, node: ast.expr, function: ast.FunctionDef, args: Sequence[ast.expr | ir.Expr]) -> Scope:
    """What the names in the function mean for these arguments."""
    from .parse import _arguments, annotation
    from .statements import assigned_names

    if isinstance(node, ast.Call) and node.keywords:
        parser.fail(f"{function.name}() takes no keyword arguments", node.keywords[0].value, "give them in order")
    params = _arguments(parser.module, function, "function")
    if len(args) != len(params):
        plural = "argument" if len(params) == 1 else "arguments"
        parser.fail(f"{function.name}() takes {len(params)} {plural}, got {len(args)}", node)
    names = assigned_names(function.body)
    scope = Scope(names)
    for param, arg in zip(params, args, strict=True):
        is_array, stored = annotation(param.annotation) if param.annotation is not None else (False, "")
        if stored is None:
            known = f"use DeviceArray[T] or T, where T is one of {', '.join(ir.STORED)}, int, float"
            parser.fail(
                f"{ast.unparse(param.annotation or param)} is not a type of the language", param.annotation, known
            )
        if is_array and isinstance(arg, ast.expr):
            scope.arrays[param.arg] = _array(parser, arg, param.arg, stored)
        else:
            value = parser.expression(arg) if isinstance(arg, ast.expr) else arg
            if stored:
                value = ir.Call(stored, (value,), span=value.span)
            _bind_value(parser, scope, param.arg, value, node)
    for name in names - set(scope.renamed):
        scope.renamed[name] = parser.fresh(f"{name}_{function.name}")
    return scope


def _array(parser: BodyParser, arg: ast.expr, name: str, stored: str) -> str:
    array = parser.array(arg, f"argument {name!r}")
    found = parser.params[array].type
    if found != stored:
        parser.fail(f"argument {name!r} is an array of {stored}, {array!r} is of {found}", arg)
    return array


def _bind_value(parser: BodyParser, scope: Scope, name: str, value: ir.Expr, node: ast.AST) -> None:
    """A number argument: a variable, so that it is computed once; an expression, where no statement can come before."""
    if name in scope.locals:
        scope.renamed[name] = parser.fresh(name)
        if not parser.may_hoist:
            parser.fail("a call that may not be evaluated needs a function of one return", node, "assign it first")
        parser.assign_local(scope.renamed[name], value, node)
    elif parser.may_hoist:
        scope.values[name] = parser.temporary(value, node)
    else:
        scope.values[name] = value


def _enter(parser: BodyParser, node: ast.expr, function: ast.FunctionDef, scope: Scope) -> Scope:
    if function.name in parser.expanding:
        chain = " -> ".join([*parser.expanding[parser.expanding.index(function.name) :], function.name])
        parser.fail(f"@inline function {function.name!r} calls itself: {chain}", node, "write a loop")
    parser.expanding.append(function.name)
    outer, parser.scope = parser.scope, scope
    return outer


def _leave(parser: BodyParser, outer: Scope) -> None:
    parser.scope = outer
    parser.expanding.pop()


# ---- functions with a value ----------------------------------------------------------------------


def _expand(parser: BodyParser, node: ast.expr, function: ast.FunctionDef, scope: Scope) -> ir.Expr:
    body = _without_docstring(function.body)
    outer = _enter(parser, node, function, scope)
    if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
        value = parser.expression(body[0].value)
    elif not parser.may_hoist:
        parser.fail(
            f"{function.name}() stands where it may not be evaluated, or more than once",
            node,
            f"assign it first: value = {ast.unparse(node)}",
        )
    else:
        value = _expand_body(parser, node, function, body)
    _leave(parser, outer)
    return _converted(parser, function, value)


def _expand_body(parser: BodyParser, node: ast.expr, function: ast.FunctionDef, body: list[ast.stmt]) -> ir.Expr:
    result = parser.fresh(function.name)
    before, parser.has_effects = parser.has_effects, False
    _branch(parser, body, result, function)
    if parser.has_effects:
        parser.fail(f"{function.name}() returns a value and stores", node, "let a function do one of the two")
    parser.has_effects = before
    return ir.Var(result, span=parser.span(node))


def _converted(parser: BodyParser, function: ast.FunctionDef, value: ir.Expr) -> ir.Expr:
    """The value in the type after ->, where there is one."""
    from .parse import annotation

    if function.returns is None:
        return value
    is_array, stored = annotation(function.returns)
    if is_array or stored is None:
        known = f"there are {', '.join(ir.STORED)}"
        parser.fail(f"{ast.unparse(function.returns)} is not the type of a number", function.returns, known)
    return ir.Call(stored, (value,), span=value.span)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body


def _returns(body: Sequence[ast.stmt]) -> list[ast.Return]:
    return [node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Return)]


def _branch(parser: BodyParser, body: Sequence[ast.stmt], result: str | None, function: ast.FunctionDef) -> None:
    """The statements of a way through a function; each `return e` becomes an assignment to the result.

    What follows an if that returns on one side belongs to the other side.
    """
    for i, statement in enumerate(body):
        rest = body[i + 1 :]
        if isinstance(statement, ast.Return):
            _return(parser, statement, result, function)
            return
        if isinstance(statement, ast.If) and _returns([statement]):
            condition = parser.expression(statement.test)
            then = _side(parser, [*statement.body, *rest], result, function)
            orelse = _side(parser, [*statement.orelse, *rest], result, function)
            parser.emit(ir.If(condition, then, orelse, span=parser.span(statement)))
            return
        for inner in _returns([statement]):
            parser.fail(
                "return inside a loop of an @inline function",
                inner,
                "assign to a variable, break, and return at the end",
            )
        parser.statement(statement)
    if result is not None:
        parser.fail(f"{function.name}() may end without a value", function.body[-1], "end every branch with a return")


def _side(
    parser: BodyParser, body: Sequence[ast.stmt], result: str | None, function: ast.FunctionDef
) -> tuple[ir.Stmt, ...]:
    outer, parser.out = parser.out, []
    _branch(parser, body, result, function)
    inner, parser.out = parser.out, outer
    return tuple(inner)


def _return(parser: BodyParser, node: ast.Return, result: str | None, function: ast.FunctionDef) -> None:
    if result is None:
        return
    if node.value is None:
        parser.fail(f"{function.name}() may end without a value", node, "end every branch with a return of a value")
    parser.assign_local(result, parser.expression(node.value), node)
