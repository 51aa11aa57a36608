"""Python source to IR: finds kernels, constants and @inline functions in a module, and never executes it.

In goes source text; out come untyped ir.Kernel values, helpers expanded and constants filled in.
Whatever is not in the language is a CompileError at its place, with what to write instead.
"""

from __future__ import annotations

import ast
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from . import ir
from .errors import CompileError
from .shapes import parse_shapes
from .statements import BodyParser

Number = bool | int | float
MATH_CONSTANTS: Mapping[str, Number] = {name: getattr(math, name) for name in ("pi", "e", "tau", "inf", "nan")}
MAX_PARAMS = 14  #: of the 16 of the ABI, since a call may carry the extent and the kernel an output more
MAX_NESTING = 100


@dataclass(frozen=True)
class Module:
    """What the top level of a file says: everything that a kernel in it may refer to."""

    file: str
    source: str
    functions: Mapping[str, ast.FunctionDef]
    inline: frozenset[str]  #: the names of the @inline functions
    constants: Mapping[str, Number]
    lookup: Callable[[str], Number | None] = field(default=lambda name: None)  #: numbers that a live function captures

    def constant(self, name: str) -> Number | None:
        """The value of a module constant or captured number, or None."""
        value = self.lookup(name)
        return self.constants.get(name) if value is None else value

    def fail(self, message: str, node: ast.AST | None = None, advice: str = "") -> NoReturn:
        """Raise a CompileError at a node."""
        raise CompileError(message, file=self.file, source=self.source, span=span_of(node), advice=advice) from None


_parsing = threading.Lock()


def parse_tree(source: str, file: str = "<unknown>", mode: str = "exec") -> Any:
    """ast.parse(), one thread at a time: that of CPython 3.11 has one depth for all, and fails when they meet."""
    with _parsing:
        return ast.parse(source, filename=file, mode=mode)


def span_of(node: ast.AST | None) -> ir.Span | None:
    """Where a node is; of one that takes several lines, the first."""
    line = getattr(node, "lineno", None)
    if node is None or line is None:
        return None
    start = node.col_offset + 1  # type: ignore[attr-defined]  # what has lineno has all four
    end = node.end_col_offset + 1 if node.end_lineno == line else start + 1  # type: ignore[attr-defined]
    return ir.Span(line, start, max(end, start + 1))


def parse_source(
    source: str,
    file: str = "<string>",
    *,
    only: str | None = None,
    lookup: Callable[[str], Number | None] = lambda name: None,
) -> tuple[ir.Kernel, ...]:
    """Return the kernels of a source text in its order, or the one named `only`.

    `lookup` gives numbers that names of the source stand for where the text does not say (closures).
    Raises CompileError.
    """
    module = read_module(source, file, lookup)
    _check_top_level(module)
    wanted = [name for name in module.functions if name not in module.inline and only in (None, name)]
    return tuple(parse_kernel(module, module.functions[name]) for name in wanted)


def _check_top_level(module: Module) -> None:
    """Refuse what a file of kernels does not have: async functions, two functions of one name."""
    first: dict[str, ast.FunctionDef] = {}
    for node in parse_tree(module.source).body:
        if isinstance(node, ast.AsyncFunctionDef):
            module.fail("async functions are not in the language", node, "write def")
        if not isinstance(node, ast.FunctionDef):
            continue
        if node.name in first:
            where = f"the first one is in line {first[node.name].lineno}"
            module.fail(f"function {node.name!r} is defined twice", node, where)
        first[node.name] = node


def parse_function(
    source: str, file: str, name: str, line: int, *, lookup: Callable[[str], Number | None] = lambda name: None
) -> ir.Kernel:
    """Return the kernel of the function with this name whose first line, decorators included, is `line`.

    It may stand inside other functions; @inline functions beside it are known too. Raises CompileError.
    """
    module = read_module(source, file, lookup)
    chain = _enclosing(parse_tree(source, file), name, line)
    if not chain:
        raise CompileError(f"no function {name!r} in line {line}", file=file, source=source)
    functions, inline = dict(module.functions), set(module.inline)
    for scope in chain[:-1]:
        helpers = {node.name: node for node in scope.body if isinstance(node, ast.FunctionDef) and _is_inline(node)}
        functions |= helpers
        inline |= set(helpers)
    function = chain[-1]
    return parse_kernel(
        replace(module, functions={**functions, name: function}, inline=frozenset(inline - {name})), function
    )


