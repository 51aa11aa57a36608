"""What does a call of the fallback cost, how does it grow with n, and do threads help?

Question   A call beyond one page or of another dtype, beside the inline kernels; f32 from n = 1e3 to 1e8, sums, and
           matrices beside NumPy on one thread; two threads beside one; and how much of what memory gives is used?
Method     Calls up to n = 1e6 race as in measure.py; from there on contestants take turns of one call. Threads are
           compared while all arrays fit the cache. What memory gives is the best rate at which two threads of NumPy
           read, write or copy 400 MB in the same run. Every op and dtype: bench_dtypes.py.
Take-away  vector_add of 3,073 f32 takes a third of a microsecond, of 100 f64 1.3 times the inline call of f32. Large
           additions are 1.15 to 1.25 times as fast as NumPy's, sums of f32 and sigmoid 1.4 to 4.5; from 1e5 to 1e6,
           in the caches, additions are NumPy's, give or take 2 %. Large products are those of the same BLAS; gemv is
           our own. Two threads are 1.7 to 1.9 times one while the arrays fit the cache; beyond it they wait for
           memory, of which they use as much as NumPy's two threads or more.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import hologram_core as hg

from .fallback import DTYPES, arguments, beside_numpy, ours, runner, take_turns
from .measure import Contestant, Plan, Row, costs, faster, race

PAGE = 3072
SPLIT = ("vector_add", "vector_pow", "sigmoid", "tanh", "gelu", "exp", "log", "sin", "sqrt", "softmax", "layer_norm")


def run(plan: Plan) -> Iterator[Row]:
    one = hg.Runtime(providers=["hologram-sigmatics"], threads=1)
    yield from latency(plan)
    yield from every_size(plan, one)
    yield from sums(plan, one)
    yield from matrices(plan, one)
    yield from threads(plan, one)


# ---- calls -----------------------------------------------------------------------------------------------------------


def latency(plan: Plan) -> Iterator[Row]:
    """A call that is just too large, or of another dtype, for the inline kernels; and one that both could serve."""
    calls = {
        "f32 n = 3073": add(hg.ops.vector_add, "f4", PAGE + 1),
        "f64 n = 100": add(hg.ops.vector_add, "f8", 100),
        "inline f32 n = 100": add(hg.ops.vector_add, "f4", 100),
    }
    timings = race(plan, calls)
    just = timings["f32 n = 3073"]
    yield Row("vector_add, n = 3073", just.best / 1000, 1.0, False, "f32 n = 3073", unit="us", timings=timings)
    yield costs("vector_add, f64 n = 100", timings, 1.5, "inline f32 n = 100", ours="f64 n = 100")
    for op in ("vector_add", "sigmoid", "softmax"):
        arrays = arguments(op, "f4", PAGE)
        calls = {
            name: ours(hg.get_kernel(op, "f32", PAGE, provider=f"hologram-{name}"), op, arrays)
            for name in ("sigmatics", "stdlib")
        }
        yield costs(f"{op}, a page", race(plan, calls), 1.1, "stdlib", ours="sigmatics")


def add(op: Callable[..., object], dtype: str, n: int) -> Contestant:
    a, b, y = np.ones((3, n), dtype)
    return Contestant("f(a, b, out=y)", {"f": op, "a": a, "b": b, "y": y})


def every_size(plan: Plan, runtime: hg.Runtime) -> Iterator[Row]:
    """From a thousand elements to a hundred million, f32."""
    for op in ("vector_add", "sigmoid", "reduce_sum"):
        for exponent in range(3, 9 if plan.seconds else 5):
            arrays = arguments(op, "f4", 10**exponent)
            timings = beside_numpy(plan, runtime.ops[op], op, arrays)
            yield faster(f"{op}, f32, n = 1e{exponent}", timings, 1.0, "numpy")


# ---- sums, matrices, threads -----------------------------------------------------------------------------------------


def sums(plan: Plan, runtime: hg.Runtime) -> Iterator[Row]:
    """How far the sum of many f32 is from that of the same numbers as f64."""
    n = 100_000_000 if plan.seconds else 1_000_000
    x = np.random.default_rng(0).random(n, np.float32)
    x += 0.5
    exact = float(np.add.reduce(x, dtype=np.float64))
    for name, total in (("hologram", runtime.ops.reduce_sum(x)), ("numpy", np.add.reduce(x))):
        error = abs(float(total) - exact) / exact * 1e9
        yield Row(f"sum of {n:,} f32, {name}", error, 1000.0, False, name, unit="ppb")


def matrices(plan: Plan, runtime: hg.Runtime) -> Iterator[Row]:
    for op, sides in (("gemm", (128, 512, 1024)), ("gemv", (512, 4096))):
        for side in sides if plan.seconds else sides[:1]:
            for name in ("f32", "f64"):
                arrays = arguments(op, DTYPES[name], side * side)
                yield faster(f"{op}, {name}, {side}", beside_numpy(plan, runtime.ops[op], op, arrays), 0.95, "numpy")


def threads(plan: Plan, one: hg.Runtime) -> Iterator[Row]:
    """Two threads beside one while arrays fit the cache; from there on, beside what memory gives."""
    two = hg.Runtime(providers=["hologram-sigmatics"], threads=2)
    for op in SPLIT:
        arrays = arguments(op, "f4", 1_000_000 if plan.seconds else 300_000)
        calls = {name: ours(world.ops[op], op, arrays) for name, world in (("two", two), ("one", one))}
        timings = race(plan, calls)
        yield faster(f"{op}, f32, n = {arrays['y'].size:,}, two threads", timings, 1.6, "one", ours="two")
    n = 100_000_000 if plan.seconds else 1_000_000
    rate = memory_rate(plan, n)
    for op, touched in (("vector_add", 3), ("exp", 2), ("reduce_sum", 1)):
        arrays = arguments(op, "f4", n)
        timings = take_turns(plan, {"two": runner(ours(two.ops[op], op, arrays))})
        reached = touched * arrays["a"].nbytes / timings["two"].best  # bytes in a nanosecond: GB in a second
        yield Row(
            f"{op}, n = {n:,}, beside {rate:.0f} GB/s",
            reached,
            round(0.8 * rate),
            True,
            "two",
            unit="GB/s",
            timings=timings,
        )


def memory_rate(plan: Plan, n: int) -> float:
    """GB/s that two threads of NumPy move between memory and arrays beyond any cache: the best of simple passes."""
    halves = [np.ones((2, n // 2), np.float32) for _ in range(2)]
    passes: dict[str, tuple[int, Callable[[np.ndarray, np.ndarray], object]]] = {
        "read": (1, lambda a, b: np.maximum.reduce(a)),
        "write": (1, lambda a, b: b.fill(1)),
        "copy": (2, lambda a, b: np.copyto(b, a)),
    }
    with ThreadPoolExecutor(2) as pool:
        calls = {
            name: lambda work=work: list(pool.map(lambda half: work(*half), halves))
            for name, (_, work) in passes.items()
        }
        times = take_turns(plan, calls)
    return max(touched * 4 * n / times[name].best for name, (touched, _) in passes.items())
