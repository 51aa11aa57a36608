"""Are kernels written in Python as fast as Numba's?

Question   What does one call of a user's kernel take, beside the same loops in Numba and beside NumPy?
Method     Nine kernels of benchmarks/kernels.py, memory-safe as they are by default; Numba compiles the same loops for
           the one signature without fastmath and without checks of indices; NumPy where it has a form of its own. One
           thread, the same arrays for all, of 10,000 elements (matrices 96 x 104), so that calls count but do not rule.
Take-away  Ahead where work items are run side by side (the product, 15x; stencil, saxpy, leaky_relu, 1.2x), and with a
           register kept in a loop; level where the order of a sum rules (biquad, argmax, layer norm).
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import kernels, peers
from .measure import Contestant, Plan, Row, Timings, faster, race

N = 10_000
ROWS, COLS = 96, 104
GOAL = 0.95


def loops_saxpy(alpha, x, y, out):
    for i in range(x.size):
        out[i] = alpha * x[i] + y[i]


def loops_squared(x, out):
    for i in range(x.size):
        out[i] = x[i] * x[i]


def loops_leaky_relu(x, out):
    slope = np.float32(0.01)
    for i in range(x.size):
        out[i] = x[i] if x[i] > 0 else slope * x[i]


def loops_normalise(x, gamma, beta, out):
    rows, cols = x.shape
    for r in range(rows):
        mean = np.float32(0)
        for j in range(cols):
            mean += x[r, j]
        mean /= np.float32(cols)
        variance = np.float32(0)
        for j in range(cols):
            d = x[r, j] - mean
            variance += d * d
        scale = np.float32(1) / np.float32(math.sqrt(variance / np.float32(cols) + np.float32(1e-5)))
        for j in range(cols):
            out[r, j] = (x[r, j] - mean) * scale * gamma[j] + beta[j]


def loops_stencil(x, w, out):
    height, width = x.shape
    for r in range(height - 2):
        for c in range(width - 2):
            total = np.float32(0)
            for i in range(3):
                for j in range(3):
                    total += w[i, j] * x[r + i, c + j]
            out[r + 1, c + 1] = total


def loops_product(a, b, out):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = np.float32(0)
            for p in range(a.shape[1]):
                total += a[i, p] * b[p, j]
            out[i, j] = total


def loops_largest(x, out):
    best, value = 0, x[0]
    for i in range(1, x.size):
        if x[i] > value:
            value = x[i]
            best = i
    out[0] = best


def loops_histogram(x, counts):
    for i in range(x.size):
        counts[x[i]] += 1


def loops_biquad(x, c, out):
    b0, b1, b2, a1, a2 = c[0], c[1], c[2], c[3], c[4]
    first = second = np.float32(0)
    for i in range(x.size):
        v = x[i]
        y = b0 * v + first
        first = b1 * v - a1 * y + second
        second = b2 * v - a2 * y
        out[i] = y


def contestants(
    function: Any, line: str, names: dict[str, Any], loops: Callable[..., None], args: tuple[Any, ...], out: np.ndarray
) -> dict[str, Contestant]:
    """Ours and Numba's, which take turns to write the same array."""
    found = {"hologram": Contestant(line, {"f": function, **names, "out": out}, out)}
    if numba := peers.load("numba"):
        jitted = numba.njit(loops)
        jitted(*args, out)
        values = {f"a{i}": value for i, value in enumerate(args)}
        found["numba"] = Contestant(f"f({', '.join(values)}, out)", {"f": jitted, **values, "out": out}, out)
    return found


def beside_numba(what: str, timings: Timings) -> Iterator[Row]:
    """The row of a kernel, or none where Numba is not installed (`make bench` does install it)."""
    if "numba" in timings:
        yield faster(what, timings, GOAL, "numba")


