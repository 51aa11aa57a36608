"""NumPy's names for ops: which ufunc or function of NumPy is which step.

In go the calls of NumPy that a function makes while it is traced; out come symbols. A number beside an
array becomes a constant, with the op that gives the same bits in less time where there is one. Refused
with TraceError is all that has no op: comparisons, where, sums over one axis, other dtypes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .trace import Trace

#: ufuncs that are an op for arrays and numbers alike
_OPS: Mapping[np.ufunc, str] = {
    np.negative: "vector_neg",
    np.absolute: "vector_abs",
    np.fabs: "vector_abs",
    np.exp: "exp",
    np.log: "log",
    np.sqrt: "sqrt",
    np.sin: "sin",
    np.cos: "cos",
    np.tanh: "tanh",
    np.minimum: "vector_min",
    np.maximum: "vector_max",
}
#: of SciPy, by name, since it need not be installed
_SCIPY = {"expit": "sigmoid", "erf": "erf"}
#: ufuncs whose result for integers has another dtype
_FLOATS_ONLY = frozenset({np.exp, np.log, np.sqrt, np.sin, np.cos, np.tanh, np.true_divide, np.reciprocal, np.fabs})


def call_ufunc(trace: Trace, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a ufunc gives for symbols."""
    from .symbols import SymbolicArray, deferred

    out = kwargs.pop("out", None)
    if method != "__call__" or kwargs:
        how = f".{method}" if method != "__call__" else f"({', '.join(kwargs)}=)"
        trace.refuse(f"np.{ufunc.__name__}{how} is no step of a circuit")
    if not any(isinstance(value, (SymbolicArray, np.ndarray)) for value in inputs):
        return deferred(trace, ufunc, inputs)
    if ufunc in _FLOATS_ONLY and not trace.dtype.startswith("f"):
        trace.refuse(f"np.{ufunc.__name__} of {trace.dtype} gives another dtype, and a circuit has one; hg.ops keep it")
    return trace.write(None if out is None else out[0], _translate(trace, ufunc, inputs))


def _translate(trace: Trace, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
    if ufunc in _OPS:
        return trace.apply(_OPS[ufunc], *inputs)
    if ufunc in _RULES:
        return _RULES[ufunc](trace, *inputs)
    if ufunc.__name__ in _SCIPY and ufunc is _scipy(ufunc.__name__):
        return trace.apply(_SCIPY[ufunc.__name__], *inputs)
    trace.refuse(f"there is no op for np.{ufunc.__name__}; hg.ops has {_near(ufunc)}")


def _scipy(name: str) -> object:
    import sys

    return getattr(sys.modules.get("scipy.special"), name, None)


def _near(ufunc: np.ufunc) -> str:
    comparing = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal}
    return "vector_min, vector_max, clip and relu to choose by size" if ufunc in comparing else "what dir(hg.ops) lists"


# ---- binary ufuncs -------------------------------------------------------------------------------


def _is_number(value: object) -> bool:
    from .symbols import SymbolicNumber

    return isinstance(value, (bool, int, float, np.number, np.bool_, SymbolicNumber))


def _add(trace: Trace, a: Any, b: Any) -> Any:
    if _is_number(b):
        return trace.apply("scalar_add", a, b)
    return trace.apply("scalar_add", b, a) if _is_number(a) else trace.apply("vector_add", a, b)


def _subtract(trace: Trace, a: Any, b: Any) -> Any:
    if _is_number(b) and trace.dtype.startswith("f"):  # a - b is a + -b, to the bit
        return trace.apply("scalar_add", a, -b)
    return trace.apply("vector_sub", a, b)


def _multiply(trace: Trace, a: Any, b: Any) -> Any:
    if _is_number(b):
        return trace.apply("scalar_mul", a, b)
    return trace.apply("scalar_mul", b, a) if _is_number(a) else trace.apply("vector_mul", a, b)


