"""Python statements to IR statements: the body of one kernel, with its helper functions expanded.

In goes the ast of a function; out come untyped ir.Stmt values. Refused with CompileError: every
statement that the language does not have, by name, with what to write instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from . import functions, inline, ir, parallel
from .expressions import BINARY, ExpressionParser, Scope

if TYPE_CHECKING:
    from .parse import Module

_ADVICE: dict[type[ast.AST], tuple[str, str]] = {
    ast.FunctionDef: ("a function inside a function", "put it at the top of the file and mark it @inline"),
    ast.AsyncFunctionDef: ("a function inside a function", "put it at the top of the file and mark it @inline"),
    ast.ClassDef: ("class", "a kernel has numbers and arrays only"),
    ast.Delete: ("del", "leave it out"),
    ast.With: ("with", "leave it out"),
    ast.AsyncWith: ("with", "leave it out"),
    ast.AsyncFor: ("async for", "write for i in range(...)"),
    ast.Match: ("match", "write if and elif"),
    ast.Raise: ("raise", 'write assert condition, "message"'),
    ast.Try: ("try", "a kernel cannot catch errors; test before"),
    ast.Import: ("import inside a function", "functions of the language need no import"),
    ast.ImportFrom: ("import inside a function", "functions of the language need no import"),
    ast.Global: ("global", "module constants can be read; results go to arrays"),
    ast.Nonlocal: ("nonlocal", "captured numbers can be read; results go to arrays"),
}
if hasattr(ast, "TryStar"):
    _ADVICE[ast.TryStar] = _ADVICE[ast.Try]


def assigned_names(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Every name that some statement assigns."""
    nodes = (node for statement in body for node in ast.walk(statement))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


