"""Definite assignment: a local is used only where every way there has given it a value.

In goes an untyped kernel; nothing comes out. A CompileError names the local and where it is used;
`break` and `continue` outside a loop are refused here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from . import ir
from .errors import CompileError

Names = frozenset[str]


def check_assigned(kernel: ir.Kernel) -> None:
    """Raise CompileError for a local that may have no value where it is used."""
    _Checker(kernel).block(kernel.body, frozenset(kernel.scalars), loop=False)


class _Checker:
    def __init__(self, kernel: ir.Kernel) -> None:
        self.kernel = kernel

    def fail(self, message: str, node: ir.Expr | ir.Stmt, advice: str) -> NoReturn:
        kernel = self.kernel
        raise CompileError(message, file=kernel.file, source=kernel.source, span=node.span, advice=advice)

    def block(self, body: Sequence[ir.Stmt], names: Names, *, loop: bool) -> Names | None:
        """The names that have a value after a block, or None where its end is never reached."""
        reached: Names | None = names
        for statement in body:
            after = self.statement(statement, names if reached is None else reached, loop=loop)
            reached = None if reached is None or after is None else after
            names = after if after is not None else names
        return reached

    def statement(self, statement: ir.Stmt, names: Names, *, loop: bool) -> Names | None:
        match statement:
            case ir.Let(name=name, value=value) | ir.Assign(target=ir.Var(name=name), value=value):
                self.expression(value, names)
                return names | {name}
            case ir.Assign(target=target, value=value):
                self.expression(value, names)
                self.expression(target, names)
            case ir.If():
                self.expression(statement.condition, names)
                sides = [self.block(side, names, loop=loop) for side in (statement.then, statement.orelse)]
                ends = [side for side in sides if side is not None]
                return frozenset.intersection(*ends) if ends else None
            case ir.For():
                for term in (statement.start, statement.stop, statement.step):
                    self.expression(term, names)
                self.block(statement.body, names | {statement.var}, loop=True)
            case ir.While():
                self.expression(statement.condition, names)
                self.block(statement.body, names, loop=True)
            case ir.Assert():
                self.expression(statement.condition, names)
            case ir.Do():
                self.expression(statement.call, names)
            case ir.Return():
                return None
            case ir.Break() | ir.Continue():
                if not loop:
                    word = "break" if isinstance(statement, ir.Break) else "continue"
                    self.fail(f"{word} outside a loop", statement, "leave it out; return ends the work item")
                return None
        return names

    def expression(self, expr: ir.Expr, names: Names) -> None:
        if isinstance(expr, ir.Var) and expr.name not in names and expr.name not in self.kernel.arrays:
            self.fail(
                f"{expr.name!r} may be used before it is assigned",
                expr,
                "give it a value on every way that leads here, for example before the if or the loop",
            )
        for child in ir.children(expr):
            self.expression(child, names)
