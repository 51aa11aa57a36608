"""Are expressions of several ops over large arrays faster fused than in the libraries people fuse them with now?

Question   How much faster is a fused function of 2, 5 and 12 ops than NumPy, Numba (parallel, fastmath), numexpr and
           PyTorch? And softmax(x / 8), in rows of 1000 and of a million?
Method     f32 from a normal distribution, 10 million elements, results in place, on one thread and on two, all peers
           with as many; a child process for each number of threads, since peers read it once. NumPy works in place with
           one temporary array at most. A run of a contestant is one call. Results are compared before anything is
           timed. Goals: sigmoid(a * b + c) twice as fast as Numba and four times as fast as numexpr; nothing slower
           than the fastest.
Take-away  sigmoid(a * b + c) is 3.6 times as fast as Numba and 5.8 times as fast as numexpr on one thread, 2.8 and
           5.4 on two; 12 ops are 1.6 and 2.9 times as fast as NumPy, whose tanh is the next best; softmax is 1.9 to
           4.5 times. Two cheap ops take what memory takes, as Numba's do. Five of them are a miss on one thread,
           0.7 times Numba, which keeps what is in between in registers of the processor. Asking for the memory
           of the next strip beforehand made all of it slower.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

import numpy as np

import hologram_core as hg
from hologram_sigmatics import fuse

from . import peers
from .measure import FULL, QUICK, Contestant, Plan, Row, Timing, Timings, faster, race

N = 10_000_000
FEW = 10_000  # of a quick run
THREADS = (1, 2)
ROOT = math.sqrt(2 / math.pi)


def run(plan: Plan) -> Iterator[Row]:
    for threads in THREADS:
        name = f"{threads} thread{'s' * (threads > 1)}"
        for what in (*EXPRESSIONS, *SOFTMAXES):
            timings = in_child(what, threads, plan)
            if what == GOAL:
                if "numba" in timings:
                    yield faster(f"{what}, {name}", timings, 2.0, "numba")
                if "numexpr" in timings:
                    yield faster(f"{what}, {name}", timings, 4.0, "numexpr")
            else:
                yield faster(f"{what}, {name}", timings, 1.0)


# ---- expressions -----------------------------------------------------------------------------------------------------

GOAL = "sigmoid(a * b + c)"
#: by name: the function to fuse, the same for numexpr, for Numba (of one element), and in place for NumPy
EXPRESSIONS: dict[str, tuple[Callable, str, str, str]] = {
    "a * b + c": (
        lambda a, b, c: a * b + c,
        "a * b + c",
        "a[i] * b[i] + c[i]",
        "multiply(a, b, y); add(y, c, y)",
    ),
    GOAL: (
        lambda a, b, c: hg.ops.sigmoid(a * b + c),
        "1 / (1 + exp(-(a * b + c)))",
        "f4(1) / (f4(1) + exp(-(a[i] * b[i] + c[i])))",
        "multiply(a, b, y); add(y, c, y); negative(y, y); exp(y, y); add(y, one, y); reciprocal(y, y)",
    ),
    "|a * b - c| / 2 + a": (
        lambda a, b, c: abs(a * b - c) * 0.5 + a,
        "abs(a * b - c) * half + a",
        "abs(a[i] * b[i] - c[i]) * f4(0.5) + a[i]",
        "multiply(a, b, y); subtract(y, c, y); absolute(y, y); multiply(y, half, y); add(y, a, y)",
    ),
    "12 ops, gelu by tanh": (
        lambda a, b, c: gelu_of(a * b + c) + a,
        "half * (a * b + c) * (1 + tanh(k * ((a * b + c) + cube * (a * b + c) ** 3))) + a",
        "",
        "multiply(a, b, y); add(y, c, y); multiply(y, y, t); multiply(t, y, t); multiply(t, cube, t); add(t, y, t); "
        "multiply(t, k, t); tanh(t, t); add(t, one, t); multiply(y, half, y); multiply(y, t, y); add(y, a, y)",
    ),
}
SOFTMAXES = {"softmax(x / 8), 1000 rows of 1000": (1000, 1000), "softmax(x / 8), 10 rows of 1e6": (10, 1_000_000)}


def gelu_of(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(ROOT * (x + 0.044715 * x * x * x)))


NUMBA = """
def f(a, b, c, y):
    for i in prange(a.size):
        y[i] = {}
"""
NUMBA_GELU = """
def f(a, b, c, y):
    for i in prange(a.size):
        x = a[i] * b[i] + c[i]
        y[i] = f4(0.5) * x * (f4(1) + tanh(f4(0.7978845608) * (x + f4(0.044715) * x * x * x))) + a[i]
"""
NUMBA_SOFTMAX = """
def f(x, y):
    for row in prange(x.shape[0]):
        largest = x[row, 0]
        for i in range(x.shape[1]):
            largest = max(largest, x[row, i])
        total = f4(0)
        for i in range(x.shape[1]):
            y[row, i] = exp((x[row, i] - largest) * f4(0.125))
            total += y[row, i]
        for i in range(x.shape[1]):
            y[row, i] /= total
