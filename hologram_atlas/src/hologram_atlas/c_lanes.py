"""Blocks of work items side by side: loops outside, work items inside, so that the C compiler vectorises.

In `for p in range(k): total += a[row * k + p] * b[p * n + col]` each work item waits for its own
sum. Here LANES neighbours take each turn of the loop together: locals that differ between them are
small arrays, and every statement is a loop over the lanes. Each work item still does exactly what
it did, in its order. Nothing is refused: a kernel that does not fit is rendered without this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from . import ir
from .c_expressions import C_TYPE, Expressions, Names
from .c_statements import Statements, turns_written_out
from .definitions import ID, is_atomic, resolve

LANES = 32


def can_run_in_lanes(
    body: Sequence[ir.Stmt], lanes: Lanes, is_checked: Callable[[ir.Index | ir.Call, int], bool]
) -> bool:
    """Whether a body has a loop worth it, and nothing that one lane may do and another not."""
    statements = list(ir.statements(body))
    accesses = [node for statement in statements for node in _nodes(statement) if isinstance(node, ir.Index)]
    return (
        any(isinstance(statement, ir.For) and not turns_written_out(statement) for statement in statements)
        and all(map(lanes.fits, statements))
        and all(lanes.stride(index) is not None for access in accesses for index in access.indices)
        and not any(is_checked(access, axis) for access in accesses for axis in range(len(access.indices)))
    )


def _nodes(statement: ir.Stmt) -> Iterator[ir.Expr]:
    for expr in ir.expressions(statement):
        yield from ir.walk(expr)


class Lanes:
    """What differs between neighbouring work items, and how a body is rendered for a block of them."""

    def __init__(self, expressions: Expressions, body: Sequence[ir.Stmt]) -> None:
        self.expressions = expressions
        self.definitions = expressions.definitions
        self.body = body
        self.loop_variables = {node.var for node in ir.statements(body) if isinstance(node, ir.For)}
        self.varying: set[str] = set()
        before = None
        while before != self.varying:
            before = set(self.varying)
            self._spread(body, divergent=False)

    # ---- analysis ----

    def _spread(self, body: Sequence[ir.Stmt], *, divergent: bool) -> None:
        """Find the locals that differ between lanes."""
        for statement in body:
            match statement:
                case ir.Let(name=name, value=value) | ir.Assign(target=ir.Var(name=name), value=value):
                    if divergent or self.varies(value):
                        self.varying.add(name)
                case ir.If(condition=condition, then=then, orelse=orelse):
                    inside = divergent or self.varies(condition)
                    self._spread(then, divergent=inside)
                    self._spread(orelse, divergent=inside)
                case ir.For(body=inner) | ir.While(body=inner):
                    self._spread(inner, divergent=divergent)

    def varies(self, expr: ir.Expr) -> bool:
        """Whether an expression differs between lanes."""
        return self._varies(resolve(expr, self.definitions))

    def _varies(self, expr: ir.Expr) -> bool:
        if isinstance(expr, ir.BinaryOp) and self.expressions.known.get(expr) == "row":
            return False
        if expr == ID or (isinstance(expr, ir.Var) and expr.name in self.varying):
            return True
        return any(map(self._varies, ir.children(expr)))

    def stride(self, expr: ir.Expr) -> int | None:
        """How far an index moves from lane to lane: 0, 1, or None for anything else."""
        return self._stride(resolve(expr, self.definitions))

    def _stride(self, expr: ir.Expr) -> int | None:
        if not self._varies(expr):
            return 0
        if expr == ID or self.expressions.known.get(expr) == "column":
            return 1
        if isinstance(expr, ir.BinaryOp) and expr.op in ("add", "sub"):
            left, right = self._stride(expr.left), self._stride(expr.right)
            if left is None or right is None or (expr.op == "sub" and right):
                return None
            return left + right if left + right < 2 else None
        return None

    def fits(self, statement: ir.Stmt) -> bool:
        """Whether a statement can be run for all lanes together."""
        match statement:
            case ir.Let(name=name, value=value) | ir.Assign(target=ir.Var(name=name), value=value):
                is_atomic = isinstance(value, ir.Call) and value.function.startswith("atomic_")
                return name not in self.loop_variables and not is_atomic
            case ir.Assign():
                return True
            case ir.If(condition=condition):
                return not self.varies(condition) or not _has_loop(statement)
            case ir.For(start=start, stop=stop, step=step):
                return isinstance(step, ir.Literal) and not any(map(self.varies, (start, stop, step)))
        return False

    def is_independent(self, writes: Sequence[ir.Index], reads: Sequence[ir.Index]) -> bool:
        """Whether no lane touches what another one writes: each stored array is used at one index that moves by one."""
        if any(is_atomic(statement) for statement in ir.statements(self.body)):
            return False
        for write in writes:
            indices = [resolve(index, self.definitions) for index in write.indices]
            if [self._stride(index) for index in indices].count(1) != 1:
                return False
            for other in (*writes, *reads):
                same = [resolve(index, self.definitions) for index in other.indices] == indices
                if other.array == write.array and not same:
                    return False
        return True

    # ---- rendering ----

    def render(self, depth: int) -> list[str]:
        """The lines of a block of lanes; `item_0` and `column_0` are those of the first one."""
        kernel = self.expressions.kernel
        names = Names(dict(self.expressions.names.table))
        lines = []
        for name, kind in kernel.locals:
            if name in self.definitions:
                continue
            c = names[name]
            if name in self.varying:
                lines.append(f"{'    ' * depth}{C_TYPE[kind]} {c}[{LANES}] __attribute__((aligned(64)));")
                names.table[name] = f"{c}[lane]"
            elif name not in self.loop_variables or name not in self.varying:
                lines.append(f"{'    ' * depth}{C_TYPE[kind]} {c};")
        expressions = Expressions(kernel, names, lambda access, axis: False)
        expressions.known = self.expressions.known
        writer = _Writer(self, expressions, depth)
        writer.block(self.body)
        writer.flush()
        return lines + writer.statements.lines


class _Writer:
    """Writes statements, gathering those that go into one loop over the lanes."""

    def __init__(self, lanes: Lanes, expressions: Expressions, depth: int) -> None:
        self.lanes = lanes
        self.statements = Statements(expressions)
        self.statements.depth = depth
        self.gathered: list[ir.Stmt] = []

    def block(self, body: Sequence[ir.Stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, statement: ir.Stmt) -> None:
        lanes = self.lanes
        match statement:
            case ir.Let(name=name) if name in lanes.definitions:
                return
            case ir.Let(name=name) | ir.Assign(target=ir.Var(name=name)) if name not in lanes.varying:
                self.flush()
                self.statements.statement(substituted(statement, lanes.definitions))
            case ir.For(body=body):
                self.flush()
                plain = substituted(replace(statement, body=()), lanes.definitions)
                assert isinstance(plain, ir.For)  # of one comes one
                self.statements.loop(plain, lambda: self._inner(body))
            case ir.If(condition=condition, then=then, orelse=orelse) if not lanes.varies(condition):
                self.flush()
                text = self.statements.expressions.render(resolve(condition, lanes.definitions))
                self.statements.nested(f"if ({text})", lambda: self._inner(then))
                if orelse:
                    self.statements.nested("else", lambda: self._inner(orelse))
            case _:
                self.gathered.append(substituted(statement, lanes.definitions))

    def _inner(self, body: Sequence[ir.Stmt]) -> None:
        self.block(body)
        self.flush()

    def flush(self) -> None:
        """Write the statements gathered so far as one loop over the lanes."""
        if not self.gathered:
            return
        writer, gathered = self.statements, self.gathered
        self.gathered = []
        writer.emit("INDEPENDENT")
        writer.emit(f"for (int64_t lane = 0; lane < {LANES}; lane++) {{")
        writer.depth += 1
        writer.emit("const int64_t item = item_0 + lane, column = column_0 + lane; (void)item, (void)column;")
        writer.block(gathered)
        writer.depth -= 1
        writer.emit("}")


def substituted(statement: ir.Stmt, known: Mapping[str, ir.Expr]) -> ir.Stmt:
    """A statement in which locals are what they stand for."""
    match statement:
        case ir.Let(value=value):
            return replace(statement, value=resolve(value, known))
        case ir.Assign(target=target, value=value):
            if isinstance(target, ir.Index):
                target = replace(target, indices=tuple(resolve(index, known) for index in target.indices))
            return replace(statement, target=target, value=resolve(value, known))
        case ir.If(condition=condition, then=then, orelse=orelse):
            sides = [
                tuple(substituted(inner, known) for inner in side if not _is_known(inner, known))
                for side in (then, orelse)
            ]
            return replace(statement, condition=resolve(condition, known), then=sides[0], orelse=sides[1])
        case ir.For(start=start, stop=stop, step=step):
            return replace(statement, start=resolve(start, known), stop=resolve(stop, known), step=resolve(step, known))
    return statement


def _is_known(statement: ir.Stmt, known: Mapping[str, ir.Expr]) -> bool:
    return isinstance(statement, ir.Let) and statement.name in known


def _has_loop(statement: ir.Stmt) -> bool:
    return any(isinstance(inner, (ir.For, ir.While)) for inner in ir.statements([statement]))