def _divide(trace: Trace, a: Any, b: Any) -> Any:
    if isinstance(b, (int, float)) and _is_power_of_two(b):  # then both are exact before they are rounded
        return trace.apply("scalar_mul", a, 1 / b)
    return trace.apply("vector_div", a, b)


def _is_power_of_two(value: float) -> bool:
    """Whether dividing by a number is multiplying by another one of every dtype."""
    fraction, exponent = math.frexp(value)
    return abs(fraction) == 0.5 and abs(exponent) <= 14


def _power(trace: Trace, a: Any, b: Any) -> Any:
    if isinstance(b, (int, float)) and b == 2:
        return trace.apply("vector_mul", a, a)
    return trace.apply("vector_pow", a, b)


def _matmul(trace: Trace, a: Any, b: Any) -> Any:
    match len(_shape(trace, a)), len(_shape(trace, b)):
        case 1, 1:
            return trace.apply("vector_dot", a, b)
        case rank, 1 if rank > 1:
            return trace.apply("gemv", a, b)
        case rank, other if rank > 1 and other > 1:
            return trace.apply("gemm", a, b)
    trace.refuse("no op multiplies a vector by a matrix; write matrix.T @ vector")


def _shape(trace: Trace, value: Any) -> tuple[int, ...]:
    node = trace.operand(value)
    return () if isinstance(node, (bool, int, float)) else node.shape


_RULES: Mapping[np.ufunc, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.true_divide: _divide,
    np.power: _power,
    np.matmul: _matmul,
    np.square: lambda trace, x: trace.apply("vector_mul", x, x),
    np.reciprocal: lambda trace, x: trace.apply("vector_div", 1, x),
    np.positive: lambda trace, x: trace.apply("copy", x),
}


# ---- functions -----------------------------------------------------------------------------------


def _reduction(op: str, *, widens: bool) -> Callable[..., Any]:
    def reduce(trace: Trace, x: Any, axis: Any = None, **others: Any) -> Any:
        _check_axis(trace, x, axis, others)
        if widens and trace.dtype not in ("f16", "f32", "f64", "i64", "u64"):
            trace.refuse(f"np.{op.removeprefix('reduce_')} of {trace.dtype} gives another dtype; hg.ops.{op} keeps it")
        return trace.apply(op, x)

    return reduce


def _mean(trace: Trace, x: Any, axis: Any = None, **others: Any) -> Any:
    _check_axis(trace, x, axis, others)
    if not trace.dtype.startswith("f"):
        trace.refuse("the mean of integers has another dtype")
    trace.look_at_shapes()
    return _divide(trace, trace.apply("reduce_sum", x), math.prod(_shape(trace, x)))


def _check_axis(trace: Trace, x: Any, axis: Any, others: Mapping[str, Any]) -> None:
    """Only sums over everything are steps."""
    if others:
        trace.refuse(f"{', '.join(others)}= of a sum is no step of a circuit")
    if axis is None:
        return
    trace.look_at_shapes()
    if len(_shape(trace, x)) != 1 or axis not in (0, -1, (0,), (-1,)):
        trace.refuse("a sum over one axis of several; a circuit sums over all, or use softmax, layer_norm, rms_norm")


def _clip(trace: Trace, x: Any, low: Any = None, high: Any = None, **others: Any) -> Any:
    if others or low is None or high is None or not (_is_number(low) and _is_number(high)):
        trace.refuse("np.clip takes an array and two numbers in a circuit")
    return trace.apply("clip", x, low, high)


def _copy(trace: Trace, x: Any) -> Any:
    return trace.apply("copy", x)


FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.sum: _reduction("reduce_sum", widens=True),
    np.prod: _reduction("reduce_prod", widens=True),
    np.min: _reduction("reduce_min", widens=False),
    np.max: _reduction("reduce_max", widens=False),
    np.amin: _reduction("reduce_min", widens=False),
    np.amax: _reduction("reduce_max", widens=False),
    np.mean: _mean,
    np.clip: _clip,
    np.dot: _matmul,
    np.copy: _copy,
}
