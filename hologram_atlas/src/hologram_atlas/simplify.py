"""Simplification: a body for work items that are known to be inside the extent.

In goes a typed kernel with its extent; out come its statements without the guards that those work
items pass anyway. Nothing is refused; every other node stays the very same object, so that what
was proved of it still holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import ir
from .extent import Extent, Guards


def open_guards(kernel: ir.Kernel, extent: Extent) -> tuple[ir.Stmt, ...]:
    """The body for work items 0 <= id < extent, without the comparisons that define the extent."""
    if extent.kind != "guard" or extent.expr is None:
        return kernel.body
    guards = Guards(kernel)
    return _opened(kernel.body, guards, extent.expr)


def _opened(body: Sequence[ir.Stmt], guards: Guards, bound: ir.Expr) -> tuple[ir.Stmt, ...]:
    result: list[ir.Stmt] = []
    for statement in body:
        if isinstance(statement, ir.If):
            result += _without_guard(statement, guards, bound)
        else:
            result.append(statement)
    return tuple(result)


def _without_guard(statement: ir.If, guards: Guards, bound: ir.Expr) -> tuple[ir.Stmt, ...]:
    """The statements that an if amounts to inside the extent."""
    leaves, only = guards.leaving(statement)
    if leaves == bound and only:
        return ()
    found, only = guards.bound(statement.condition)
    if found != bound or statement.orelse:
        return (statement,)
    if only:
        return statement.then
    rest = guards.remaining(statement.condition, bound)
    return (replace(statement, condition=rest),)
