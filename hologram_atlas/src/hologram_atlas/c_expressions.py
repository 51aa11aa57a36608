"""Typed IR expressions as C.

In goes an expression; out comes C text of its compute type, which calls include/hologram/language.h
where C's own operators mean something else. An access that is checked is a statement expression that leaves the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import ir
from .c_functions import function
from .definitions import definitions, resolve

C_TYPE = {"bool": "bool", "i64": "int64_t", "u64": "uint64_t", "f32": "float", "f64": "double"}
#: what an array of a stored type is made of; any byte may stand in an array of bool
C_STORED = {
    "bool": "uint8_t",
    "f16": "_Float16",
    "f32": "float",
    "f64": "double",
    "usize": "int64_t",
    **{f"{sign}{bits}": f"{prefix}int{bits}_t" for sign, prefix in (("i", ""), ("u", "u")) for bits in (8, 16, 32, 64)},
}
_PLAIN = frozenset({"add", "sub", "mul", "div", "bit_and", "bit_or", "bit_xor"})
_FUNCTIONS = frozenset({"floor_div", "mod", "shl", "shr"})
_QUOTIENTS = frozenset({"floor_div", "mod"})
_COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_ITEMS = {"get_global_id": "item", "first_item": "begin", "end_item": "end"}
_FLOATS = frozenset({"f32", "f64"})
_NARROW = frozenset({"u8", "u16", "u32"})  # unsigned and computed in i64: never negative


@dataclass
class Names:
    """The C names of one kernel's parameters and locals."""

    table: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(kernel: ir.Kernel) -> Names:
        """Give every name a C name that is no keyword and no macro, whatever letters it has."""
        names = Names()
        for name in [*(param.name for param in kernel.params), *(name for name, _ in kernel.locals)]:
            plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
            c = f"v_{plain}"
            while c in names.table.values():
                c += "_"
            names.table[name] = c
        return names

    def __getitem__(self, name: str) -> str:
        return self.table[name]


