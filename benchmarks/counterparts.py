"""NumPy's counterpart of every op of the catalogue, in its fastest form that we know, for any dtype.

In go an op and its arrays; out comes a line of Python that computes the same into the last array. What NumPy has no
function for is put together from ufuncs that write where the result goes. Left out are the ops that only a table of
constants would compute (erf, gelu): SciPy and PyTorch are their peers, in bench_activations.py.
"""

import numpy as np

from .measure import Contestant

FUNCTIONS = {
    **{name: getattr(np, name) for name in "add subtract multiply divide minimum maximum power negative".split()},
    **{name: getattr(np, name) for name in "absolute tanh exp log sqrt sin cos reciprocal clip matmul dot".split()},
    "copyto": np.copyto,
    "total": np.add.reduce,
    "product": np.multiply.reduce,
    "least": np.minimum.reduce,
    "largest": np.maximum.reduce,
}

LINES = {
    "vector_add": "add(a, b, y)",
    "vector_sub": "subtract(a, b, y)",
    "vector_mul": "multiply(a, b, y)",
    "vector_div": "divide(a, b, y)",
    "vector_min": "minimum(a, b, y)",
    "vector_max": "maximum(a, b, y)",
    "vector_pow": "power(a, b, y)",
    "vector_neg": "negative(a, y)",
    "vector_abs": "absolute(a, y)",
    "relu": "maximum(a, zero, y)",
    "sigmoid": "negative(a, y); exp(y, y); add(y, one, y); reciprocal(y, y)",
    "tanh": "tanh(a, y)",
    "gelu_tanh": "multiply(a, a, y); multiply(y, c, y); add(y, one, y); multiply(y, a, y); multiply(y, d, y); "
    "tanh(y, y); "
    "add(y, one, y); multiply(y, a, y); multiply(y, half, y)",
    "silu": "negative(a, y); exp(y, y); add(y, one, y); divide(a, y, y)",
    "exp": "exp(a, y)",
    "log": "log(a, y)",
    "sqrt": "sqrt(a, y)",
    "rsqrt": "sqrt(a, y); reciprocal(y, y)",
    "sin": "sin(a, y)",
    "cos": "cos(a, y)",
    "scalar_add": "add(a, s, y)",
    "scalar_mul": "multiply(a, s, y)",
    "clip": "clip(a, s, t, out=y)",
    "axpy": "multiply(a, s, y); add(y, b, y)",
    "vector_fma": "multiply(a, b, y); add(y, c3, y)",
    "copy": "copyto(y, a)",
    "fill": "y.fill(s)",
    "reduce_sum": "total(a, None, a.dtype, y)",
    "reduce_prod": "product(a, None, a.dtype, y)",
    "reduce_min": "least(a, None, None, y)",
    "reduce_max": "largest(a, None, None, y)",
    "vector_dot": "dot(a, b, y)",
    "softmax": "subtract(a, largest(a), y); exp(y, y); divide(y, total(y), y)",
    "log_softmax": "subtract(a, largest(a), y); exp(y, w); subtract(y, log(total(w)), y)",
    "layer_norm": "subtract(a, total(a) / a.size, y); multiply(y, y, w); "
    "multiply(y, reciprocal(sqrt(total(w) / a.size + s)), y); multiply(y, b, y); add(y, c3, y)",
    "rms_norm": "multiply(a, a, w); multiply(a, reciprocal(sqrt(total(w) / a.size + s)), y); multiply(y, b, y)",
    "mse": "subtract(a, b, w); multiply(w, w, w); y[...] = total(w) / a.size",
    "cross_entropy": "log(a, w); multiply(w, b, w); y[...] = -total(w)",
    "binary_cross_entropy": "log(a, w); multiply(w, b, w); subtract(one, a, v); log(v, v); subtract(one, b, u); "
    "multiply(u, v, v); add(w, v, w); y[...] = -total(w) / a.size",
    "gemv": "matmul(a, b, y)",
    "gemm": "matmul(a, b, y)",
}


def line_of(op: str, arrays: dict[str, np.ndarray]) -> Contestant:
    """Return NumPy's line for an op, whose inputs are named as in ours: a, b, c3 for arrays, s, t for numbers, y."""
    line, y = LINES[op], arrays["y"]
    dtype = y.dtype.type
    names = {**FUNCTIONS, **{name: np.array(value, dtype) for name, value in constants(y.dtype).items()}, **arrays}
    names |= {name: np.empty_like(arrays["a"]) for name in "uvw" if "a" in arrays}
    used = {name: names[name] for name in compile(line, op, "exec").co_names if name in names}
    return Contestant(line, used, y)


def constants(dtype: np.dtype) -> dict[str, float]:
    numbers = {"zero": 0, "one": 1}
    return {**numbers, "half": 0.5, "c": 0.044715, "d": 0.7978845608028654} if dtype.kind == "f" else numbers
