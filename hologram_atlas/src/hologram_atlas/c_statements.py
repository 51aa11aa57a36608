"""Typed IR statements as C: the body of one work item.

In goes a block; out come lines of C. `item` is the work item and `call` the hologram_call of the
function they stand in; a failure returns from it, `return` jumps to the label `next_item`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import ir
from .c_expressions import C_STORED, C_TYPE, Expressions, c_string
from .definitions import is_plain
from .typed import FLOATS

MAX_TURNS = 8  #: of a loop that is written out
MAX_WRITTEN = 64  #: statements that it may become


class Statements:
    """Renders the statements of one kernel."""

    def __init__(self, expressions: Expressions, *, unrolls: bool = False) -> None:
        self.expressions = expressions
        self.unrolls = unrolls  # whether short loops are written out
        self.lines: list[str] = []
        self.depth = 0
        self.loops = 0
        self.leaves_early = False  # whether the label next_item is needed

    def body(self, statements: Sequence[ir.Stmt], depth: int) -> list[str]:
        """The lines of a whole body, indented."""
        self.depth = depth
        self.block(statements)
        return self.lines

    def emit(self, line: str) -> None:
        """Add a line."""
        self.lines.append("    " * self.depth + line)

    def block(self, statements: Sequence[ir.Stmt]) -> None:
        """Add a block's lines."""
        for statement in statements:
            self.statement(statement)

    def braced(self, head: str, statements: Sequence[ir.Stmt]) -> None:
        """Add `head {`, a block, and `}`."""
        self.nested(head, lambda: self.block(statements))

    def nested(self, head: str, inner: Callable[[], None]) -> None:
        """Add `head {`, what inner adds, and `}`."""
        self.emit(f"{head} {{")
        self.depth += 1
        inner()
        self.depth -= 1
        self.emit("}")

    def statement(self, statement: ir.Stmt) -> None:
        """Add a statement's lines."""
        render = self.expressions.render
        match statement:
            case ir.Let(name=name, value=value) | ir.Assign(target=ir.Var(name=name), value=value):
                self._assign(name, value)
            case ir.Assign(target=ir.Index() as target, value=value):
                self._store(target, value)
            case ir.If(condition=condition, then=then, orelse=orelse):
                self.braced(f"if ({render(condition)})", then)
                if orelse:
                    self.braced("else", orelse)
            case ir.For(body=body):
                self.loop(statement, lambda: self.block(body))
            case ir.While(condition=condition, body=body):
                self.braced(f"while ({render(condition)})", body)
            case ir.Return():
                self.leaves_early = True
                self.emit("goto next_item;")
            case ir.Break():
                self.emit("break;")
            case ir.Continue():
                self.emit("continue;")
            case ir.Assert(condition=condition, message=message):
                line = statement.span.line if statement.span else 0
                fail = f"return failed_assert(call, {c_string(message)}, item, {line});"
                self.emit(f"if (!{render(condition)}) {fail}")
            case ir.Do(call=call):
                self._atomic(call, None)

    def _assign(self, name: str, value: ir.Expr) -> None:
        if isinstance(value, ir.Call) and value.function.startswith("atomic_"):
            self._atomic(value, self.expressions.names[name])
        elif (
            isinstance(value, ir.Cast)
            and isinstance(value.value, ir.Call)
            and value.value.function.startswith("atomic_")
        ):
            self._atomic(value.value, self.expressions.names[name], value)
        else:
            self.emit(f"{self.expressions.names[name]} = {self.expressions.render(value)};")

    def _store(self, target: ir.Index, value: ir.Expr) -> None:
        expressions = self.expressions
        array = expressions.names[target.array]
        text = expressions.render(value)
        if any(expressions.is_checked(target, axis) for axis in range(len(target.indices))):
            self.emit(f"{{ const {C_TYPE[str(value.type)]} value_ = {text};")
            self.emit(f"{array}[{expressions.offset(target)}] = {expressions.stored('value_', target.array)}; }}")
        else:
            self.emit(f"{array}[{expressions.offset(target)}] = {expressions.stored(text, target.array)};")

    def _atomic(self, call: ir.Call, old: str | None, cast: ir.Cast | None = None) -> None:
        """Work items of a kernel with atomics run one after the other, so this is a plain update."""
        expressions = self.expressions
        name, kind = str(call.array), str(call.type)
        array = expressions.names[name]
        self.emit(f"{{ const {C_TYPE[kind]} value_ = {expressions.render(call.args[1])};")
        self.emit(f"const int64_t at_ = {expressions.offset(call)};")
        self.emit(f"const {C_TYPE[kind]} old_ = {array}[at_];")
        if call.function == "atomic_add":
            new = "old_ + value_"
        else:
            function = call.function.removeprefix("atomic_")
            new = f"{function}_{kind}(old_, value_)"
        self.emit(f"{array}[at_] = ({C_STORED[expressions.params[name].type]})({new});")
        if old is not None:
            text = "old_" if cast is None else expressions.converted("old_", kind, cast.to)
            self.emit(f"{old} = {text};")
        self.emit("}")

    def loop(self, statement: ir.For, inner: Callable[[], None]) -> None:
        """Add a loop around what inner adds."""
        if self.unrolls and turns_written_out(statement):
            self._write_out(statement, inner)
            return
        render = self.expressions.render
        self.loops += 1
        n = self.loops
        start, stop = render(statement.start), render(statement.stop)
        self.emit("{")
        self.depth += 1
        self.emit(f"const int64_t start{n} = {start}, stop{n} = {stop};")
        head, value = self._turns(statement, n)
        if self.unrolls:
            self.emit("UNROLLED")

        def turn() -> None:
            self.emit(f"{self.expressions.names[statement.var]} = {value};")
            inner()

        self.nested(head, turn)
        self.depth -= 1
        self.emit("}")

    def _write_out(self, statement: ir.For, inner: Callable[[], None]) -> None:
        """Add each turn of a short loop, since the C compiler vectorises around loops only before it unrolls them."""
        for value in range(turns_written_out(statement)):
            self.emit(f"{self.expressions.names[statement.var]} = {value};")
            inner()

    def _turns(self, statement: ir.For, n: int) -> tuple[str, str]:
        """(the head of the C loop, the value of the variable in a turn)."""
        step = statement.step.value if isinstance(statement.step, ir.Literal) else None
        if step == 1:
            return f"for (int64_t i{n} = start{n}; i{n} < stop{n}; i{n}++)", f"i{n}"
        if step == -1:
            return f"for (int64_t i{n} = start{n}; i{n} > stop{n}; i{n}--)", f"i{n}"
        # of any other step: the number of turns first, so that no variable can run past the end of its type
        self.emit(f"const int64_t step{n} = {self.expressions.render(statement.step)};")
        if not step:
            line = statement.span.line if statement.span else 0
            self.emit(f"if (step{n} == 0) return failed_step(call, item, {line});")
        self.emit(f"const uint64_t turns{n} = count_turns(start{n}, stop{n}, step{n});")
        return f"for (uint64_t i{n} = 0; i{n} < turns{n}; i{n}++)", f"start{n} + (int64_t)i{n} * step{n}"


