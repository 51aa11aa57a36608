"""What others do: contestants for each op and each peer that is installed, in the fastest form that we know.

In go an op, its arguments and an array for the result; out comes a line with its names. NumPy writes to arrays that
exist, never to one that it reads (which costs it three times as much for one element), with constants as 0-d arrays;
Numba is compiled with fastmath; PyTorch shares memory with NumPy, on one thread, without gradients. Refused with
MissingPeer: a peer that is not installed, or has no form for the op.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from .catalogue import OpSpec
from .errors import HologramError
from .timing import Contestant

Array = np.ndarray[Any, Any]


class MissingPeer(HologramError):  # noqa: N818  # reads as what happened
    """A peer cannot take part."""


@cache
def load(name: str) -> ModuleType:
    """Return a peer ready for use. Raises MissingPeer."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingPeer(f"{name} is not installed") from error
    if name == "torch":
        module.set_num_threads(1)
        module.set_grad_enabled(False)
    return module


def contestant(peer: str, spec: OpSpec, arguments: Sequence[Any], outputs: Sequence[Array]) -> Contestant:
    """Return what a peer does for an op. Raises MissingPeer."""
    load(peer)
    found = PEERS[peer](spec, arguments, outputs[0]) if len(outputs) == 1 else None
    if found is None:
        raise MissingPeer(f"{peer} has no form of {spec.name} here")
    return found


# ---- NumPy -----------------------------------------------------------------------------------------------------------

# erf by Abramowitz and Stegun 7.1.26, good to 1.5e-7; gelu(x) = max(x, 0) - |x| / 2 * erfc(|x| / sqrt 2).
_P, _A = 0.3275911, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
_SERIES = """
    multiply(t, a0, s); add(s, a1, u); multiply(u, t, s); add(s, a2, u); multiply(u, t, s); add(s, a3, u)
    multiply(u, t, s); add(s, a4, u); multiply(u, t, s)
"""
_ERF = f"""
    absolute(x, s); multiply(s, p, u); add(u, one, s); reciprocal(s, t)
    {_SERIES}
    multiply(x, x, t); negative(t, u); exp(u, t); multiply(s, t, u); subtract(one, u, t); copysign(t, x, out)
"""
_GELU = f"""
    absolute(x, v); multiply(v, p_root_half, s); add(s, one, u); reciprocal(u, t)
    {_SERIES}
    multiply(x, x, t); multiply(t, minus_half, u); exp(u, t); multiply(s, t, u); multiply(u, v, s); multiply(s, half, u)
    maximum(x, zero, out=s); subtract(s, u, out)
"""
_GELU_TANH = """
    multiply(x, x, t); multiply(t, c, s); add(s, k, t); multiply(t, x, s); tanh(s, t); add(t, one, s)
    multiply(s, half, t); multiply(t, x, out)
"""
_K = math.sqrt(2 / math.pi)
_CONSTANTS = {
    **{"zero": 0.0, "one": 1.0, "half": 0.5, "minus_half": -0.5, "p": _P, "p_root_half": _P * math.sqrt(0.5)},
    **{f"a{i}": value for i, value in enumerate(_A)},
    **{"k": _K, "c": 0.044715 * _K},
}
_REDUCTIONS = {
    "total": np.add.reduce,
    "smallest": np.minimum.reduce,
    "largest": np.maximum.reduce,
    "product": np.multiply.reduce,
}
#: NumPy's line for each op. Names are those of the op's parameters, `out`, functions of NumPy, the constants and
#: reductions above, n (how many elements) and the arrays s, t, u, v for what comes in between.
NUMPY: Mapping[str, str] = {
    "vector_add": "add(a, b, out)",
    "vector_sub": "subtract(a, b, out)",
    "vector_mul": "multiply(a, b, out)",
    "vector_div": "divide(a, b, out)",
    "vector_min": "minimum(a, b, out=out)",
    "vector_max": "maximum(a, b, out=out)",
    "vector_pow": "power(a, b, out)",
    "vector_neg": "negative(x, out)",
    "vector_abs": "absolute(x, out)",
    "relu": "maximum(x, zero, out=out)",
    "sigmoid": "negative(x, t); exp(t, s); add(s, one, t); reciprocal(t, out)",
    "tanh": "tanh(x, out)",
    "gelu": _GELU,
    "gelu_tanh": _GELU_TANH,
    "silu": "negative(x, t); exp(t, s); add(s, one, t); divide(x, t, out)",
    "exp": "exp(x, out)",
    "log": "log(x, out)",
    "sqrt": "sqrt(x, out)",
    "rsqrt": "sqrt(x, t); reciprocal(t, out)",
    "sin": "sin(x, out)",
    "cos": "cos(x, out)",
    "erf": _ERF,
    "scalar_add": "add(x, value, out)",
    "scalar_mul": "multiply(x, value, out)",
    "clip": "maximum(x, low, out=t); minimum(t, high, out=out)",
    "axpy": "multiply(x, alpha, t); add(t, y, out)",
    "vector_fma": "multiply(a, b, t); add(t, c, out)",
    "reduce_sum": "total(x, None, None, out)",
    "reduce_min": "smallest(x, None, None, out)",
    "reduce_max": "largest(x, None, None, out)",
    "reduce_prod": "product(x, None, None, out)",
    "vector_dot": "dot(a, b, out)",
    "softmax": "subtract(x, largest(x), t); exp(t, s); divide(s, total(s), out)",
    "log_softmax": "subtract(x, largest(x), t); exp(t, s); subtract(t, log(total(s)), out)",
    "layer_norm": """
        subtract(x, total(x) / n, t); multiply(t, t, s); divide(t, sqrt(total(s) / n + eps), u)
        multiply(u, weight, t); add(t, bias, out)
    """,
    "rms_norm": "multiply(x, x, t); divide(x, sqrt(total(t) / n + eps), s); multiply(s, weight, out)",
    "gemv": "dot(a, x, out)",
    "gemm": "dot(a, b, out)",
    "mse": "subtract(a, b, t); multiply(t, t, s); divide(total(s), n, out)",
    "cross_entropy": "log(p, t); multiply(t, target, s); negative(total(s), out)",
    "binary_cross_entropy": """
        log(p, t); multiply(t, target, s); subtract(one, p, t); log(t, u); subtract(one, target, t); multiply(u, t, v)
        add(s, v, t); divide(total(t), minus_n, out)
    """,
    "copy": "copyto(out, x)",
    "fill": "out.fill(value)",
}