def _enclosing(tree: ast.Module, name: str, line: int) -> list[ast.FunctionDef]:
    """The function at a line and those around it, outermost first."""
    chain: list[ast.FunctionDef] = []
    for node in ast.walk(tree):  # outer ones come first
        if isinstance(node, ast.FunctionDef) and _first_line(node) <= line <= (node.end_lineno or line):
            chain.append(node)
            if node.name == name and _first_line(node) == line:
                return chain
    return []


def _first_line(function: ast.FunctionDef) -> int:
    return min([function.lineno, *(node.lineno for node in function.decorator_list)])


def _is_inline(function: ast.FunctionDef) -> bool:
    return any(_last_name(node) == "inline" for node in function.decorator_list)


def read_module(source: str, file: str, lookup: Callable[[str], Number | None] = lambda name: None) -> Module:
    """Parse a text and collect what its top level defines."""
    try:
        tree = parse_tree(source, file)
    except SyntaxError as error:
        line, column = error.lineno or 1, max(error.offset or 1, 1)
        end = error.end_offset if error.end_lineno == error.lineno and error.end_offset else column + 1
        span = ir.Span(line, column, max(end, column + 1))
        raise CompileError(f"Python syntax error: {error.msg}", file=file, source=source, span=span) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise CompileError(f"Python cannot parse this: {error}", file=file, source=source) from None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    inline = frozenset(name for name, node in functions.items() if _is_inline(node))
    return Module(file, source, functions, inline, _constants(tree), lookup)


def _check_nesting(module: Module, function: ast.FunctionDef) -> None:
    """Refuse what would exhaust the stack of the stages that come."""
    level: list[ast.AST] = [function]
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    deepest = next((node for node in level if hasattr(node, "lineno")), None)
    module.fail(f"nested more than {MAX_NESTING} deep", deepest, "use variables for parts of it")


# ---- constants -----------------------------------------------------------------------------------


def _constants(tree: ast.Module) -> dict[str, Number]:
    """The names that the top level gives one number; a name that is assigned twice is none."""
    constants: dict[str, Number] = {}
    seen: set[str] = set()
    for node in tree.body:
        target, value = None, None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign):
            target, value = node.target, node.value
        if not isinstance(target, ast.Name):
            continue
        number = None if value is None else _number(value, constants)
        if target.id in seen or number is None:
            constants.pop(target.id, None)
        else:
            constants[target.id] = number
        seen.add(target.id)
    return constants


def _number(node: ast.expr, constants: Mapping[str, Number]) -> Number | None:
    """The value of an expression of numbers and constants, or None."""
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return value
        case ast.Name(id=name):
            return constants.get(name)
        case ast.Attribute(value=ast.Name(id="math"), attr=name):
            return MATH_CONSTANTS.get(name)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            number = _number(operand, constants)
            return number if number is None or isinstance(node.op, ast.UAdd) else -number
        case ast.BinOp(left=left, op=op, right=right):
            return _fold(_number(left, constants), op, _number(right, constants))
    return None


def _fold(left: Number | None, op: ast.operator, right: Number | None) -> Number | None:
    if left is None or right is None:
        return None
    try:
        match op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
            case ast.FloorDiv():
                return left // right
            case ast.LShift() if isinstance(left, int) and isinstance(right, int) and 0 <= right < 64:
                return left << right
            case ast.Pow() if abs(right) <= 1024 and abs(left) <= 2**64:
                power = left**right
                return power if isinstance(power, (int, float)) else None
    except ArithmeticError:
        return None
    return None


# ---- decorators and parameters -------------------------------------------------------------------


@dataclass(frozen=True)
class _Decoration:
    inline: bool = False
    shapes: str = ""
    shapes_node: ast.AST | None = None


