"""What locals stand for: a local that is assigned once, and not in a loop over and over, is its expression.

In goes a typed kernel; out come expressions of parameters, lengths and the work item id, in which
such locals are replaced. Nothing is refused: other locals stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from . import ir

ID = ir.Call("get_global_id", (), type="i64")


def definitions(kernel: ir.Kernel) -> dict[str, ir.Expr]:
    """The locals with one assignment in all, which reads no array, by name."""
    found: dict[str, ir.Expr] = {}
    counts: dict[str, int] = {}
    for statement in ir.statements(kernel.body):
        name, value = _assignment(statement)
        if name:
            counts[name] = counts.get(name, 0) + 1
            if value is not None:
                found[name] = value
    for name in list(found):
        resolved = resolve(found[name], found)
        if counts[name] == 1 and is_pure(resolved) and not (_names(resolved) & set(counts) - set(found)):
            found[name] = resolved
        else:
            del found[name]
    return found


def _assignment(statement: ir.Stmt) -> tuple[str, ir.Expr | None]:
    match statement:
        case ir.Let(name=name, value=value) | ir.Assign(target=ir.Var(name=name), value=value):
            return name, value
        case ir.For(var=name):
            return name, None
    return "", None


def is_plain(statement: ir.For) -> bool:
    """Whether a loop is over range(stop)."""
    return statement.start == ir.Literal(0, type="i64") and statement.step == ir.Literal(1, type="i64")


def loop_stops(kernel: ir.Kernel, known: Mapping[str, ir.Expr]) -> dict[str, ir.Expr]:
    """The variables that only loops up to one stop assign, from 0 or a number above, with that stop, resolved."""
    stops: dict[str, ir.Expr | None] = {}
    for statement in ir.statements(kernel.body):
        name, _ = _assignment(statement)
        if not name:
            continue
        stop = resolve(statement.stop, known) if isinstance(statement, ir.For) and _counts_up(statement) else None
        stops[name] = stop if stops.get(name, stop) == stop else None
    return {name: stop for name, stop in stops.items() if stop is not None}


def _counts_up(statement: ir.For) -> bool:
    start, step = statement.start, statement.step
    rises = isinstance(step, ir.Literal) and step.value > 0
    return rises and isinstance(start, ir.Literal) and start.value >= 0


def _names(expr: ir.Expr) -> set[str]:
    return {node.name for node in ir.walk(expr) if isinstance(node, ir.Var)}


def resolve(expr: ir.Expr, known: Mapping[str, ir.Expr]) -> ir.Expr:
    """The expression with known locals replaced, spans left out so that equal ones compare equal."""
    if isinstance(expr, ir.Var) and expr.name in known:
        return known[expr.name]
    match expr:
        case ir.BinaryOp():
            return replace(expr, left=resolve(expr.left, known), right=resolve(expr.right, known))
        case ir.UnaryOp():
            return replace(expr, operand=resolve(expr.operand, known))
        case ir.IfExpr():
            condition, then, orelse = (resolve(part, known) for part in ir.children(expr))
            return replace(expr, condition=condition, then=then, orelse=orelse)
        case ir.Index():
            return replace(expr, indices=tuple(resolve(index, known) for index in expr.indices))
        case ir.Call():
            return replace(expr, args=tuple(resolve(argument, known) for argument in expr.args))
        case ir.Cast():
            return replace(expr, value=resolve(expr.value, known))
    return expr


def is_pure(expr: ir.Expr) -> bool:
    """Whether an expression reads no array and changes none."""
    return not any(
        isinstance(node, ir.Index) or (isinstance(node, ir.Call) and node.function.startswith("atomic_"))
        for node in ir.walk(expr)
    )


def is_atomic(statement: ir.Stmt) -> bool:
    """Whether a statement changes an element by an atomic."""
    return any(
        isinstance(node, ir.Call) and node.function.startswith("atomic_")
        for expr in ir.expressions(statement)
        for node in ir.walk(expr)
    )


def is_uniform(expr: ir.Expr, kernel: ir.Kernel) -> bool:
    """Whether an expression is the same for every work item: made of parameters, lengths and numbers."""
    return all(
        not isinstance(node, ir.Index)
        and not (isinstance(node, ir.Var) and node.name not in kernel.scalars)
        and not (isinstance(node, ir.Call) and node.function.startswith(("atomic_", "get_")))
        for node in ir.walk(expr)
    )


def is_id(expr: ir.Expr) -> bool:
    """Whether a resolved expression is the work item id, also as `id // n * n + id % n`."""
    if expr == ID:
        return True
    if not (isinstance(expr, ir.BinaryOp) and expr.op == "add"):
        return False
    return any(_rejoins(one, other) for one, other in _orders(expr))


def _rejoins(product: ir.Expr, rest: ir.Expr) -> bool:
    """(x // n) * n + x % n is x, also where n is 0 or negative: 0 * 0 + 0 is not, so n must not be 0 to get here."""
    if not (isinstance(product, ir.BinaryOp) and product.op == "mul"):
        return False
    return any(
        isinstance(quotient, ir.BinaryOp)
        and quotient.op == "floor_div"
        and quotient.right == size
        and rest == ir.BinaryOp("mod", quotient.left, size, type="i64")
        and is_id(quotient.left)
        for quotient, size in _orders(product)
    )


def _orders(expr: ir.BinaryOp) -> Iterator[tuple[ir.Expr, ir.Expr]]:
    yield expr.left, expr.right
    yield expr.right, expr.left


def row_width(kernel: ir.Kernel, known: Mapping[str, ir.Expr]) -> ir.Expr | None:
    """The uniform n of which the kernel takes id % n, if there is one: the work items are rows of n."""
    for statement in ir.statements(kernel.body):
        for expr in ir.expressions(statement):
            for node in ir.walk(expr):
                found = resolve(node, known) if isinstance(node, ir.BinaryOp) and node.op == "mod" else None
                if isinstance(found, ir.BinaryOp) and found.left == ID and is_uniform(found.right, kernel):
                    return found.right
    return None