def _numpy(spec: OpSpec, arguments: Sequence[Any], out: Array) -> Contestant | None:
    given = {**dict(zip(spec.parameters, arguments, strict=True)), "out": out}
    text = NUMPY.get(spec.kernel_op)
    if text is not None:
        line = "; ".join(filter(None, map(str.strip, text.splitlines())))
        return Contestant(line, _used(line, {**_numpy_names(given), **given}), out)
    if spec.reference is None:
        return None
    return Contestant(f"out[...] = f({', '.join(spec.parameters)})", {"f": spec.reference, **given}, out)


def _numpy_names(given: Mapping[str, Any]) -> dict[str, Any]:
    biggest = max((value for value in given.values() if isinstance(value, np.ndarray)), key=np.size)
    constants = {
        name: np.array(value, biggest.dtype)
        for name, value in {**_CONSTANTS, "n": biggest.size, "minus_n": -biggest.size}.items()
    }
    return {**vars(np), **_REDUCTIONS, **constants, **{name: np.empty_like(biggest) for name in "stuv"}}


def _used(line: str, names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: names[name] for name in compile(line, "<line>", "exec").co_names if name in names}


# ---- Numba -----------------------------------------------------------------------------------------------------------

#: Numba's expression of an element; `one` and `zero` have the dtype of the arrays.
NUMBA: Mapping[str, str] = {
    "vector_add": "a[i] + b[i]",
    "vector_sub": "a[i] - b[i]",
    "vector_mul": "a[i] * b[i]",
    "vector_div": "a[i] / b[i]",
    "vector_min": "min(a[i], b[i])",
    "vector_max": "max(a[i], b[i])",
    "vector_pow": "a[i] ** b[i]",
    "vector_neg": "-x[i]",
    "vector_abs": "abs(x[i])",
    "relu": "max(x[i], zero)",
    "sigmoid": "one / (one + math.exp(-x[i]))",
    "tanh": "math.tanh(x[i])",
    "gelu": "half * x[i] * (one + math.erf(x[i] * root_half))",
    "silu": "x[i] / (one + math.exp(-x[i]))",
    "exp": "math.exp(x[i])",
    "log": "math.log(x[i])",
    "sqrt": "math.sqrt(x[i])",
    "rsqrt": "one / math.sqrt(x[i])",
    "sin": "math.sin(x[i])",
    "cos": "math.cos(x[i])",
    "erf": "math.erf(x[i])",
    "scalar_add": "x[i] + value",
    "scalar_mul": "x[i] * value",
    "clip": "min(max(x[i], low), high)",
    "axpy": "alpha * x[i] + y[i]",
    "vector_fma": "a[i] * b[i] + c[i]",
    "copy": "x[i]",
}