class BodyParser(ExpressionParser):
    """Translates the statements of one kernel."""

    def __init__(self, module: Module, params: dict[str, ir.Param], function: ast.FunctionDef) -> None:
        super().__init__(module, params)
        self.used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} | set(params)
        self.declared: set[str] = set()  # the locals that have had their Let
        self.loops = 0
        self.expanding: list[str] = []  # the @inline functions that are being expanded, outermost first

    def kernel_body(self, function: ast.FunctionDef) -> tuple[ir.Stmt, ...]:
        """The statements of a kernel. A number that is a parameter and is assigned to becomes a local first."""
        names = assigned_names(function.body)
        arrays = {name: name for name, param in self.params.items() if param.is_array}
        values: dict[str, ir.Expr] = {
            name: ir.Var(name) for name, param in self.params.items() if not param.is_array and name not in names
        }
        self.scope = Scope(names, values, arrays)
        for name in self.params:
            if name in names and name not in arrays:
                self.scope.renamed[name] = self.fresh(name)
                self.assign_local(self.scope.renamed[name], ir.Var(name), function)
        self.statements(function.body)
        return tuple(self.out)

    def fresh(self, name: str) -> str:
        """A name that the kernel has not used yet."""
        number = 1
        while f"{name}_{number}" in self.used:
            number += 1
        self.used.add(f"{name}_{number}")
        return f"{name}_{number}"

    def expand(self, node: ast.Call, function: ast.FunctionDef) -> ir.Expr:
        """Expand a call of an @inline function that has a value."""
        return inline.expand_value(self, node, function)

    # ---- statements ----

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Translate a block into the current one."""
        for statement in body:
            self.statement(statement)

    def block(self, body: Sequence[ast.stmt]) -> tuple[ir.Stmt, ...]:
        """A nested block, as a tuple of its own."""
        outer, self.out = self.out, []
        self.statements(body)
        inner, self.out = self.out, outer
        return tuple(inner)

    def emit(self, statement: ir.Stmt) -> None:
        """Add a statement."""
        self.out.append(statement)

    def statement(self, node: ast.stmt) -> None:
        """Translate any statement."""
        span = self.span(node)
        match node:
            case ast.Assign():
                self.assignment(node)
            case ast.AnnAssign():
                self.declaration(node)
            case ast.AugAssign():
                self.augmented(node)
            case ast.If():
                condition = self.expression(node.test)
                self.emit(ir.If(condition, self.block(node.body), self.block(node.orelse), span=span))
            case ast.For():
                self.for_loop(node)
            case ast.While():
                self.while_loop(node)
            case ast.Return():
                self.return_(node)
            case ast.Break():
                self.emit(ir.Break(span=span))
            case ast.Continue():
                self.emit(ir.Continue(span=span))
            case ast.Assert():
                self.assertion(node)
            case ast.Expr():
                self.effect(node)
            case ast.Pass():
                pass
            case _:
                what, advice = _ADVICE.get(type(node), (type(node).__name__, "see docs/language.md for what there is"))
                self.fail(f"{what} is not in the language", node, advice)

    # ---- assignments ----

    def assignment(self, node: ast.Assign) -> None:
        """x = e in all its forms."""
        if len(node.targets) > 1:
            self.chained(node)
        elif isinstance(node.targets[0], (ast.Tuple, ast.List)):
            self.unpack(node.targets[0], node.value)
        else:
            self.assign(node.targets[0], self.assigned_value(node.value), node)

    def assigned_value(self, node: ast.expr) -> ir.Expr:
        """A right-hand side, which alone may be an atomic."""
        return self.atomic(node) or self.expression(node)

    def assign(self, target: ast.expr, value: ir.Expr, node: ast.AST, declared: str | None = None) -> None:
        """One target, one value."""
        match target:
            case ast.Name(id=name) if name in self.scope.arrays:
                self.fail(f"array {name!r} cannot be assigned to", target, f"store elements: {name}[i] = ...")
            case ast.Name(id=name):
                self.assign_local(self.scope.renamed.get(name, name), value, node, declared)
            case ast.Subscript():
                self.has_effects = True
                self.emit(ir.Assign(self.index(target), value, span=self.span(node)))
            case ast.Attribute():
                self.fail(f"attribute {ast.unparse(target)} is not in the language", target)
            case ast.Tuple() | ast.List():
                self.fail("tuples inside tuples are not in the language", target, "write one assignment for each")
            case _:
                self.fail(f"cannot assign to {ast.unparse(target)}", target)

    def assign_local(self, name: str, value: ir.Expr, node: ast.AST, declared: str | None = None) -> None:
        """A Let the first time, an Assign later."""
        span = self.span(node)
        if name in self.declared:
            self.emit(ir.Assign(ir.Var(name, span=span), value, span=span))
        else:
            self.declared.add(name)
            self.emit(ir.Let(name, value, declared, span=span))

    def temporary(self, value: ir.Expr, node: ast.AST) -> ir.Expr:
        """A variable that holds a value; numbers and names need none."""
        if isinstance(value, (ir.Literal, ir.Var)):
            return value
        name = self.fresh("value")
        self.assign_local(name, value, node)
        return ir.Var(name, span=self.span(node))

    def chained(self, node: ast.Assign) -> None:
        """a = b = e: e is evaluated once, the targets are assigned from left to right."""
        value = self.temporary(self.assigned_value(node.value), node)
        for target in node.targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                self.fail("a chain of tuples is not in the language", target, "write one assignment for each")
            self.assign(target, value, node)

    def unpack(self, target: ast.Tuple | ast.List, value: ast.expr) -> None:
        """a, b = e, f: all values are there before the first assignment."""
        if not isinstance(value, (ast.Tuple, ast.List)) or len(value.elts) != len(target.elts):
            found = len(value.elts) if isinstance(value, (ast.Tuple, ast.List)) else 1
            message = f"{len(target.elts)} targets on the left, {found} value{'s' if found != 1 else ''} on the right"
            self.fail(message, value, "write as many on both sides: a, b = b, a + b")
        values = [self.expression(item) for item in value.elts]
        stored = any(isinstance(item, ast.Subscript) for item in target.elts)
        changed: set[str] = set()
        for i, (item, name) in enumerate(zip(values, target.elts, strict=True)):
            names = {found.name for found in variables(item)}
            if i > 0 and (names & changed or (stored and reads_arrays(item))):
                values[i] = self.temporary(item, value) if not isinstance(item, ir.Var) else self.copied(item, value)
            if isinstance(name, ast.Name):
                changed.add(self.scope.renamed.get(name.id, name.id))
        for name, item in zip(target.elts, values, strict=True):
            self.assign(name, item, target)

    def copied(self, value: ir.Var, node: ast.AST) -> ir.Expr:
        """A variable with the value that another one has now."""
        name = self.fresh(value.name)
        self.assign_local(name, value, node)
        return ir.Var(name, span=value.span)

    def declaration(self, node: ast.AnnAssign) -> None:
        """x: T = e."""
        from .parse import annotation

        is_array, declared = annotation(node.annotation)
        if is_array or declared is None:
            self.fail(
                f"{ast.unparse(node.annotation)} is not the type of a number",
                node.annotation,
                f"there are {', '.join(ir.STORED)}",
            )
        if not isinstance(node.target, ast.Name):
            self.fail("only a name can be declared", node.target, "leave the type out: the array has one")
        if node.value is None:
            self.fail(
                f"{node.target.id!r} is declared without a value", node, f"write {node.target.id}: {declared} = 0"
            )
        name = self.scope.renamed.get(node.target.id, node.target.id)
        if name in self.declared:
            self.fail(f"{node.target.id!r} has a type already", node, "declare it where it is first assigned")
        self.assign(node.target, self.assigned_value(node.value), node, declared)

    def augmented(self, node: ast.AugAssign) -> None:
        """x op= e, for which x is read first."""
        if not isinstance(node.target, (ast.Name, ast.Subscript)):
            self.fail(f"cannot assign to {ast.unparse(node.target)}", node.target)
        if isinstance(node.target, ast.Name) and node.target.id in self.scope.arrays:
            name = node.target.id
            self.fail(f"array {name!r} cannot be assigned to", node.target, f"store elements: {name}[i] = ...")
        span = self.span(node)
        if isinstance(node.op, ast.MatMult):
            self.fail("@ is not in the language", node, "write the loops of the product")
        old = self.expression(node.target)
        value = self.expression(node.value)
        if isinstance(node.op, ast.Pow):
            result: ir.Expr = ir.Call("pow", (old, value), span=span)
        else:
            result = ir.BinaryOp(BINARY[type(node.op)], old, value, span=span)
        self.assign(node.target, result, node)

    # ---- loops ----

    def for_loop(self, node: ast.For) -> None:
        """for i in range(...)."""
        if node.orelse:
            self.fail(
                "else after a loop is not in the language", node.orelse[0], "use a variable that says how it ended"
            )
        call = node.iter
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"):
            self.fail("for runs over range() only", call, "write for i in range(n)")
        if call.keywords or not 1 <= len(call.args) <= 3:
            self.fail(f"range() takes one to three arguments, got {len(call.args) + len(call.keywords)}", call)
        if not isinstance(node.target, ast.Name) or node.target.id in self.scope.arrays:
            self.fail("the loop variable must be a name that is no array", node.target)
        terms = [self.expression(argument) for argument in call.args]
        zero, one = ir.Literal(0, span=self.span(call)), ir.Literal(1, span=self.span(call))
        start, stop = (zero, terms[0]) if len(terms) == 1 else (terms[0], terms[1])
        step = terms[2] if len(terms) == 3 else one
        name = self.scope.renamed.get(node.target.id, node.target.id)
        self.declared.add(name)
        self.emit(ir.For(name, start, stop, step, self.loop_body(node.body), span=self.span(node)))

    def while_loop(self, node: ast.While) -> None:
        """while."""
        if node.orelse:
            self.fail(
                "else after a loop is not in the language", node.orelse[0], "use a variable that says how it ended"
            )
        condition = self.unsure(node.test)
        self.emit(ir.While(condition, self.loop_body(node.body), span=self.span(node)))

    def loop_body(self, body: Sequence[ast.stmt]) -> tuple[ir.Stmt, ...]:
        """The body of a loop."""
        self.loops += 1
        statements = self.block(body)
        self.loops -= 1
        return statements

    # ---- the rest ----

    def return_(self, node: ast.Return) -> None:
        """return, without a value."""
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.fail("a kernel returns nothing", node.value, "store the result in an array")
        self.emit(ir.Return(span=self.span(node)))

    def assertion(self, node: ast.Assert) -> None:
        """assert, with its message."""
        message = ast.unparse(node.test)
        if node.msg is not None:
            if not (isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str)):
                self.fail("the message of assert must be a plain text", node.msg, 'write assert x > 0, "x is positive"')
            message = node.msg.value
        self.emit(ir.Assert(self.expression(node.test), message, span=self.span(node)))

    def effect(self, node: ast.Expr) -> None:
        """A statement that is an expression: a docstring, an atomic, a call."""
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return  # a docstring
        atomic = self.atomic(value)
        if atomic is not None:
            self.emit(ir.Do(atomic, span=self.span(node)))
            return
        name = self.callee(value) if isinstance(value, ast.Call) else ""
        if isinstance(value, ast.Call) and name in functions.PARALLEL:
            parallel.expand(self, value, name)
        elif isinstance(value, ast.Call) and name in self.module.inline:
            inline.expand_statement(self, value, self.module.functions[name])
        else:
            self.expression(value)  # which has an error of its own, if it is not in the language
            self.fail("this statement has no effect", value, "assign it to a name or an element")

    def atomic(self, node: ast.expr) -> ir.Call | None:
        """An atomic call, or None for anything else."""
        if not isinstance(node, ast.Call):
            return None
        name = self.callee(node)
        span = self.span(node)
        if node.keywords and (name in functions.ATOMICS or name in functions.ATOMICS_AT_0):
            self.fail(f"{name}() takes no keyword arguments", node.keywords[0].value, "give them in order")
        if name in functions.ATOMICS_AT_0:
            self.arity(node, name, 2)
            array = self.array(node.args[0], f"{name}()")
            wanted, found = functions.ATOMICS_AT_0[name], self.params[array].type
            if wanted != found:
                self.fail(
                    f"{name}() adds to an array of {wanted}, {array!r} is of {found}", node, "use atomic_add(a, i, v)"
                )
            self.has_effects = True
            return ir.Call("atomic_add", (ir.Literal(0, span=span), self.expression(node.args[1])), array, span=span)
        if name in functions.ATOMICS:
            self.arity(node, name, 3)
            array = self.array(node.args[0], f"{name}()")
            if len(self.params[array].shape) > 1:
                self.fail(f"{name}() takes a flat array, {array!r} has a shape", node.args[0], "leave its shape out")
            if self.params[array].type == "bool":
                self.fail(f"{name}() takes an array of numbers, {array!r} is of bool", node.args[0])
            self.has_effects = True
            index = self.from_end(array, 0, self.expression(node.args[1]))
            return ir.Call(name, (index, self.expression(node.args[2])), array, span=span)
        return None


def variables(expr: ir.Expr) -> list[ir.Var]:
    """Every Var in an expression."""
    return [node for node in ir.walk(expr) if isinstance(node, ir.Var)]


def reads_arrays(expr: ir.Expr) -> bool:
    """Whether an expression loads an element."""
    return any(isinstance(node, ir.Index) for node in ir.walk(expr))