"""


def expression(what: str, n: int) -> tuple[dict[str, Contestant], np.ndarray]:
    """Return the contestants for an expression, and what it gives."""
    function, numexpr_text, numba_text, numpy_line = EXPRESSIONS[what]
    arrays = dict(zip("abc", np.random.default_rng(1).standard_normal((3, n), np.float32), strict=True))
    fused = fuse(function)
    outputs = {name: np.empty(n, np.float32) for name in ("hologram", "numpy", "numba", "numexpr")}
    names = {**peers.UFUNCS, **scalars(), **arrays, "y": outputs["numpy"], "t": np.empty(n, np.float32)}
    used = {name: names[name] for name in compile(numpy_line, what, "exec").co_names}
    found = {
        "hologram": Contestant(
            "f(a, b, c, out=y)", {"f": fused, **arrays, "y": outputs["hologram"]}, outputs["hologram"]
        ),
        "numpy": Contestant(numpy_line, used, outputs["numpy"]),
    }
    if numba := peers.load("numba"):
        loop = parallel(numba, NUMBA.format(numba_text) if numba_text else NUMBA_GELU)
        found["numba"] = Contestant("f(a, b, c, y)", {"f": loop, **arrays, "y": outputs["numba"]}, outputs["numba"])
    if numexpr := peers.load("numexpr"):
        inputs = {**arrays, "half": np.float32(0.5), "k": np.float32(ROOT), "cube": np.float32(0.044715)}
        inputs = {name: value for name, value in inputs.items() if name in numexpr.NumExpr(numexpr_text).input_names}
        found["numexpr"] = Contestant(
            "f(text, inputs, nothing, out=y)",
            {"f": numexpr.evaluate, "text": numexpr_text, "inputs": inputs, "nothing": {}, "y": outputs["numexpr"]},
            outputs["numexpr"],
        )
    if torch := peers.load("torch"):
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        found["torch"] = Contestant("f(a, b, c)", {"f": torch_expressions(torch)[what], **tensors})
    names["y"] = np.empty(n, np.float32)
    exec(numpy_line, names)
    return found, names["y"]


def scalars() -> dict[str, np.ndarray]:
    values = {"one": 1, "half": 0.5, "k": ROOT, "cube": 0.044715}
    return {name: np.array(value, np.float32) for name, value in values.items()}


def parallel(numba: object, source: str) -> Callable:
    namespace = {"prange": numba.prange, "f4": np.float32, "exp": math.exp, "tanh": math.tanh}
    exec(source, namespace)
    return numba.njit(parallel=True, fastmath=True, error_model="numpy")(namespace["f"])


def torch_expressions(torch: object) -> dict[str, Callable]:
    return {
        "a * b + c": lambda a, b, c: a * b + c,
        GOAL: lambda a, b, c: torch.sigmoid(a * b + c),
        "|a * b - c| / 2 + a": lambda a, b, c: torch.abs(a * b - c) * 0.5 + a,
        "12 ops, gelu by tanh": lambda a, b, c: torch.nn.functional.gelu(a * b + c, approximate="tanh") + a,
    }


def softmax(shape: tuple[int, int]) -> tuple[dict[str, Contestant], np.ndarray]:
    """Return the contestants for softmax, and what it gives."""
    x = np.random.default_rng(2).standard_normal(shape, np.float32)
    fused = fuse(lambda x: hg.ops.softmax(x * 0.125))
    outputs = {name: np.empty_like(x) for name in ("hologram", "numpy", "numba")}
    line = (
        "multiply(x, eighth, y); subtract(y, largest(y, 1)[:, None], y); exp(y, y); divide(y, total(y, 1)[:, None], y)"
    )
    names = {"multiply": np.multiply, "subtract": np.subtract, "exp": np.exp, "divide": np.divide}
    names |= {"largest": np.maximum.reduce, "total": np.add.reduce, "eighth": np.array(0.125, np.float32), "x": x}
    found = {
        "hologram": Contestant("f(x, out=y)", {"f": fused, "x": x, "y": outputs["hologram"]}, outputs["hologram"]),
        "numpy": Contestant(line, {**names, "y": outputs["numpy"]}, outputs["numpy"]),
    }
    if numba := peers.load("numba"):
        names = {"f": parallel(numba, NUMBA_SOFTMAX), "x": x, "y": outputs["numba"]}
        found["numba"] = Contestant("f(x, y)", names, outputs["numba"])
    if torch := peers.load("torch"):
        names = {"softmax": torch.softmax, "x": torch.from_numpy(x)}
        found["torch"] = Contestant("softmax(x * 0.125, 1)", names)
    weights = np.exp((x - x.max(axis=1, keepdims=True)) * 0.125)
    return found, weights / weights.sum(axis=1, keepdims=True)


# ---- a process for each number of threads ----------------------------------------------------------------------------


def in_child(what: str, threads: int, plan: Plan) -> Timings:
    """Return the timings of one race, held in a process where everybody has so many threads."""
    command = [sys.executable, "-m", "benchmarks.bench_fused", what, "quick" if plan is QUICK else "full"]
    done = subprocess.run(
        command, env={**os.environ, "BENCH_THREADS": str(threads)}, check=True, stdout=subprocess.PIPE, text=True
    )
    return {name: Timing(**timing) for name, timing in json.loads(done.stdout).items()}


def main(what: str, thoroughness: str) -> None:
    plan = QUICK if thoroughness == "quick" else FULL
    if torch := peers.load("torch"):
        torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
    rows, columns = SOFTMAXES.get(what, (0, 0))
    if plan is QUICK:
        columns //= 100
    n = FEW if plan is QUICK else N
    contestants, expected = expression(what, n) if what in EXPRESSIONS else softmax((rows, columns))
    long = {name: replace(contestant, is_long=True) for name, contestant in contestants.items()}
    timings = race(plan, long, expected=expected)
    print(json.dumps({name: asdict(timing) for name, timing in timings.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
