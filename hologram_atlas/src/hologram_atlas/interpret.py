"""The interpreter: what every node of the IR means.

In go a typed kernel, arrays and numbers by parameter; the arrays are changed as the kernel says, work
item after work item. This is the definition that compiled code is tested against; arithmetic.py has
that of the operators. KernelError is raised for an index out of bounds, a failed assert and a step of
0; what was stored before stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from hologram_core.errors import KernelError

from . import arithmetic, ir
from .arithmetic import Value, convert

Array: TypeAlias = np.ndarray[Any, Any]
Evaluate: TypeAlias = Callable[["_Item"], Value]
Run: TypeAlias = Callable[["_Item"], object]  # gives one of the signals, or None

BREAK, CONTINUE, RETURN = "break", "continue", "return"


class TooManySteps(Exception):  # noqa: N818  # it says what happened
    """A run took more turns of loops than it was allowed."""


class _Item:
    """One work item: its number and its locals."""

    def __init__(self, number: int, values: dict[str, Value], steps: int | None) -> None:
        self.number = number
        self.values = values
        self.steps = steps

    def step(self) -> None:
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise TooManySteps


def run(
    kernel: ir.Kernel,
    arguments: Mapping[str, Any],
    extent: int,
    *,
    begin: int = 0,
    dims: Mapping[str, int] | None = None,
    max_steps: int | None = None,
) -> None:
    """Run work items begin <= id < extent of a typed kernel, in order.

    Arrays are ndarrays of the stored dtypes, C-contiguous, of any shape; numbers are Python's or
    NumPy's; dims has the sizes of shapes that are no parameters. Raises KernelError.
    """
    program = _Program(kernel, arguments, dims or {})
    with np.errstate(all="ignore"):
        for number in range(begin, extent):
            program.body(_Item(number, dict(program.scalars), max_steps))


def evaluate(kernel: ir.Kernel, expr: ir.Expr, arguments: Mapping[str, Any], dims: Mapping[str, int]) -> Value:
    """Return the value of a uniform expression of a kernel."""
    program = _Program(kernel, arguments, dims)
    return program.expression(expr)(_Item(0, dict(program.scalars), None))


class _Program:
    """A kernel made into closures once, for these arguments."""

    def __init__(self, kernel: ir.Kernel, arguments: Mapping[str, Any], dims: Mapping[str, int]) -> None:
        self.arrays: dict[str, Array] = {name: arguments[name].reshape(-1) for name in kernel.arrays}
        self.params = kernel.arrays
        self.scalars: dict[str, Value] = {}
        for name, param in kernel.scalars.items():
            given = arguments[name].item() if isinstance(arguments[name], np.generic) else arguments[name]
            if param.type in ("u64", "usize") and given >= 2**63:
                raise ValueError(f"argument {name!r}: at most 9223372036854775807 is possible")
            self.scalars[name] = convert(given, param.type)
        sizes = {**dims, **self.scalars}
        self.shapes = {
            name: tuple(size if isinstance(size, int) else sizes[size] for size in param.shape) or (array.size,)
            for (name, param), array in zip(kernel.arrays.items(), self.arrays.values(), strict=True)
        }
        for name, shape in self.shapes.items():
            if prod(shape) != self.arrays[name].size:
                raise ValueError(f"argument {name!r}: {self.arrays[name].size} elements do not make the shape {shape}")
        self.body = self.block(kernel.body)

    # ---- statements ----

    def block(self, body: Sequence[ir.Stmt]) -> Run:
        runs = [self.statement(statement) for statement in body]

        def run_block(item: _Item) -> object:
            for run in runs:
                signal = run(item)
                if signal is not None:
                    return signal
            return None

        return run_block

    def statement(self, statement: ir.Stmt) -> Run:
        match statement:
            case ir.Let(name=name, value=value) | ir.Assign(target=ir.Var(name=name), value=value):
                return self.assign(name, self.expression(value))
            case ir.Assign(target=ir.Index() as target, value=value):
                return self.store(target, self.expression(value))
            case ir.If(condition=condition, then=then, orelse=orelse):
                test, first, second = self.expression(condition), self.block(then), self.block(orelse)
                return lambda item: first(item) if test(item) else second(item)
            case ir.For():
                return self.for_loop(statement)
            case ir.While(condition=condition, body=body):
                return self.while_loop(self.expression(condition), self.block(body))
            case ir.Return():
                return lambda item: RETURN
            case ir.Break():
                return lambda item: BREAK
            case ir.Continue():
                return lambda item: CONTINUE
            case ir.Assert(condition=condition, message=message):
                return self.assertion(self.expression(condition), message, statement)
            case ir.Do(call=call):
                return self.do(self.expression(call))
        raise AssertionError(f"{statement} is not typed")

    def do(self, effect: Evaluate) -> Run:
        def do(item: _Item) -> None:
            effect(item)

        return do

    def assign(self, name: str, value: Evaluate) -> Run:
        def assign(item: _Item) -> None:
            item.values[name] = value(item)

        return assign

    def store(self, target: ir.Index, value: Evaluate) -> Run:
        array, kind = self.arrays[target.array], self.params[target.array].type
        place = self.place(target)

        def store(item: _Item) -> None:
            stored = convert(value(item), kind)
            array[place(item)] = stored

        return store

    def for_loop(self, statement: ir.For) -> Run:
        start, stop, step = (self.expression(term) for term in (statement.start, statement.stop, statement.step))
        name, body = statement.var, self.block(statement.body)

        def for_loop(item: _Item) -> object:
            first, end, by = start(item), stop(item), step(item)
            if by == 0:
                raise _failure("range() with a step of 0", item, statement)
            for value in range(first, end, by):
                item.step()
                item.values[name] = value
                signal = body(item)
                if signal is BREAK:
                    break
                if signal is RETURN:
                    return RETURN
            return None

        return for_loop

    def while_loop(self, condition: Evaluate, body: Run) -> Run:
        def while_loop(item: _Item) -> object:
            while condition(item):
                item.step()
                signal = body(item)
                if signal is BREAK:
                    break
                if signal is RETURN:
                    return RETURN
            return None

        return while_loop

    def assertion(self, condition: Evaluate, message: str, statement: ir.Assert) -> Run:
        def assertion(item: _Item) -> None:
            if not condition(item):
                raise _failure(f"assertion failed: {message}", item, statement)

        return assertion

    # ---- expressions ----

    def expression(self, expr: ir.Expr) -> Evaluate:
        match expr:
            case ir.Var(name=name):
                return lambda item: item.values[name]
            case ir.Literal(value=value):
                return lambda item: value
            case ir.BinaryOp():
                return self.binary(expr)
            case ir.UnaryOp(op=op, operand=operand):
                compute, fit, value_of = arithmetic.UNARY[op], arithmetic.FIT[str(expr.type)], self.expression(operand)
                return lambda item: fit(compute(value_of(item)))
            case ir.IfExpr(condition=condition, then=then, orelse=orelse):
                test, first, second = map(self.expression, (condition, then, orelse))
                return lambda item: first(item) if test(item) else second(item)
            case ir.Index(array=array):
                elements, place = self.arrays[array], self.place(expr)
                return lambda item: elements[place(item)].item()
            case ir.Cast(to=to, value=operand):
                value_of = self.expression(operand)
                return lambda item: convert(value_of(item), to)
            case ir.Call():
                return self.call(expr)

    def binary(self, expr: ir.BinaryOp) -> Evaluate:
        left, right = self.expression(expr.left), self.expression(expr.right)
        if expr.op == "and":
            return lambda item: left(item) and right(item)
        if expr.op == "or":
            return lambda item: left(item) or right(item)
        kind = str(expr.type)
        compute, fit = arithmetic.BINARY[kind][expr.op], arithmetic.FIT[kind]
        return lambda item: fit(compute(left(item), right(item)))

    def call(self, expr: ir.Call) -> Evaluate:
        name, kind = expr.function, str(expr.type)
        if name == "get_global_id":
            return lambda item: item.number
        if name == "len":
            axis = int(expr.args[0].value) if expr.args and isinstance(expr.args[0], ir.Literal) else 0
            size = self.shapes[str(expr.array)][axis]
            return lambda item: size
        if name in arithmetic.ATOMICS:
            return self.atomic(expr)
        args = [self.expression(argument) for argument in expr.args]
        compute, fit = arithmetic.FUNCTIONS[str(expr.args[0].type)][name], arithmetic.FIT[kind]
        return lambda item: fit(compute(*(argument(item) for argument in args)))

    def atomic(self, expr: ir.Call) -> Evaluate:
        """Change an element; the value is what it was before."""
        array, kind = self.arrays[str(expr.array)], self.params[str(expr.array)].type
        place, value = self.place(expr), self.expression(expr.args[1])
        compute, fit = arithmetic.ATOMICS[expr.function], arithmetic.FIT[str(expr.type)]

        def atomic(item: _Item) -> Value:
            given, at = value(item), place(item)
            old = array[at].item()
            array[at] = convert(fit(compute(old, given)), kind)
            return old

        return atomic

    def place(self, access: ir.Index | ir.Call) -> Evaluate:
        """The flat index of an element, which is inside its array."""
        name = str(access.array)
        shape, is_flat = self.shapes[name], not self.params[name].shape
        indices = [
            self.expression(index) for index in (access.indices if isinstance(access, ir.Index) else access.args[:1])
        ]

        def place(item: _Item) -> int:
            at = [index(item) for index in indices]
            if not all(0 <= one < size for one, size in zip(at, shape, strict=True)):
                raise _failure(_outside(name, at, shape, is_flat=is_flat), item, access)
            flat = 0
            for one, size in zip(at, shape, strict=True):
                flat = flat * size + one
            return flat

        return place


def _outside(name: str, at: Sequence[int], shape: Sequence[int], *, is_flat: bool) -> str:
    where = ", ".join(map(str, at))
    has = f"{shape[0]} elements" if len(shape) == 1 or is_flat else f"shape ({', '.join(map(str, shape))})"
    return f"{name}[{where}] is out of bounds: {name} has {has}"


def _failure(message: str, item: _Item, node: ir.Expr | ir.Stmt) -> KernelError:
    line = node.span.line if node.span else 0
    return KernelError(f"{message} (work item {item.number}, line {line})")
