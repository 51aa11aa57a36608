"""Kernels as JSON: versions 1.0 and 1.1 read, the lower one that is enough written.

In go documents, or untyped kernels; out come the others. kernel.schema.json says the same for other
programs. Refused with CompileError, by path in the document: other versions, unknown nodes,
operators, functions and keys, names that mean nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from . import functions, ir
from .errors import CompileError
from .shapes import parse_shapes

Json = Any  # what json.loads returns

VERSIONS = ("1.0", "1.1")
MAX_NESTING = 200
_TYPES = {"int": "i64", "float": "f64"}
_BINARY_10 = frozenset("add sub mul div floor_div mod lt le gt ge eq ne and or".split())
_BINARY = _BINARY_10 | {"bit_and", "bit_or", "bit_xor", "shl", "shr"}
_UNARY = frozenset({"neg", "pos", "not", "inv"})
_PLACE = ("line", "column", "loc")
_NUMBERS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


# ---- writing -------------------------------------------------------------------------------------


def to_json(kernels: Sequence[ir.Kernel]) -> str:
    """Return the JSON text of kernels: one document, or a list of them."""
    documents = [kernel_to_json(kernel) for kernel in kernels]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=2)


def kernel_to_json(kernel: ir.Kernel) -> dict[str, Json]:
    """Return the document of one kernel."""
    writer = _Writer()
    entry: dict[str, Json] = {"name": kernel.name, "params": [_write_param(param) for param in kernel.params]}
    entry["body"] = writer.block(kernel.body)
    if kernel.shapes:
        entry["shapes"] = kernel.shapes
        writer.needs_11 = True
    if writer.needs_11 and kernel.doc:
        entry["doc"] = kernel.doc
    return {"version": "1.1" if writer.needs_11 else "1.0", "kernel": entry}


def _write_param(param: ir.Param) -> dict[str, Json]:
    scalar = {"kind": "scalar", "type": param.type}
    return {"name": param.name, "type": {"kind": "device_array", "element_type": scalar} if param.is_array else scalar}


class _Writer:
    """Writes nodes, and notes whether some are not in version 1.0."""

    def __init__(self) -> None:
        self.needs_11 = False

    def newer(self) -> None:
        self.needs_11 = True

    def block(self, body: Sequence[ir.Stmt]) -> list[Json]:
        return [self.statement(statement) for statement in body]

    def statement(self, statement: ir.Stmt) -> dict[str, Json]:
        node = self._statement(statement)
        if self.needs_11 and statement.span is not None:
            node["line"], node["column"] = statement.span.line, statement.span.column
        return node

    def _statement(self, statement: ir.Stmt) -> dict[str, Json]:
        match statement:
            case ir.Let(name=name, value=value, declared=declared):
                node = {"type": "let", "name": name, "value": self.expression(value)}
                if declared:
                    self.newer()
                    node["declared"] = declared
                return node
            case ir.Assign(target=target, value=value):
                return {"type": "assign", "target": self.expression(target), "value": self.expression(value)}
            case ir.If(condition=condition, then=then, orelse=orelse):
                other = self.block(orelse) if orelse else None
                condition_ = self.expression(condition)
                return {"type": "if", "condition": condition_, "then_body": self.block(then), "else_body": other}
            case ir.For(var=var, body=body):
                terms = {name: self.expression(getattr(statement, name)) for name in ("start", "stop", "step")}
                return {"type": "for", "var": var, **terms, "body": self.block(body)}
            case ir.While(condition=condition, body=body):
                return {"type": "while", "condition": self.expression(condition), "body": self.block(body)}
            case ir.Return():
                return {"type": "return", "value": None}
        self.newer()
        match statement:
            case ir.Assert(condition=condition, message=message):
                return {"type": "assert", "condition": self.expression(condition), "message": message}
            case ir.Do(call=call):
                return {"type": "expr", "value": self.expression(call)}
        return {"type": "break" if isinstance(statement, ir.Break) else "continue"}

    def expression(self, expr: ir.Expr) -> dict[str, Json]:
        match expr:
            case ir.Var(name=name):
                return {"type": "var", "name": name}
            case ir.Literal(value=value):
                return {"type": "literal", "value": self._number(value)}
            case ir.BinaryOp(op=op, left=left, right=right):
                self.needs_11 |= op not in _BINARY_10
                return {"type": "binary_op", "op": op, "left": self.expression(left), "right": self.expression(right)}
            case ir.UnaryOp(op=op, operand=operand):
                return {"type": "unary_op", "op": op, "operand": self.expression(operand)}
            case ir.IfExpr(condition=condition, then=then, orelse=orelse):
                parts = {"condition": condition, "then": then, "else": orelse}
                return {"type": "if_expr", **{name: self.expression(part) for name, part in parts.items()}}
            case ir.Index(array=array, indices=indices):
                node: dict[str, Json] = {"type": "index", "array": {"type": "var", "name": array}}
                if len(indices) == 1:
                    return {**node, "index": self.expression(indices[0])}
                self.newer()
                return {**node, "indices": [self.expression(index) for index in indices]}
            case ir.Call(function=function, args=args, array=array):
                self.needs_11 |= function == "len"
                first = [{"type": "var", "name": array}] if array is not None else []
                return {"type": "call", "function": function, "args": [*first, *map(self.expression, args)]}
        raise AssertionError(f"{expr} is not untyped")

    def _number(self, value: bool | int | float) -> Json:
        if isinstance(value, float) and not math.isfinite(value):
            self.newer()  # JSON has no such numbers
            return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        return value


# ---- reading -------------------------------------------------------------------------------------


def from_json(text: str | Json, file: str = "") -> tuple[ir.Kernel, ...]:
    """Return the kernels of a document, or of a list of them, given as text or as data. Raises CompileError."""
    data = _load(text, file) if isinstance(text, str) else text
    documents = data if isinstance(data, list) else [data]
    kernels = tuple(
        _Reader(file, f"[{i}]" if data is documents else "").document(item) for i, item in enumerate(documents)
    )
    names = [kernel.name for kernel in kernels]
    for name in names:
        if names.count(name) > 1:
            raise CompileError(f"kernel {name!r} is there twice", file=file)
    return kernels


def _load(text: str, file: str) -> Json:
    def refuse(name: str) -> NoReturn:
        raise CompileError(f"{name} is not JSON", file=file, advice='write "inf", "-inf" or "nan" (version 1.1)')

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        keys = [key for key, _ in pairs]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise CompileError(f"key {twice!r} is there twice in one object", file=file)
        return dict(pairs)

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        span = ir.Span(error.lineno, error.colno, error.colno + 1)
        raise CompileError(f"not JSON: {error.msg}", file=file, source=text, span=span) from None
    except RecursionError:
        raise CompileError("not JSON that can be read: nested too deep", file=file) from None


class _Reader:
    """Reads one document; `path` is where in it we are, for messages."""

    def __init__(self, file: str, path: str) -> None:
        self.file = file
        self.path = path
        self.arrays: set[str] = set()

    def fail(self, message: str, advice: str = "") -> NoReturn:
        where = f"{self.path.lstrip('.')}: " if self.path else ""
        raise CompileError(f"{where}{message}", file=self.file, advice=advice)

    def at(self, key: str | int, read: Callable[[Json], Any], value: Json) -> Any:
        """Read a part of the node we are at."""
        before = self.path
        self.path += f"[{key}]" if isinstance(key, int) else f".{key}"
        if self.path.count(".") > MAX_NESTING:
            self.fail(f"nested more than {MAX_NESTING} deep", "use variables for parts of it")
        result = read(value)
        self.path = before
        return result

    def document(self, data: Json) -> ir.Kernel:
        if not isinstance(data, dict):
            self.fail(f"expected an object, found {_found(data)}", 'write {"version": "1.0", "kernel": {...}}')
        version = data.get("version")
        if version not in VERSIONS:
            self.fail(f"version {version!r} is not known", f"there are {', '.join(VERSIONS)}")
        _, entry = self.fields(data, "version", "kernel")
        kernel: ir.Kernel = self.at("kernel", self.kernel, entry)
        return kernel

    def kernel(self, data: Json) -> ir.Kernel:
        optional = ("shapes", "doc", "line", "column")
        name, params, body = self.fields(data, "name", "params", "body", optional=optional)
        self.identifier(name)
        read: tuple[ir.Param, ...] = self.at("params", self.params, params)
        self.arrays = {param.name for param in read if param.is_array}
        shapes = self.text("shapes", data.get("shapes", ""))
        if shapes:
            try:
                read = parse_shapes(shapes, read)
            except ValueError as error:
                self.fail(f"shapes: {error}")
        statements = self.at("body", self.block, body)
        return ir.Kernel(name, read, statements, self.text("doc", data.get("doc", "")), shapes, self.file)

    def params(self, data: Json) -> tuple[ir.Param, ...]:
        if not isinstance(data, list):
            self.fail(f"expected a list, found {_found(data)}")
        return tuple(self.at(i, self.param, item) for i, item in enumerate(data))

    def param(self, data: Json) -> ir.Param:
        name, kind = self.fields(data, "name", "type")
        self.identifier(name)
        type_, is_array = self.at("type", self.type, kind)
        return ir.Param(name, type_, is_array)

    def type(self, data: Json) -> tuple[str, bool]:
        kind = data.get("kind") if isinstance(data, dict) else None
        if kind == "scalar":
            _, name = self.fields(data, "kind", "type")
            name = _TYPES.get(name, name) if isinstance(name, str) else name
            if name not in ir.STORED:
                self.fail(f"unknown type {name!r}", f"there are {', '.join(ir.STORED)}")
            return name, False
        if kind == "device_array":
            _, element = self.fields(data, "kind", "element_type")
            name, is_array = self.at("element_type", self.type, element)
            if is_array:
                self.fail("an array of arrays is not in the language")
            return name, True
        self.fail(f"expected a type of kind scalar or device_array, found {_found(data)}")

    def identifier(self, name: Json) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            self.fail(f"expected a name, found {_found(name)}")

    def fields(self, data: Json, *names: str, optional: Sequence[str] = ()) -> list[Json]:
        """The values of an object's keys, which must be these and no others."""
        if not isinstance(data, dict):
            self.fail(f"expected an object, found {_found(data)}")
        for name in names:
            if name not in data:
                self.fail(f"{name!r} is missing")
        extra = set(data) - set(names) - set(optional)
        if extra:
            self.fail(f"unknown key {sorted(extra)[0]!r}", f"there are {', '.join((*names, *optional))}")
        return [data[name] for name in names]

    def node(self, data: Json, *names: str, optional: Sequence[str] = ()) -> list[Json]:
        """The fields of a statement or an expression, which may also say where it was; `loc` is not read."""
        _, *values = self.fields(data, "type", *names, optional=(*optional, *_PLACE))
        for key, least in (("line", 0), ("column", 1)):
            number = data.get(key, least)
            if type(number) is not int or number < least:
                self.fail(f"{key}: expected an integer from {least}, found {_found(number)}")
        return values

    def text(self, key: str, value: Json) -> str:
        if not isinstance(value, str):
            self.fail(f"{key}: expected a string, found {_found(value)}")
        return value

    # ---- statements ----

    def block(self, data: Json) -> tuple[ir.Stmt, ...]:
        if not isinstance(data, list):
            self.fail(f"expected a list of statements, found {_found(data)}")
        return tuple(self.at(i, self.statement, item) for i, item in enumerate(data))

    def statement(self, data: Json) -> ir.Stmt:
        kind = str(data.get("type")) if isinstance(data, dict) else ""
        read: Mapping[str, Callable[[Json], ir.Stmt]] = {
            "let": self.let,
            "assign": self.assign,
            "if": self.if_,
            "for": self.for_,
            "while": self.while_,
            "return": self.return_,
            "break": lambda data: ir.Break(span=self._plain(data)),
            "continue": lambda data: ir.Continue(span=self._plain(data)),
            "assert": self.assert_,
            "expr": self.do,
        }
        if kind not in read:
            self.fail(f"unknown statement {kind!r}", f"there are {', '.join(read)}")
        return read[kind](data)

    def _plain(self, data: Json) -> ir.Span | None:
        self.node(data)
        return _span(data)

    def let(self, data: Json) -> ir.Stmt:
        name, value = self.node(data, "name", "value", optional=("declared",))
        self.identifier(name)
        declared = data.get("declared")
        if declared is not None and declared not in ir.STORED:
            self.fail(f"unknown type {declared!r}", f"there are {', '.join(ir.STORED)}")
        return ir.Let(name, self.at("value", self.expression, value), declared, span=_span(data))

    def assign(self, data: Json) -> ir.Stmt:
        target, value = self.node(data, "target", "value")
        to = self.at("target", self.expression, target)
        if not isinstance(to, (ir.Var, ir.Index)):
            self.fail("the target must be a var or an index")
        return ir.Assign(to, self.at("value", self.expression, value), span=_span(data))

    def if_(self, data: Json) -> ir.Stmt:
        condition, then = self.node(data, "condition", "then_body", optional=("else_body",))
        orelse = data.get("else_body")
        return ir.If(
            self.at("condition", self.expression, condition),
            self.at("then_body", self.block, then),
            () if orelse is None else self.at("else_body", self.block, orelse),
            span=_span(data),
        )

    def for_(self, data: Json) -> ir.Stmt:
        var, start, stop, body = self.node(data, "var", "start", "stop", "body", optional=("step",))
        self.identifier(var)
        step = data.get("step")
        return ir.For(
            var,
            self.at("start", self.expression, start),
            self.at("stop", self.expression, stop),
            ir.Literal(1) if step is None else self.at("step", self.expression, step),
            self.at("body", self.block, body),
            span=_span(data),
        )

    def while_(self, data: Json) -> ir.Stmt:
        condition, body = self.node(data, "condition", "body")
        return ir.While(
            self.at("condition", self.expression, condition), self.at("body", self.block, body), span=_span(data)
        )

    def return_(self, data: Json) -> ir.Stmt:
        self.node(data, optional=("value",))
        if data.get("value") is not None:
            self.fail("a kernel returns nothing", "store the result in an array")
        return ir.Return(span=_span(data))

    def assert_(self, data: Json) -> ir.Stmt:
        condition, message = self.node(data, "condition", "message")
        return ir.Assert(
            self.at("condition", self.expression, condition), self.text("message", message), span=_span(data)
        )

    def do(self, data: Json) -> ir.Stmt:
        (value,) = self.node(data, "value")
        call = self.at("value", self.expression, value)
        if not isinstance(call, ir.Call) or call.function not in functions.ATOMICS:
            self.fail("this statement has no effect", f"only {', '.join(sorted(functions.ATOMICS))} stand alone")
        return ir.Do(call, span=_span(data))

    # ---- expressions ----

    def expression(self, data: Json) -> ir.Expr:
        kind = str(data.get("type")) if isinstance(data, dict) else ""
        read: Mapping[str, Callable[[Json], ir.Expr]] = {
            "var": self.var,
            "literal": self.literal,
            "binary_op": self.binary_op,
            "unary_op": self.unary_op,
            "if_expr": self.if_expr,
            "index": self.index,
            "call": self.call,
        }
        if kind not in read:
            self.fail(f"unknown expression {kind!r}", f"there are {', '.join(read)}")
        return read[kind](data)

    def var(self, data: Json) -> ir.Expr:
        (name,) = self.node(data, "name")
        self.identifier(name)
        return ir.Var(name, span=_span(data))

    def literal(self, data: Json) -> ir.Expr:
        (value,) = self.node(data, "value")
        value = _NUMBERS.get(value, value) if isinstance(value, str) else value
        if not isinstance(value, (bool, int, float)):
            self.fail(f"expected a number, found {_found(value)}")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            self.fail(f"{value} does not fit in 64 bits", "write it as a float, such as 1e30")
        return ir.Literal(value, span=_span(data))

    def binary_op(self, data: Json) -> ir.Expr:
        op, left, right = self.node(data, "op", "left", "right")
        if op not in _BINARY:
            self.fail(f"unknown operator {op!r}", f"there are {', '.join(sorted(_BINARY))}")
        return ir.BinaryOp(
            op, self.at("left", self.expression, left), self.at("right", self.expression, right), span=_span(data)
        )

    def unary_op(self, data: Json) -> ir.Expr:
        op, operand = self.node(data, "op", "operand")
        if op not in _UNARY:
            self.fail(f"unknown operator {op!r}", f"there are {', '.join(sorted(_UNARY))}")
        return ir.UnaryOp(op, self.at("operand", self.expression, operand), span=_span(data))

    def if_expr(self, data: Json) -> ir.Expr:
        names = ("condition", "then", "else")
        parts = zip(names, self.node(data, *names), strict=True)
        return ir.IfExpr(*(self.at(name, self.expression, part) for name, part in parts), span=_span(data))

    def index(self, data: Json) -> ir.Expr:
        several = "indices" in data
        array, where = self.node(data, "array", "indices" if several else "index")
        items = where if several else [where]
        if not isinstance(items, list) or not items:
            self.fail(f"indices: expected a list, found {_found(items)}")
        indices = tuple(self.at("index", self.expression, item) for item in items)
        return ir.Index(self.array(array), indices, span=_span(data))

    def array(self, data: Json) -> str:
        """The name of an array, as a var or plain."""
        name = data.get("name") if isinstance(data, dict) and data.get("type") == "var" else data
        if not isinstance(name, str) or name not in self.arrays:
            self.fail(
                f"expected the name of an array parameter, found {_found(name)}",
                f"there are {', '.join(sorted(self.arrays))}",
            )
        return name

    def call(self, data: Json) -> ir.Expr:
        function, args = self.node(data, "function", "args")
        if not isinstance(function, str) or not isinstance(args, list):
            self.fail("expected a function's name and a list of args")
        span = _span(data)
        if function in functions.ATOMICS or function in functions.ATOMICS_AT_0 or function == "len":
            if not args:
                self.fail(f"{function}() needs an array")
            array = self.array(args[0])
            rest = tuple(self.at("args", self.expression, item) for item in args[1:])
            if function in functions.ATOMICS_AT_0:
                return ir.Call("atomic_add", (ir.Literal(0), *rest), array, span=span)
            return ir.Call(function, rest, array, span=span)
        name, single = functions.C_NAMES.get(function, (function, False))
        name = _TYPES.get(name, name)
        known = name in functions.FUNCTIONS or name in ir.STORED or name == "get_global_id"
        if not known:
            self.fail(f"unknown function {function!r}", f"there are {', '.join(sorted(functions.FUNCTIONS))}")
        values: tuple[ir.Expr, ...] = tuple(self.at("args", self.expression, item) for item in args)
        if single:
            values = tuple(ir.Call("f32", (value,), span=span) for value in values)
        return ir.Call(name, values, span=span)


def _span(data: Json) -> ir.Span | None:
    line, column = data.get("line"), data.get("column", 1)
    return None if line is None else ir.Span(line, column, column + 1)


def _found(value: Json) -> str:
    return json.dumps(value, default=str)[:60]
