"""What the operators and functions of the language compute, one value at a time.

Values are Python's: bool, int (i64 and u64, wrapped by whoever stores them in one), and float, where an
f32 is a float that f32 has. The tables are the definition of the language's arithmetic: the C that is
rendered has to give the same. Nothing is refused: every operation has a result.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

Value: TypeAlias = Any  # bool, int or float
Operation: TypeAlias = Callable[..., Value]

# ---- rounding and wrapping -----------------------------------------------------------------------


def wrap_i64(value: int) -> int:
    """An integer modulo 2^64, as a signed number."""
    return (value + 2**63) % 2**64 - 2**63


def wrap_u64(value: int) -> int:
    """An integer modulo 2^64."""
    return value % 2**64


def round_f32(value: float) -> float:
    """The nearest f32."""
    return float(np.float32(value))


def round_f64(value: float) -> float:
    """The value itself: a float is an f64."""
    return float(value)


#: brings the result of an operation into a compute type
FIT: dict[str, Operation] = {"bool": bool, "i64": wrap_i64, "u64": wrap_u64, "f32": round_f32, "f64": round_f64}

_RANGES = {
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "usize": (0, 2**63 - 1),
}


def convert(value: Value, to: str) -> Value:
    """A value in a stored type, as a value of the type that is computed in."""
    if to == "bool":
        return value != 0
    if to in ("f32", "f64"):
        return round_f32(value) if to == "f32" else float(value)
    if to == "f16":
        return float(np.float16(value))
    low, high = _RANGES[to]
    if isinstance(value, float):
        return 0 if math.isnan(value) else low if value <= low else high if value >= high else int(value)
    if to == "usize":
        return wrap_i64(int(value))
    return (int(value) - low) % (high - low + 1) + low


# ---- operators -----------------------------------------------------------------------------------


def _divide(a: Value, b: Value) -> float:
    return float(np.float64(a) / np.float64(b))


def _floor_div_int(a: int, b: int) -> int:
    return 0 if b == 0 else a // b


def _mod_int(a: int, b: int) -> int:
    return 0 if b == 0 else a % b


def _shift_left(a: int, count: int) -> int:
    return a << count if 0 <= count <= 63 else 0


def _shift_right(a: int, count: int) -> int:
    return a >> (count if 0 <= count <= 63 else 63) if a < 0 or 0 <= count <= 63 else 0


def _float_div(kind: type[np.floating[Any]]) -> Operation:
    return lambda a, b: float(np.floor_divide(kind(a), kind(b)))


def _float_mod(kind: type[np.floating[Any]]) -> Operation:
    return lambda a, b: float(np.remainder(kind(a), kind(b)))


_SAME: dict[str, Operation] = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
_INTEGERS: dict[str, Operation] = {
    **_SAME,
    "floor_div": _floor_div_int,
    "mod": _mod_int,
    "bit_and": operator.and_,
    "bit_or": operator.or_,
    "bit_xor": operator.xor,
    "shl": _shift_left,
    "shr": _shift_right,
}
#: by compute type of the result; what they give is then brought into it
BINARY: dict[str, dict[str, Operation]] = {
    "i64": _INTEGERS,
    "u64": _INTEGERS,
    "f32": {**_SAME, "div": _divide, "floor_div": _float_div(np.float32), "mod": _float_mod(np.float32)},
    "f64": {**_SAME, "div": _divide, "floor_div": _float_div(np.float64), "mod": _float_mod(np.float64)},
    "bool": {
        "lt": operator.lt,
        "le": operator.le,
        "gt": operator.gt,
        "ge": operator.ge,
        "eq": operator.eq,
        "ne": operator.ne,
        "bit_and": operator.and_,
        "bit_or": operator.or_,
        "bit_xor": operator.xor,
    },
}
UNARY: dict[str, Operation] = {"neg": operator.neg, "pos": operator.pos, "inv": operator.invert, "not": operator.not_}

# ---- functions -----------------------------------------------------------------------------------


def _min(a: Value, b: Value) -> Value:
    return a if a != a or a < b else b


def _max(a: Value, b: Value) -> Value:
    return a if a != a or a > b else b


def _fmin(a: float, b: float) -> float:
    return b if a != a else a if b != b or a < b else b


def _fmax(a: float, b: float) -> float:
    return b if a != a else a if b != b or a > b else b


def _pow_int(base: int, exponent: int) -> int:
    if exponent < 0:
        return {1: 1, -1: -1 if exponent % 2 else 1}.get(base, 0)
    return pow(base, exponent, 2**64)


def _relu(x: Value) -> Value:
    return type(x)(0) if x < 0 else x


def _sigmoid(x: float) -> float:
    e = math.exp(-abs(x))
    return (e if x < 0 else 1.0) / (1.0 + e)


def _rounded(function: Callable[[np.float64], Any]) -> Operation:
    return lambda x: float(function(np.float64(x)))


def _fma(a: float, b: float, c: float) -> float:
    """Rounded once, to f64."""
    if not all(map(math.isfinite, (a, b, c))):
        return float(np.float64(a) * np.float64(b) + np.float64(c))
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return float(np.float64(a) * np.float64(b) + np.float64(c))
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _fma_f32(a: float, b: float, c: float) -> float:
    """Rounded once, to f32: the product is exact in f64, and the sum is rounded to odd before it is rounded again."""
    product = a * b
    total = product + c
    if not math.isfinite(total):
        return total
    lost = Fraction(product) + Fraction(c) - Fraction(total)
    if lost != 0 and int(np.float64(total).view(np.uint64)) % 2 == 0:
        total = math.nextafter(total, math.inf if lost > 0 else -math.inf)
    return round_f32(total)


_FLOATS: dict[str, Operation] = {
    **{
        name: _rounded(getattr(np, name))
        for name in "sqrt exp exp2 log log2 log1p expm1 sin cos tan sinh cosh tanh floor ceil".split()
    },
    "asin": _rounded(np.arcsin),
    "acos": _rounded(np.arccos),
    "atan": _rounded(np.arctan),
    "atan2": lambda y, x: float(np.arctan2(np.float64(y), np.float64(x))),
    "rsqrt": lambda x: _divide(1.0, np.sqrt(np.float64(x))),
    "erf": math.erf,
    "sigmoid": _sigmoid,
    "round": _rounded(np.rint),
    "pow": lambda x, y: float(np.power(np.float64(x), np.float64(y))),
    "abs": abs,
    "min": _min,
    "max": _max,
    "fmin": _fmin,
    "fmax": _fmax,
    "fma": _fma,
    "relu": _relu,
    "isnan": math.isnan,
    "isinf": math.isinf,
}
_OF_INTEGERS: dict[str, Operation] = {"abs": abs, "min": _min, "max": _max, "pow": _pow_int, "relu": _relu}
#: by the compute type of the arguments
FUNCTIONS: dict[str, dict[str, Operation]] = {
    "i64": _OF_INTEGERS,
    "u64": _OF_INTEGERS,
    "f32": {**_FLOATS, "fma": _fma_f32},
    "f64": _FLOATS,
}
ATOMICS: dict[str, Operation] = {"atomic_add": operator.add, "atomic_min": _min, "atomic_max": _max}