def _decoration(module: Module, function: ast.FunctionDef) -> _Decoration:
    """What the decorators say: @inline, @kernel or @kernel(shapes="...")."""
    inline, shapes, where = False, "", None
    for node in function.decorator_list:
        call = node if isinstance(node, ast.Call) else None
        name = _last_name(call.func if call else node)
        if name == "inline" and call is None:
            inline = True
        elif name == "kernel":
            for keyword in call.keywords if call else ():
                if keyword.arg == "shapes" and isinstance(keyword.value, ast.Constant):
                    shapes, where = str(keyword.value.value), keyword.value
                elif keyword.arg == "shapes":
                    module.fail("shapes: expected a text", keyword.value, 'write shapes="(m,k),(k,n)->(m,n)"')
        else:
            module.fail(
                f"decorator @{ast.unparse(node)} is not in the language",
                node,
                "a kernel is decorated with @kernel or not at all, a helper function with @inline",
            )
    return _Decoration(inline, shapes, where)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def parse_kernel(module: Module, function: ast.FunctionDef) -> ir.Kernel:
    """Translate one function. Raises CompileError."""
    _check_nesting(module, function)
    decoration = _decoration(module, function)
    params = tuple(_param(module, function, argument) for argument in _arguments(module, function, "kernel"))
    if not any(param.is_array for param in params):
        module.fail(
            f"kernel {function.name!r} has no array parameter",
            _head(function),
            "give it one, such as out: DeviceArray[f32]; or mark it @inline if kernels call it",
        )
    if len(params) > MAX_PARAMS:
        module.fail(
            f"kernel {function.name!r} has {len(params)} parameters, at most {MAX_PARAMS} are possible", _head(function)
        )
    if function.returns is not None and not _is_none(function.returns):
        module.fail("a kernel returns nothing", function.returns, "store the result in an array; write no -> here")
    if decoration.shapes:
        try:
            params = parse_shapes(decoration.shapes, params)
        except ValueError as error:
            module.fail(f"shapes: {error}", decoration.shapes_node)
    parser = BodyParser(module, {param.name: param for param in params}, function)
    body = parser.kernel_body(function)
    doc = (ast.get_docstring(function) or "").strip().partition("\n")[0]
    return ir.Kernel(
        function.name, params, body, doc, decoration.shapes, module.file, module.source, span=span_of(_head(function))
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _head(function: ast.FunctionDef) -> ast.AST:
    """The name of a function, for a caret under it."""
    start = function.col_offset + len("def ")
    return ast.Name(
        function.name,
        ast.Load(),
        lineno=function.lineno,
        col_offset=start,
        end_lineno=function.lineno,
        end_col_offset=start + len(function.name),
    )


def _arguments(module: Module, function: ast.FunctionDef, what: str) -> list[ast.arg]:
    """The plain parameters of a function; refuses all other kinds."""
    arguments = function.args
    for extra, text in ((arguments.vararg, "*args"), (arguments.kwarg, "**kwargs")):
        if extra is not None:
            module.fail(f"{text} is not in the language", extra, f"name every parameter of the {what}")
    if arguments.posonlyargs or arguments.kwonlyargs:
        odd = [*arguments.kwonlyargs, *arguments.posonlyargs][0]
        module.fail("positional-only and keyword-only parameters are not in the language", odd, "leave out / and *")
    if arguments.defaults:
        module.fail("parameters have no defaults", arguments.defaults[0], "leave it out; callers pass every number")
    return arguments.args


def _param(module: Module, function: ast.FunctionDef, argument: ast.arg) -> ir.Param:
    known = f"use DeviceArray[T] or T, where T is one of {', '.join(ir.STORED)}, int, float"
    note = argument.annotation
    if note is None:
        module.fail(f"parameter {argument.arg!r} has no type", argument, known)
    array, name = annotation(note)
    if name is None:
        module.fail(f"{ast.unparse(note)} is not a type of the language", note, known)
    return ir.Param(argument.arg, name, array, span=span_of(argument))


def annotation(node: ast.expr) -> tuple[bool, str | None]:
    """(whether it is an array, the stored type or None for no type of the language)."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):  # "DeviceArray[f32]", quoted
        try:
            node = parse_tree(node.value.strip(), mode="eval").body
        except SyntaxError:
            return False, None
    if isinstance(node, ast.Subscript) and _last_name(node.value) == "DeviceArray":
        return True, stored_type(_last_name(node.slice))
    return False, stored_type(_last_name(node))


def stored_type(name: str) -> str | None:
    """The stored type that a name stands for, or None."""
    return {"int": "i64", "float": "f64"}.get(name, name if name in ir.STORED else None)
