"""The kernels of tests/kernels against NumPy: compiled for every level, and interpreted.

References are plain NumPy or Python, in double precision where the kernel is in floats. Integers and
bools must be equal. Tolerances are in units of the last place of the kernel's own type, with the
reason: `EXACT` where the reference does the same correctly rounded operations, `SHORT` for a few roundings
and one function of 4 ULP, `SUMS` where many terms add up (their order is the same, their width is not).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from hologram_atlas.compiler import compile_file, interpreter, lower, read
from hologram_core import Runtime
from hologram_core.settings import Settings

FOLDER = Path(__file__).parents[1] / "kernels"
SIZES = (0, 1, 2, 7, 16, 33)
EXACT, SHORT, SUMS = 0, 16, 200

Array = np.ndarray[Any, Any]
Arguments = dict[str, Any]


class Case(NamedTuple):
    """A kernel, arguments for a size in its own order, and what its outputs must be."""

    file: str
    kernel: str
    arguments: Callable[[np.random.Generator, int], Arguments]
    expected: Callable[..., dict[str, Any]]
    ulps: int = EXACT


def f32(rng: np.random.Generator, *shape: int) -> Array:
    return rng.uniform(-3, 3, shape).astype(np.float32)


def f64(rng: np.random.Generator, *shape: int) -> Array:
    return rng.uniform(-3, 3, shape)


def ints(rng: np.random.Generator, dtype: str, n: int, low: int = -100, high: int = 100) -> Array:
    return rng.integers(low, high, n).astype(dtype)


def like(x: Array, dtype: Any = None) -> Array:
    """An output, full of a value that shows where nothing was written."""
    return np.full(x.shape, 77, dtype or x.dtype)


def wide(x: Array) -> Array:
    return x.astype(np.float64)


erf = np.vectorize(math.erf, otypes=[np.float64])
CASES: list[Case] = []


def case(file: str, kernel: str, arguments: Callable[..., Arguments], ulps: int = EXACT) -> Callable[..., Any]:
    """Add the decorated reference to the table."""

    def add(expected: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        CASES.append(Case(file, kernel, arguments, expected, ulps))
        return expected

    return add


def unary(x: Array, name: str = "out", **more: Any) -> Arguments:
    return {"x": x, **more, name: like(x), "n": x.size}


# ---- element-wise --------------------------------------------------------------------------------


@case("custom_op", "custom_operation", lambda rng, n: {"input": (x := f32(rng, n)), "output": like(x), "n": n})
def twice(input, output, n):
    return {"output": input * np.float32(2)}


@case("custom_square", "custom_operation", lambda rng, n: {"input": (x := f32(rng, n)), "output": like(x), "n": n})
def square(input, output, n):
    return {"output": input * input}


@case(
    "elementwise",
    "axpby",
    lambda rng, n: {"a": 1.5, "x": (x := f32(rng, n)), "b": -0.5, "y": f32(rng, n), "out": like(x), "n": n},
)
def axpby(a, x, b, y, out, n):
    return {"out": np.float32(a) * x + np.float32(b) * y}


@case("elementwise", "leaky", lambda rng, n: unary(f32(rng, n)))
def leaky(x, out, n):
    return {"out": np.where(x > 0, x, np.float32(0.01) * x)}


@case(
    "elementwise", "clipped", lambda rng, n: {"x": (x := f32(rng, n)), "low": -1.0, "high": 0.5, "out": like(x), "n": n}
)
def clipped(x, low, high, out, n):
    return {"out": np.clip(x, np.float32(low), np.float32(high))}


@case("elementwise", "gelu_erf", lambda rng, n: unary(f32(rng, n)), SUMS)  # 1 + erf cancels on the negative side
def gelu_erf(x, out, n):
    return {"out": wide(x) * 0.5 * (1 + erf(wide(x) / math.sqrt(2)))}


@case("elementwise", "gelu_of_tanh", lambda rng, n: unary(f32(rng, n)), SUMS)  # 1 + tanh cancels too
def gelu_of_tanh(x, out, n):
    v = wide(x)
    return {"out": 0.5 * v * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))}


@case("elementwise", "swish", lambda rng, n: {"x": (x := f32(rng, n)), "beta": 1.25, "out": like(x), "n": n}, SHORT)
def swish(x, beta, out, n):
    return {"out": wide(x) / (1 + np.exp(-beta * wide(x)))}


@case("elementwise", "softplus_safe", lambda rng, n: unary(f64(rng, n)), SHORT)
def softplus_safe(x, out, n):
    return {"out": np.logaddexp(0, x)}


@case("elementwise", "horner", lambda rng, n: unary(f64(rng, n)), SUMS)  # the terms cancel
def horner(x, out, n):
    return {"out": np.polyval([-2.0, 3.5, -1.25, 0.5], x)}


@case("elementwise", "in_place", lambda rng, n: {"x": f32(rng, n), "factor": 3.0})
def in_place(x, factor):
    return {"x": x * np.float32(factor)}


@case("elementwise", "ternary", lambda rng, n: unary(f32(rng, n)))
def ternary(x, out, n):
    return {"out": np.clip(x, -1, 1)}


def options(rng: np.random.Generator, n: int) -> Arguments:
    s, k, t = rng.uniform(50, 150, n), rng.uniform(50, 150, n), rng.uniform(0.1, 2, n)
    return {"s": s, "k": k, "t": t, "call": like(s), "r": 0.03, "sigma": 0.4, "n": n}


@case("elementwise", "black_scholes", options, 2000)  # two prices of about 100 cancel to what may be 1
def black_scholes(s, k, t, call, r, sigma, n):
    d1 = (np.log(s / k) + (r + sigma**2 / 2) * t) / (sigma * np.sqrt(t))
    d2 = d1 - sigma * np.sqrt(t)
    return {"call": s * (1 + erf(d1 / 2**0.5)) / 2 - k * np.exp(-r * t) * (1 + erf(d2 / 2**0.5)) / 2}


# ---- reductions ----------------------------------------------------------------------------------


@case("reductions", "total", lambda rng, n: {"x": f32(rng, n), "out": np.zeros(1, "f4"), "n": n})
def total(x, out, n):
    result = np.float32(0)
    for value in x:
        result += value
    return {"out": np.array([result])}


@case("reductions", "dot_product", lambda rng, n: {"a": f64(rng, n), "b": f64(rng, n), "out": np.ones(1), "n": n})
def dot_product(a, b, out, n):
    result = 1.0
    for x, y in zip(a, b, strict=True):
        result += x * y
    return {"out": np.array([result])}


@case("reductions", "highest", lambda rng, n: {"x": ints(rng, "i4", n), "out": np.array([-7], "i4"), "n": n})
def highest(x, out, n):
    return {"out": np.array([max([-7, *x.tolist()])])}


@case(
    "reductions", "histogram", lambda rng, n: {"x": ints(rng, "u1", n, 0, 256), "counts": np.zeros(256, "u4"), "n": n}
)
def histogram(x, counts, n):
    return {"counts": np.bincount(x, minlength=256)}


@case(
    "reductions",
    "order_of_arrival",
    lambda rng, n: {"x": (x := ints(rng, "i4", n)), "counter": np.zeros(1, "u4"), "out": like(x), "n": n},
)
def order_of_arrival(x, counter, out, n):
    kept = x[x > 0]
    return {"out": np.concatenate([kept, out[kept.size :]]), "counter": np.array([kept.size])}


@case("reductions", "argmax", lambda rng, n: {"x": f32(rng, n), "out": np.array([-1]), "n": n})
def argmax(x, out, n):
    return {"out": np.array([x.argmax() if n else -1])}


@case("reductions", "prefix_sum", lambda rng, n: unary(ints(rng, "i8", n)))
def prefix_sum(x, out, n):
    return {"out": np.cumsum(x)}


@case("reductions", "mean_and_variance", lambda rng, n: {"x": f64(rng, n + 1), "out": np.zeros(2), "n": n + 1}, SUMS)
def mean_and_variance(x, out, n):
    return {"out": np.array([x.mean(), x.var()])}


@case("reductions", "largest_by_map", lambda rng, n: {"x": f32(rng, n + 1), "out": np.zeros(1, "f4"), "n": n + 1})
def largest_by_map(x, out, n):
    return {"out": np.array([x.max()])}


# ---- matrices ------------------------------------------------------------------------------------


def padded_gemm(rng: np.random.Generator, n: int) -> Arguments:
    m, k, lda, ldb, ldc = n // 2 + 1, n // 3 + 2, n // 3 + 4, n + 3, n + 1
    return {
        "A": f32(rng, m * lda), "B": f32(rng, k * ldb), "C": np.full(m * ldc, 77, "f4"),
        "m": m, "n": n, "k": k, "lda": lda, "ldb": ldb, "ldc": ldc,
    }  # fmt: skip


@case("matrices", "gemm_ld", padded_gemm, SUMS)
def gemm_ld(A, B, C, m, n, k, lda, ldb, ldc):
    result = C.reshape(m, ldc).astype("f8")
    result[:, :n] = wide(A.reshape(m, lda)[:, :k]) @ wide(B.reshape(k, ldb)[:, :n])
    return {"C": result.reshape(-1)}


def padded_gemv(rng: np.random.Generator, n: int) -> Arguments:
    m, lda = n // 2 + 1, n + 2
    return {
        "A": f64(rng, m * lda),
        "x": f64(rng, n),
        "y": f64(rng, m),
        "alpha": 0.5,
        "beta": -2.0,
        "m": m,
        "n": n,
        "lda": lda,
    }


@case("matrices", "gemv_ld", padded_gemv, SUMS)
def gemv_ld(A, x, y, alpha, beta, m, n, lda):
    return {"y": alpha * (A.reshape(m, lda)[:, :n] @ x) + beta * y}


def square_product(rng: np.random.Generator, n: int) -> Arguments:
    m, k = n // 2, n // 3 + 1
    return {"A": f64(rng, m, k), "B": f64(rng, k, n), "C": np.full((m, n), 77.0), "m": m, "n": n, "k": k}


@case("matrices", "matmul_shaped", square_product, SUMS)
def matmul_shaped(A, B, C, m, n, k):
    return {"C": A @ B}


def table(rng: np.random.Generator, n: int) -> Arguments:
    return {"x": (x := ints(rng, "i4", n * (n + 2))), "out": like(x), "rows": n, "cols": n + 2}


@case("matrices", "transposed", table)
def transposed(x, out, rows, cols):
    return {"out": x.reshape(rows, cols).T.reshape(-1)}


def positive(rng: np.random.Generator, n: int) -> Arguments:
    n = min(n, 8)
    a = f64(rng, n, n)
    return {"A": a @ a.T + 10 * np.eye(n), "L": np.full((n, n), 77.0), "n": n}


@case("matrices", "cholesky", positive, SUMS)
def cholesky(A, L, n):
    return {"L": np.linalg.cholesky(A) if n else L}


@case(
    "matrices",
    "outer",
    lambda rng, n: {"a": f32(rng, n), "b": f32(rng, 5), "out": np.full(5 * n, 77, "f4"), "m": n, "n": 5},
)
def outer(a, b, out, m, n):
    return {"out": np.outer(a, b).reshape(-1)}


@case(
    "matrices",
    "softmax_rows",
    lambda rng, n: {"x": (x := f32(rng, 3 * (n + 1))), "out": like(x), "rows": 3, "cols": n + 1},
    SHORT,
)
def softmax_rows(x, out, rows, cols):
    e = np.exp(wide(x).reshape(rows, cols))
    return {"out": (e / e.sum(1, keepdims=True)).reshape(-1)}


def rows_to_normalise(rng: np.random.Generator, n: int) -> Arguments:
    cols = n + 1
    x = f32(rng, 3 * cols)
    return {
        "x": x,
        "gamma": f32(rng, cols),
        "beta": f32(rng, cols),
        "out": like(x),
        "rows": 3,
        "cols": cols,
        "eps": 1e-5,
    }


@case("matrices", "layer_norm_rows", rows_to_normalise, 4000)  # a difference of nearly equal numbers is scaled up
def layer_norm_rows(x, gamma, beta, out, rows, cols, eps):
    v = wide(x).reshape(rows, cols)
    normal = (v - v.mean(1, keepdims=True)) / np.sqrt(v.var(1, keepdims=True) + eps)
    return {"out": (normal * gamma + beta).reshape(-1)}


# ---- images --------------------------------------------------------------------------------------


@case(
    "images",
    "conv1d",
    lambda rng, n: {"x": f32(rng, n + 3), "w": f32(rng, 4), "out": np.full(n, 77, "f4"), "n_out": n, "k": 4},
    SUMS,
)
def conv1d(x, w, out, n_out, k):
    return {"out": np.array([wide(x)[i : i + k] @ wide(w) for i in range(n_out)])}


def image_and_filters(rng: np.random.Generator, n: int) -> Arguments:
    sizes = {
        "C_in": 2,
        "H_in": n % 7 + 3,
        "W_in": n % 5 + 4,
        "C_out": 3,
        "K_h": 3,
        "K_w": 2,
        "stride": n % 2 + 1,
        "pad": n % 3,
    }
    h, w = filtered_size(**sizes)
    x, filters, bias = f32(rng, 2 * sizes["H_in"] * sizes["W_in"]), f32(rng, 3 * 2 * 3 * 2), f32(rng, 3)
    return {"x": x, "w": filters, "bias": bias, "out": np.full(3 * h * w, 77, "f4"), **sizes}


def filtered_size(C_in, H_in, W_in, C_out, K_h, K_w, stride, pad):
    return (H_in + 2 * pad - K_h) // stride + 1, (W_in + 2 * pad - K_w) // stride + 1


@case("images", "conv2d", image_and_filters, SUMS)
def conv2d(x, w, bias, out, C_in, H_in, W_in, C_out, K_h, K_w, stride, pad):
    image = np.pad(wide(x).reshape(C_in, H_in, W_in), ((0, 0), (pad, pad), (pad, pad)))
    filters = wide(w).reshape(C_out, C_in, K_h, K_w)
    h, wide_ = filtered_size(C_in, H_in, W_in, C_out, K_h, K_w, stride, pad)
    result = np.empty((C_out, h, wide_))
    for r in range(h):
        for c in range(wide_):
            part = image[:, r * stride : r * stride + K_h, c * stride : c * stride + K_w]
            result[:, r, c] = (filters * part).sum((1, 2, 3)) + bias
    return {"out": result.reshape(-1)}


def picture(rng: np.random.Generator, n: int) -> Arguments:
    h, w = n // 3, n // 2
    return {"x": f32(rng, h * w), "out": np.full((h // 2) * (w // 2), 77, "f4"), "H": h, "W": w, "size": 2}


@case("images", "max_pool", picture)
def max_pool(x, out, H, W, size):
    x = x.reshape(H, W)[: H // 2 * 2, : W // 2 * 2].reshape(H // 2, 2, W // 2, 2)
    return {"out": x.max((1, 3)).reshape(-1) if x.size else out}


@case(
    "images",
    "laplacian",
    lambda rng, n: {"x": (x := f32(rng, n, n // 2 + 1)), "out": like(x), "h": n, "w": n // 2 + 1},
    SUMS,
)
def laplacian(x, out, h, w):
    p = np.pad(wide(x), 1, mode="edge") if x.size else np.zeros((h + 2, w + 2))
    return {"out": p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * p[1:-1, 1:-1]}


@case("images", "life", lambda rng, n: {"board": (x := ints(rng, "u1", n * 5, 0, 2)), "out": like(x), "h": n, "w": 5})
def life(board, out, h, w):
    b = board.reshape(h, w).astype(int)
    near = sum(np.roll(b, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
    return {"out": ((near == 3) | ((near == 2) & (b == 1))).reshape(-1)}


@case("images", "grey", lambda rng, n: {"rgb": ints(rng, "u1", 3 * n, 0, 256), "out": np.full(n, 77, "u1"), "n": n})
def grey(rgb, out, n):
    r, g, b = (wide(rgb.reshape(n, 3))[:, i] for i in range(3))
    return {"out": (0.299 * r + 0.587 * g + 0.114 * b + 0.5).astype("u1")}


def resized(rng: np.random.Generator, n: int) -> Arguments:
    return {"x": f32(rng, 4 * 5), "out": np.full(n * 3, 77, "f4"), "h": 4, "w": 5, "h2": n, "w2": 3}


@case("images", "resize_bilinear", resized, SUMS)
def resize_bilinear(x, out, h, w, h2, w2):
    x = wide(x).reshape(h, w)
    y, z = np.arange(h2)[:, None] * (h - 1) / max(h2 - 1, 1), np.arange(w2)[None] * (w - 1) / max(w2 - 1, 1)
    r, c = np.minimum(y.astype(int), h - 1), np.minimum(z.astype(int), w - 1)
    r2, c2, a, b = np.minimum(r + 1, h - 1), np.minimum(c + 1, w - 1), y - r, z - c
    top, bottom = x[r, c] * (1 - b) + x[r, c2] * b, x[r2, c] * (1 - b) + x[r2, c2] * b
    return {"out": (top * (1 - a) + bottom * a).reshape(-1)}


@case("images", "mandelbrot", lambda rng, n: {"out": np.full(n * 6, 77, "i4"), "h": n, "w": 6, "limit": 20})
def mandelbrot(out, h, w, limit):
    def turns(idx):
        c, z, count = complex((idx % w) * 3.0 / w - 2.0, (idx // w) * 2.0 / h - 1.0), 0j, 0
        while z.real * z.real + z.imag * z.imag <= 4 and count < limit:
            z = complex(z.real * z.real - z.imag * z.imag + c.real, 2.0 * z.real * z.imag + c.imag)
            count += 1
        return count

    return {"out": np.array([turns(idx) for idx in range(h * w)], "i4")}


# ---- searching -----------------------------------------------------------------------------------


@case(
    "searching",
    "gather",
    lambda rng, n: {"x": f32(rng, 9), "index": ints(rng, "i4", n, 0, 9), "out": np.full(n, 77, "f4"), "n": n},
)
def gather(x, index, out, n):
    return {"out": x[index]}


@case(
    "searching",
    "gather_guarded",
    lambda rng, n: {"x": f32(rng, 9), "index": ints(rng, "i8", n, -5, 15), "out": np.full(n, 77, "f4"), "n": n},
)
def gather_guarded(x, index, out, n):
    return {"out": np.array([x[j] if 0 <= j < 9 else -1 for j in index], "f4")}


@case(
    "searching",
    "scatter",
    lambda rng, n: {"x": (x := ints(rng, "i4", n)), "index": rng.permutation(n).astype("u4"), "out": like(x), "n": n},
)
def scatter(x, index, out, n):
    out = out.copy()
    out[index] = x
    return {"out": out}


def words(rng: np.random.Generator, n: int) -> Arguments:
    return {
        "table": f32(rng, 6 * 4),
        "ids": ints(rng, "i4", n, 0, 6),
        "out": np.full(4 * n, 77, "f4"),
        "count": n,
        "width": 4,
    }


@case("searching", "embedding", words)
def embedding(table, ids, out, count, width):
    return {"out": table.reshape(6, 4)[ids].reshape(-1)}


@case(
    "searching",
    "concat",
    lambda rng, n: {"a": f32(rng, n), "b": f32(rng, 4), "out": np.full(n + 4, 77, "f4"), "n_a": n, "n_b": 4},
)
def concat(a, b, out, n_a, n_b):
    return {"out": np.concatenate([a, b])}


@case("searching", "reversed_copy", lambda rng, n: unary(ints(rng, "i4", n)))
def reversed_copy(x, out, n):
    return {"out": x[::-1]}


def haystack(rng: np.random.Generator, n: int) -> Arguments:
    return {"x": np.sort(f64(rng, n)), "wanted": (w := f64(rng, 6)), "out": like(w, "i8"), "n": n, "m": 6}


@case("searching", "first_not_below", haystack)
def first_not_below(x, wanted, out, n, m):
    return {"out": np.searchsorted(x, wanted)}


@case("searching", "collatz", lambda rng, n: {"x": (x := ints(rng, "i8", n, 1, 1000)), "steps": like(x, "i4"), "n": n})
def collatz(x, steps, n):
    def count(v):
        return 0 if v == 1 else 1 + count(v // 2 if v % 2 == 0 else 3 * v + 1)

    return {"steps": np.array([count(int(v)) for v in x], "i4")}


def bits(rng: np.random.Generator, n: int) -> Arguments:
    a, b = (rng.integers(0, 2**64, n, dtype=np.uint64) for _ in range(2))
    return {"a": a, "b": b, "out": like(a, "u1"), "n": n}


@case("searching", "hamming", bits)
def hamming(a, b, out, n):
    return {"out": np.array([int(v).bit_count() for v in a ^ b], "u1")}


@case("searching", "hashed", lambda rng, n: unary(rng.integers(0, 2**32, n, dtype=np.uint32)))
def hashed(x, out, n):
    h = x ^ np.uint32(61) ^ (x >> np.uint32(16))
    h = h * np.uint32(9)
    h = (h ^ (h >> np.uint32(4))) * np.uint32(0x27D4EB2D)
    return {"out": h ^ (h >> np.uint32(15))}


@case(
    "searching",
    "find_first",
    lambda rng, n: {"x": ints(rng, "i4", n, 0, 5), "wanted": 3, "out": np.array([77]), "n": n},
)
def find_first(x, wanted, out, n):
    return {"out": np.array([x.tolist().index(3) if 3 in x else -1])}


def signal(rng: np.random.Generator, n: int) -> Arguments:
    return {"x": (x := f64(rng, n)), "c": np.array([0.2, 0.4, 0.2, -0.3, 0.1]), "out": like(x), "n": n}


@case("searching", "biquad", signal)
def biquad(x, c, out, n):
    s1, s2, result = 0.0, 0.0, []
    for v in x.tolist():
        y = c[0] * v + s1
        s1, s2 = c[1] * v - c[3] * y + s2, c[2] * v - c[4] * y
        result.append(y)
    return {"out": np.array(result)}


def two_words(rng: np.random.Generator, n: int) -> Arguments:
    a, b = ints(rng, "u1", n, 0, 4), ints(rng, "u1", n // 2 + 2, 0, 4)
    return {"a": a, "b": b, "row": np.zeros(b.size + 1, "i4"), "out": np.zeros(1, "i4"), "n": n, "m": b.size}


@case("searching", "edit_distance", two_words)
def edit_distance(a, b, row, out, n, m):
    d = np.zeros((n + 1, m + 1), int)
    d[:, 0], d[0] = np.arange(n + 1), np.arange(m + 1)
    for i in range(n):
        for j in range(m):
            d[i + 1, j + 1] = min(d[i, j + 1] + 1, d[i + 1, j] + 1, d[i, j] + (a[i] != b[j]))
    return {"out": d[n, m : m + 1], "row": d[n]}


@case("searching", "countdown", lambda rng, n: {"out": np.full(n, 77, "i4"), "n": n})
def countdown(out, n):
    return {"out": np.arange(n)[::-1]}


@case(
    "searching",
    "n_body_step",
    lambda rng, n: {"x": (x := f64(rng, n)), "v": f64(rng, n), "out": like(x), "dt": 0.1, "n": n},
    SUMS,
)
def n_body_step(x, v, out, dt, n):
    d = x[None] - x[:, None]
    force = (d / (np.abs(d) ** 3 + 0.01)).sum(1)
    return {"out": x + dt * (v + dt * force)}


# ---- types ---------------------------------------------------------------------------------------


@case(
    "dtypes",
    "half_axpy",
    lambda rng, n: {
        "x": (x := f64(rng, n).astype("f2")),
        "y": f64(rng, n).astype("f2"),
        "out": like(x),
        "a": 1.5,
        "n": n,
    },
)
def half_axpy(x, y, out, a, n):
    return {"out": (np.float32(a) * x.astype("f4") + y.astype("f4")).astype("f2")}


def pair(dtype: str, low: int = -100, high: int = 100) -> Callable[..., Arguments]:
    return lambda rng, n: {
        "x": (x := ints(rng, dtype, n, low, high)),
        "y": ints(rng, dtype, n, low, high),
        "out": like(x),
        "n": n,
    }


@case("dtypes", "add_i8", pair("i1"))
def add_i8(x, y, out, n):
    return {"out": x + y}


@case("dtypes", "mean_i16", pair("i2", -30000, 30000))
def mean_i16(x, y, out, n):
    return {"out": (x.astype(int) + y) // 2}


def to_divide(rng: np.random.Generator, n: int) -> Arguments:
    x = ints(rng, "i4", n)
    return {"x": x, "y": ints(rng, "i4", n, -3, 4), "quotient": like(x), "rest": like(x), "n": n}


@case("dtypes", "floor_mod", to_divide)
def floor_mod(x, y, quotient, rest, n):
    safe = np.where(y == 0, 1, y)
    return {"quotient": np.where(y == 0, 0, x // safe), "rest": np.where(y == 0, 0, x % safe)}


@case("dtypes", "xor_u64", lambda rng, n: {"x": (x := bits(rng, n)["a"]), "key": 12345, "out": like(x), "n": n})
def xor_u64(x, key, out, n):
    return {"out": (x ^ np.uint64(key)) * np.uint64(0x9E3779B97F4A7C15)}


@case("dtypes", "wrap_u16", lambda rng, n: unary(ints(rng, "u2", n, 0, 65536)))
def wrap_u16(x, out, n):
    return {"out": (x.astype(int) ** 2 - 1).astype("u2")}


@case(
    "dtypes",
    "between",
    lambda rng, n: {"x": (x := f64(rng, n)), "low": -1.0, "high": 1.0, "out": like(x, bool), "n": n},
)
def between(x, low, high, out, n):
    return {"out": (x >= low) & (x < high)}


def truths(rng: np.random.Generator, n: int) -> Arguments:
    x = rng.random(n) < 0.5
    return {"x": x, "y": rng.random(n) < 0.5, "out": like(x), "n": n}


@case("dtypes", "flipped", truths)
def flipped(x, y, out, n):
    return {"out": ~x | (x ^ y)}


@case(
    "dtypes",
    "quantise",
    lambda rng, n: {"x": (x := 50 * f32(rng, n)), "scale": 0.5, "zero": 3, "out": like(x, "i1"), "n": n},
)
def quantise(x, scale, zero, out, n):
    return {"out": np.clip(np.rint(x / np.float32(scale)) + zero, -128, 127).astype("i1")}


@case(
    "dtypes",
    "dequantise",
    lambda rng, n: {"q": (q := ints(rng, "i1", n)), "scale": 0.5, "zero": 3, "out": like(q, "f4"), "n": n},
)
def dequantise(q, scale, zero, out, n):
    return {"out": (q.astype("f4") - 3) * np.float32(0.5)}


@case("dtypes", "fraction_of", lambda rng, n: {"out": np.full(n, 77.0), "n": n})
def fraction_of(out, n):
    return {"out": np.arange(n) / n if n else out}


@case("dtypes", "mapped", lambda rng, n: unary(rng.random(n)))
def mapped(x, out, n):
    return {"out": np.where(x < 0.5, 2 * x, 2 * (1 - x))}


@case("dtypes", "roots", lambda rng, n: unary(np.abs(f32(rng, n))))
def roots(x, out, n):
    return {"out": np.sqrt(x)}


@case(
    "dtypes",
    "products",
    lambda rng, n: {"a": (a := ints(rng, "i8", n)), "b": ints(rng, "i8", n), "out": like(a), "n": n},
)
def products(a, b, out, n):
    return {"out": a * b}


# ---- the tests -----------------------------------------------------------------------------------

IDS = [f"{item.file}.{item.kernel}" for item in CASES]


@cache
def compiled(file: str) -> dict[str, Any]:
    return {handle.name: handle for handle in compile_file(FOLDER / f"{file}.py", levels=Settings().levels)}


def at_level(handle: Any, level: str) -> Any:
    return type(handle)(handle.kernel, library=handle.library, settings=Runtime(isa=level).settings)


@cache
def interpreted(file: str) -> dict[str, Any]:
    return {kernel.name: interpreter(lower(kernel)) for kernel in read(FOLDER / f"{file}.py")}


def check(item: Case, handle: Any, n: int) -> None:
    arguments = item.arguments(np.random.default_rng(n), n)
    copies = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in arguments.items()}
    handle(*arguments.values())
    with np.errstate(all="ignore"):
        expected = item.expected(**copies)
    for name, wanted in expected.items():
        found = arguments[name]
        wanted = np.asarray(wanted).reshape(found.shape)
        if found.dtype.kind != "f" or item.ulps == EXACT:
            np.testing.assert_array_equal(found, wanted.astype(found.dtype), err_msg=name)
        else:
            # relative to the largest value around: sums cancel
            unit = np.finfo(found.dtype).eps * max(1.0, float(np.abs(wanted).max(initial=0)))
            np.testing.assert_allclose(found, wanted, rtol=0, atol=item.ulps * unit, err_msg=name)
    for name, value in copies.items():
        if isinstance(value, np.ndarray) and name not in expected:
            np.testing.assert_array_equal(arguments[name], value, err_msg=f"{name} is an input")


@pytest.mark.parametrize("level", Settings().levels)
@pytest.mark.parametrize("item", CASES, ids=IDS)
def test_compiled_kernel_matches_its_reference(item: Case, level: str) -> None:
    for n in SIZES:
        check(item, at_level(compiled(item.file)[item.kernel], level), n)


@pytest.mark.parametrize("item", CASES, ids=IDS)
def test_interpreted_kernel_matches_its_reference(item: Case) -> None:
    for n in SIZES:
        check(item, interpreted(item.file)[item.kernel], n)


def test_every_kernel_of_the_folder_has_a_case() -> None:
    names = {(path.stem, kernel.name) for path in FOLDER.glob("*.py") for kernel in read(path)}
    assert names == {(item.file, item.kernel) for item in CASES}
    assert len(names) >= 40