def run(plan: Plan) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, N)).astype(np.float32)
    out = np.empty(N, np.float32)
    grid = rng.standard_normal((ROWS, COLS)).astype(np.float32)
    flat, result = grid.reshape(-1), np.zeros((ROWS, COLS), np.float32)
    to = result.reshape(-1)
    gamma, beta = rng.standard_normal((2, COLS)).astype(np.float32)
    w, c = rng.standard_normal((3, 3)).astype(np.float32), np.float32([0.2, 0.4, 0.2, -0.3, 0.1])
    ours = {name: getattr(kernels, name) for name in dir(kernels) if hasattr(getattr(kernels, name), "handle")}
    alpha = np.float32(2)

    race_ = contestants(
        ours["saxpy"], "f(alpha, x, y, out)", {"alpha": 2.0, "x": x, "y": y}, loops_saxpy, (alpha, x, y), out
    )
    race_["numpy"] = Contestant(
        "mul(x, alpha, out); add(out, y, out)",
        {"mul": np.multiply, "add": np.add, "alpha": np.array(alpha), "x": x, "y": y, "out": out},
        out,
    )
    yield from beside_numba("saxpy", race(plan, race_, alpha * x + y))

    race_ = contestants(ours["squared"], "f(x, out)", {"x": x}, loops_squared, (x,), out)
    race_["numpy"] = Contestant("f(x, out)", {"f": np.square, "x": x, "out": out}, out)
    yield from beside_numba("squared", race(plan, race_, x * x))

    race_ = contestants(ours["leaky_relu_01"], "f(x, out)", {"x": x}, loops_leaky_relu, (x,), out)
    yield from beside_numba("leaky_relu", race(plan, race_, np.where(x > 0, x, np.float32(0.01) * x)))

    names = {"x": flat, "g": gamma, "b": beta, "rows": ROWS, "to": to}
    race_ = contestants(
        ours["normalise_rows"], "f(x, g, b, to, rows)", names, loops_normalise, (grid, gamma, beta), result
    )
    centred = grid - grid.mean(1, keepdims=True)
    wanted = centred / np.sqrt(grid.var(1, keepdims=True) + 1e-5) * gamma + beta
    yield from beside_numba("layer norm", race(plan, race_, wanted))

    for height, width in ((ROWS, COLS), (256, 384)):
        image = rng.standard_normal((height, width)).astype(np.float32)
        filtered = np.zeros_like(image)
        names = {"x": image.reshape(-1), "w": w.reshape(-1), "h": height, "c": width, "to": filtered.reshape(-1)}
        race_ = contestants(ours["stencil"], "f(x, w, to, h, c)", names, loops_stencil, (image, w), filtered)
        wanted = np.zeros_like(image)
        for i in range(3):
            for j in range(3):
                wanted[1:-1, 1:-1] += w[i, j] * image[i : i + height - 2, j : j + width - 2]
        yield from beside_numba(f"3x3 stencil, {height} x {width}", race(plan, race_, wanted))

    b = rng.standard_normal((COLS, 96)).astype(np.float32)
    square = np.empty((ROWS, 96), np.float32)
    names = {"a": flat, "b": b.reshape(-1), "m": ROWS, "n": 96, "k": COLS, "to": square.reshape(-1)}
    race_ = contestants(ours["product"], "f(a, b, to, m, n, k)", names, loops_product, (grid, b), square)
    race_["numpy"] = Contestant("f(a, b, out)", {"f": np.matmul, "a": grid, "b": b, "out": square}, square)
    yield from beside_numba("matrix product", race(plan, race_, grid @ b))

    place = np.zeros(1, np.int64)
    race_ = contestants(ours["largest"], "f(x, out)", {"x": x}, loops_largest, (x,), place)
    race_["numpy"] = Contestant("f(x)", {"f": np.argmax, "x": x})
    yield from beside_numba("argmax", race(plan, race_, np.array([x.argmax()])))

    values = rng.integers(0, 256, N).astype(np.int32)
    counts = np.zeros(256, np.int32)
    race_ = contestants(ours["histogram"], "f(x, out)", {"x": values}, loops_histogram, (values,), counts)
    race_["numpy"] = Contestant("f(x, minlength=256)", {"f": np.bincount, "x": values})
    yield from beside_numba("histogram with atomics", race(plan, race_))

    race_ = contestants(ours["biquad"], "f(x, c, out)", {"x": x, "c": c}, loops_biquad, (x, c), out)
    yield from beside_numba("biquad filter", race(plan, race_))