def turns_written_out(statement: ir.For) -> int:
    """How many turns a loop has, if it is so short that they can be written one after the other, else 0."""
    if not (is_plain(statement) and isinstance(statement.stop, ir.Literal) and 0 < statement.stop.value <= MAX_TURNS):
        return 0
    leaves = any(isinstance(inner, (ir.Break, ir.Continue)) for inner in ir.statements(statement.body))
    if leaves or _size(statement) > MAX_WRITTEN:
        return 0
    return int(statement.stop.value)


def _size(statement: ir.Stmt) -> int:
    """The statements of a loop with all its short loops written out."""
    if not isinstance(statement, ir.For):
        return 1 + sum(map(_size, (*statement.then, *statement.orelse))) if isinstance(statement, ir.If) else 1
    turns = statement.stop.value if is_plain(statement) and isinstance(statement.stop, ir.Literal) else 1
    return int(turns) * sum(map(_size, statement.body))


def work_of(body: Sequence[ir.Stmt]) -> int:
    """What a work item costs, roughly, where 1 is one addition; a loop is taken for sixteen turns."""
    total = 0
    for statement in body:
        total += sum(_cost(node) for expr in ir.expressions(statement) for node in ir.walk(expr))
        match statement:
            case ir.If(then=then, orelse=orelse):
                total += max(work_of(then), work_of(orelse))
            case ir.For(body=inner) | ir.While(body=inner):
                total += 16 * work_of(inner)
    return min(max(total, 1), 2**30)


_CHEAP = frozenset({"abs", "min", "max", "fmin", "fmax", "fma", "floor", "ceil", "round", "relu", "isnan", "isinf"})


def _cost(node: ir.Expr) -> int:
    match node:
        case ir.BinaryOp(op="div" | "floor_div" | "mod"):
            return 4 if node.type in FLOATS else 8
        case ir.BinaryOp(left=left) if left.type in FLOATS:
            return 1
        case ir.Call(function="len" | "get_global_id"):
            return 0
        case ir.Call(function=function):
            return 1 if function in _CHEAP else 12
    return 0