def _numba(spec: OpSpec, arguments: Sequence[Any], out: Array) -> Contestant | None:
    expression = NUMBA.get(spec.kernel_op)
    if expression is None:
        return None
    scalars = [out.dtype.type(value) if np.ndim(value) == 0 else value for value in arguments]
    given = dict(zip(spec.parameters, scalars, strict=True))
    function = _compile_numba(", ".join(given), expression)
    return Contestant(f"f({', '.join(given)}, out)", {"f": function, **given, "out": out}, out)


@cache
def _compile_numba(parameters: str, expression: str) -> Callable[..., None]:
    source = f"""
def f({parameters}, out):
    one, zero = out.dtype.type(1), out.dtype.type(0)
    half, root_half = out.dtype.type(0.5), out.dtype.type({math.sqrt(0.5)!r})
    for i in range(out.size):
        out[i] = {expression}
"""
    namespace: dict[str, Any] = {"math": math}
    exec(source, namespace)
    compiled: Callable[..., None] = load("numba").njit(fastmath=True, error_model="numpy")(namespace["f"])
    return compiled


# ---- PyTorch ---------------------------------------------------------------------------------------------------------

#: PyTorch's line for each op; names are those of the parameters, as tensors, `out`, and functions of torch.
TORCH: Mapping[str, str] = {
    "vector_add": "add(a, b, out=out)",
    "vector_sub": "sub(a, b, out=out)",
    "vector_mul": "mul(a, b, out=out)",
    "vector_div": "div(a, b, out=out)",
    "vector_min": "minimum(a, b, out=out)",
    "vector_max": "maximum(a, b, out=out)",
    "vector_pow": "pow(a, b, out=out)",
    "vector_neg": "neg(x, out=out)",
    "vector_abs": "abs(x, out=out)",
    "relu": "clamp_min(x, 0, out=out)",
    "sigmoid": "sigmoid(x, out=out)",
    "tanh": "tanh(x, out=out)",
    "gelu": "gelu(x, out=out)",
    "exp": "exp(x, out=out)",
    "log": "log(x, out=out)",
    "sqrt": "sqrt(x, out=out)",
    "rsqrt": "rsqrt(x, out=out)",
    "sin": "sin(x, out=out)",
    "cos": "cos(x, out=out)",
    "erf": "erf(x, out=out)",
    "scalar_add": "add(x, value, out=out)",
    "scalar_mul": "mul(x, value, out=out)",
    "clip": "clamp(x, low, high, out=out)",
    "axpy": "add(y, x, alpha=alpha, out=out)",
    "vector_fma": "addcmul(c, a, b, out=out)",
    "vector_dot": "dot(a, b, out=out)",
    "softmax": "softmax(x, 0, out=out)",
    "log_softmax": "log_softmax(x, 0, out=out)",
    "gemv": "mv(a, x, out=out)",
    "gemm": "mm(a, b, out=out)",
    "copy": "out.copy_(x)",
    "fill": "out.fill_(value)",
}


def _torch(spec: OpSpec, arguments: Sequence[Any], out: Array) -> Contestant | None:
    line = TORCH.get(spec.kernel_op)
    if line is None:
        return None
    torch = load("torch")
    given = {**dict(zip(spec.parameters, arguments, strict=True)), "out": out}
    tensors = {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in given.items()
    }
    return Contestant(line, _used(line, {**vars(torch), "gelu": torch.nn.functional.gelu, **tensors}), out)


PEERS: Mapping[str, Callable[[OpSpec, Sequence[Any], Array], Contestant | None]] = {
    "numpy": _numpy,
    "numba": _numba,
    "torch": _torch,
}