class Expressions:
    """Renders the expressions of one kernel."""

    def __init__(
        self,
        kernel: ir.Kernel,
        names: Names,
        is_checked: Callable[[ir.Index | ir.Call, int], bool],
    ) -> None:
        self.kernel = kernel
        self.names = names
        self.is_checked = is_checked  # whether an access needs a check of its index on an axis
        self.params: Mapping[str, ir.Param] = {param.name: param for param in kernel.params}
        self.known: Mapping[ir.Expr, str] = {}  # resolved expressions that a variable of the C text holds
        self.definitions = definitions(kernel)
        self.temporaries = 0

    def render(self, expr: ir.Expr) -> str:
        """The C text of an expression, in brackets where it needs them."""
        match expr:
            case ir.Var(name=name):
                return self.names[name]
            case ir.Literal():
                return literal(expr)
            case ir.BinaryOp():
                return self._binary(expr)
            case ir.UnaryOp():
                return self._unary(expr)
            case ir.IfExpr():
                condition, then, orelse = map(self.render, (expr.condition, expr.then, expr.orelse))
                return f"({condition} ? {then} : {orelse})"
            case ir.Index():
                return self._load(expr)
            case ir.Call():
                return self._call(expr)
            case ir.Cast():
                return self._cast(expr)

    def _binary(self, expr: ir.BinaryOp) -> str:
        op = expr.op
        if op in _QUOTIENTS and self.known:
            held = self.known.get(resolve(expr, self.definitions))
            if held is not None:
                return held
        if op in ("and", "or"):
            return f"({self.render(expr.left)} {'&&' if op == 'and' else '||'} {self.render(expr.right)})"
        return self._in_order((expr.left, expr.right), lambda left, right: self._combined(expr, left, right))

    def _combined(self, expr: ir.BinaryOp, left: str, right: str) -> str:
        if expr.op in _COMPARISONS:
            return self._comparison(expr, left, right)
        if expr.op in _FUNCTIONS:
            return f"{self._function_of(expr)}({left}, {right})"
        text = f"{left} {ir.SYMBOLS[expr.op]} {right}"
        return f"(bool)({text})" if expr.type == "bool" else f"({text})"

    def _in_order(self, operands: Sequence[ir.Expr], combine: Callable[..., str]) -> str:
        """Operands combined; where two of them may fail, the first one does first, which C leaves open."""
        texts = [self.render(operand) for operand in operands]
        if sum(map(self._may_fail, operands)) < 2:
            return combine(*texts)
        lets = []
        for operand, text in zip(operands, texts, strict=True):
            self.temporaries += 1
            lets.append((f"t{self.temporaries}_", f"const {C_TYPE[str(operand.type)]} t{self.temporaries}_ = {text}; "))
        return f"({{ {''.join(let for _, let in lets)}{combine(*(name for name, _ in lets))}; }})"

    def _may_fail(self, expr: ir.Expr) -> bool:
        return any(
            isinstance(node, ir.Index) and any(self.is_checked(node, axis) for axis in range(len(node.indices)))
            for node in ir.walk(expr)
        )

    def _function_of(self, expr: ir.BinaryOp) -> str:
        divides = expr.type == "i64" and expr.op in ("floor_div", "mod")
        if divides and self.is_natural(expr.left) and self.is_natural(expr.right):
            return "quotient_i64" if expr.op == "floor_div" else "remainder_i64"
        return f"{expr.op}_{expr.type}"

    def is_natural(self, expr: ir.Expr) -> bool:
        """Whether a value is surely not negative, without a thought about sums and products, which may wrap."""
        match expr:
            case ir.Literal(value=value):
                return value >= 0
            case ir.Var(name=name):
                return name in self.params and self.params[name].type in _NARROW | {"usize", "u64"}
            case ir.Index(array=array):
                return self.params[array].type in _NARROW
            case ir.Call(function=function):
                return function in ("len", "get_global_id")
            case ir.Cast(to=to):
                return to in _NARROW
            case ir.BinaryOp(op="floor_div" | "mod", left=left, right=right):
                return self.is_natural(left) and self.is_natural(right)
        return False

    def _comparison(self, expr: ir.BinaryOp, left: str, right: str) -> str:
        symbol = ir.SYMBOLS[expr.op]
        kinds = expr.left.type, expr.right.type
        if kinds == ("i64", "u64"):
            return f"(order_i64_u64({left}, {right}) {symbol} 0)"
        if kinds == ("u64", "i64"):
            return f"(0 {symbol} order_i64_u64({right}, {left}))"
        return f"({left} {symbol} {right})"

    def _unary(self, expr: ir.UnaryOp) -> str:
        operand = self.render(expr.operand)
        return f"({'!' if expr.op == 'not' else ir.SYMBOLS[expr.op]}{operand})"

    # ---- arrays ----

    def _load(self, expr: ir.Index) -> str:
        element = f"{self.names[expr.array]}[{self.offset(expr)}]"
        stored = self.params[expr.array].type
        if stored == "bool":
            return f"({element} != 0)"
        return element if C_STORED[stored] == C_TYPE[str(expr.type)] else f"(({C_TYPE[str(expr.type)]}){element})"

    def offset(self, expr: ir.Index | ir.Call) -> str:
        """The flat index of an access, checked where it has to be."""
        indices = expr.indices if isinstance(expr, ir.Index) else expr.args[:1]
        param = self.params[str(expr.array)]
        texts = [self.render(index) for index in indices]
        checked = any(self.is_checked(expr, axis) for axis in range(len(indices)))
        if checked:
            return self._checked_offset(expr, param, texts)
        result = texts[0]
        for size, text in zip(param.shape[1:], texts[1:], strict=False):
            result = f"({result} * {self.size(size)} + {text})"
        return result

    def size(self, size: str | int) -> str:
        """A size of a shape: a number, a parameter or a dimension."""
        return f"INT64_C({size})" if isinstance(size, int) else self.names.table.get(size, f"d_{size}")

    def _checked_offset(self, expr: ir.Index | ir.Call, param: ir.Param, texts: list[str]) -> str:
        """({ const int64_t i = ...; if (i is outside) return out_of_bounds(...); i; })."""
        line = expr.span.line if expr.span else 0
        array, name = self.names[param.name], c_string(param.name)
        if len(param.shape) <= 1:
            size = f"{array}_length" if not param.shape else self.size(param.shape[0])
            fail = f"out_of_bounds(call, {name}, i_, {size}, item, {line})"
            return f"({{ const int64_t i_ = {texts[0]}; if ((uint64_t)i_ >= (uint64_t){size}) return {fail}; i_; }})"
        sizes = [self.size(size) for size in param.shape]
        lets = "".join(f"const int64_t i{axis}_ = {text}; " for axis, text in enumerate(texts))
        outside = " || ".join(f"(uint64_t)i{axis}_ >= (uint64_t){size}" for axis, size in enumerate(sizes))
        indices = ", ".join(f"i{axis}_" for axis in range(len(texts)))
        given = f"(const int64_t[]){{{indices}}}, (const int64_t[]){{{', '.join(sizes)}}}"
        fail = f"out_of_shape(call, {name}, {len(texts)}, {given}, item, {line})"
        flat = "i0_"
        for axis, size in enumerate(sizes[1:], 1):
            flat = f"({flat} * {size} + i{axis}_)"
        return f"({{ {lets}if ({outside}) return {fail}; {flat}; }})"

    # ---- calls and conversions ----

    def _call(self, expr: ir.Call) -> str:
        name, kind = expr.function, str(expr.type)
        if name in _ITEMS:
            return _ITEMS[name]
        if name == "len":
            return self._length(expr)
        if name == "pow":
            power = self._small_power(expr)
            if power is not None:
                return power
        c = function(name, kind if kind != "bool" else str(expr.args[0].type))
        text = self._in_order(expr.args, lambda *args: f"{c}({', '.join(args)})")
        return f"({text} != 0)" if kind == "bool" else text

    def _length(self, expr: ir.Call) -> str:
        param = self.params[str(expr.array)]
        axis = int(expr.args[0].value) if expr.args and isinstance(expr.args[0], ir.Literal) else 0
        return self.size(param.shape[axis]) if param.shape else f"{self.names[param.name]}_length"

    def _small_power(self, expr: ir.Call) -> str | None:
        """x ** 1, 2, 3 and -1 of floats as products and a quotient, which are as exact and quicker."""
        base, exponent = expr.args
        if not isinstance(exponent, ir.Literal) or expr.type not in _FLOATS:
            return None
        text = self.render(base)
        if exponent.value == 1:
            return text
        if exponent.value in (2, 3):
            power = "square" if exponent.value == 2 else "cube"
            return f"{power}_{expr.type}({text})"
        return f"(1 / {text})" if exponent.value == -1 else None

    def _cast(self, expr: ir.Cast) -> str:
        value, source = self.render(expr.value), str(expr.value.type)
        return self.converted(value, source, expr.to)

    def converted(self, value: str, source: str, to: str) -> str:
        """A value of a compute type in a stored type, and then in the compute type of that."""
        own = ir.COMPUTED[to]
        if to == "bool":
            return value if source == "bool" else f"({value} != 0)"
        if source in _FLOATS and own not in _FLOATS:
            value = f"{source}_to_{to}({value})"
        elif to == "f16":
            value = f"(_Float16){value}"
        elif C_STORED[to] != C_TYPE[own] and own not in _FLOATS:
            value = f"({C_STORED[to]}){value}"
        elif source == own:
            return value
        return f"(({C_TYPE[own]}){value})"

    def stored(self, value: str, array: str) -> str:
        """A value of the compute type of an array, in its stored type."""
        to = self.params[array].type
        return value if C_STORED[to] == C_TYPE[ir.COMPUTED[to]] else f"({C_STORED[to]}){value}"


def literal(expr: ir.Literal) -> str:
    """A number in C, exactly."""
    value, kind = expr.value, expr.type
    if kind == "bool":
        return "true" if value else "false"
    if kind == "i64":
        return f"INT64_C({value})" if value > -(2**63) else "INT64_MIN"
    if kind == "u64":
        return f"UINT64_C({value})"
    suffix = "f" if kind == "f32" else ""
    number = float(value)
    if math.isnan(number):
        return f'__builtin_nan{suffix}("")'
    if math.isinf(number):
        return f"({'-' if number < 0 else ''}__builtin_inf{suffix}())"
    text = number.hex() + suffix
    return f"({text})" if math.copysign(1.0, number) < 0 else text


_ESCAPES = {byte: f"\\{byte:03o}" for byte in range(256) if not 32 <= byte < 127 or chr(byte) in '"\\?'}


def c_string(text: str) -> str:
    """A C string literal of the text in UTF-8."""
    return f'"{text.encode().decode("latin-1").translate(_ESCAPES)}"'
