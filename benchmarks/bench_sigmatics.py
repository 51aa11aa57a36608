"""Is the fallback as fast as NumPy for every op, dtype and size, and do threads help?

Question   What do Sigmatics' kernels cost beside NumPy's functions: each op for each dtype at n = 3073, 1e5 and 1e7 on
           one thread; on two threads; from n = 1e3 to 1e8; and how much of what memory gives do they use?
Method     Results go into arrays that exist; NumPy's forms are those of counterparts.py. Up to n = 1e5 races are those
           of measure.py; from there on contestants take turns of one call. A row of the first part is the dtype with
           the smallest ratio, the times of all others stand below it. The line of memory is the best of four passes
           over three arrays of 400 MB that are read, written or both by NumPy, in the same run.
Take-away  TAKEAWAY
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

import hologram_core as hg

from . import counterparts
from .measure import Contestant, Plan, Row, Timing, Timings, costs, faster, race

DTYPES = {"f32": "f4", "f64": "f8", "f16": "f2", "i8": "i1", "i16": "i2", "i32": "i4", "i64": "i8"}
DTYPES |= {"u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8", "bool": "?"}
SIZES = (3073, 100_000, 10_000_000)
QUICK_SIZES = (3073,)
PAGE = 3072
SMALL = 100_000  # up to which a call is short enough to be repeated often
LONGEST_PRODUCT = 1_000_000  # elements of integer matrices, whose products NumPy computes one by one
POSITIVE = ("log", "sqrt", "rsqrt", "vector_pow", "cross_entropy", "binary_cross_entropy")
SPLIT = ("vector_pow", "sigmoid", "tanh", "gelu", "exp", "log", "sin", "sqrt", "softmax", "layer_norm", "reduce_sum")


def run(plan: Plan) -> Iterator[Row]:
    sizes = SIZES if plan.seconds else QUICK_SIZES
    one = hg.Runtime(providers=["hologram-sigmatics"], threads=1)
    yield from latency(plan)
    for op in counterparts.LINES:
        for n in sizes:
            yield from against_numpy(plan, one, op, n)
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


# ---- every op, dtype and size ----------------------------------------------------------------------------------------


def against_numpy(plan: Plan, runtime: hg.Runtime, op: str, n: int) -> Iterator[Row]:
    """One row for an op and n: the dtype with the smallest ratio."""
    served = {row.dtype for row in runtime.list_kernels(op=op)}
    timings: Timings = {}
    for name, dtype in DTYPES.items():
        if name in served and not (op == "gemm" and n > LONGEST_PRODUCT and dtype not in ("f4", "f8")):
            pair = beside_numpy(plan, runtime.ops[op], op, arguments(op, dtype, n))
            timings |= {name: pair["hologram"], f"numpy {name}": pair["numpy"]}
    ratios = {name: timings[f"numpy {name}"].best / timings[name].best for name in DTYPES if name in timings}
    worst = min(ratios, key=lambda name: ratios[name])
    yield Row(f"{op}, n = {n:,}", ratios[worst], 1.0, True, worst, f"numpy {worst}", timings=timings)


def beside_numpy(plan: Plan, call: Callable[..., object], op: str, arrays: dict[str, np.ndarray]) -> Timings:
    contestants = {"hologram": ours(call, op, arrays), "numpy": counterparts.line_of(op, arrays)}
    if max(array.size for array in arrays.values()) <= SMALL:
        return race(plan, contestants)
    return take_turns(plan, {name: runner(contestant) for name, contestant in contestants.items()})


def arguments(op: str, dtype: str, n: int) -> dict[str, np.ndarray]:
    """The arrays and numbers of an op by the names of counterparts.py; the largest array has n elements."""
    side = max(1, int(n**0.5))
    shapes = {"gemm": [(side, side)] * 3, "gemv": [(side, side), (side,), (side,)]}
    signature = hg.op(op).signature
    a, b, y = shapes.get(op, [(n,), (n,), () if all(not param.core for param in signature.outputs) else (n,)])
    if signature.elementwise:
        y = (n,)
    arrays, names = {}, iter("ab" if len(signature.inputs) < 3 else ("a", "b", "c3"))
    numbers = iter("st")
    for param in signature.inputs:
        if param.kind == "scalar":
            arrays[next(numbers)] = np.array(1 if op != "fill" else 3, dtype)
        else:
            name = next(names)
            arrays[name] = draw(op, dtype, {"a": a, "b": b, "c3": a}[name])
    return {**arrays, "y": np.zeros(y, dtype)}


def draw(op: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Random values of which the op has results, and which none of it finds unusual."""
    rng, kind = np.random.default_rng(0), np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        return rng.integers(0, 8 if op == "vector_pow" else 100, shape).astype(dtype)
    return (rng.uniform(0.05, 0.95, shape) if op in POSITIVE else rng.standard_normal(shape)).astype(dtype)


def ours(call: Callable[..., object], op: str, arrays: dict[str, np.ndarray]) -> Contestant:
    order = {"axpy": "sab", "fill": "s"}.get(op) or [name for name in ("a", "b", "c3", "s", "t") if name in arrays]
    return Contestant(f"f({', '.join(order)}, out=y)", {"f": call, **{name: arrays[name] for name in (*order, "y")}})


def runner(contestant: Contestant) -> Callable[[], object]:
    """The line as a function."""
    namespace = dict(contestant.names)
    code = compile(contestant.line, "contestant", "exec")
    return lambda: exec(code, namespace)


def take_turns(plan: Plan, calls: dict[str, Callable[[], object]]) -> Timings:
    """Time calls that last too long for many repetitions, in turn."""
    turns: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(plan.rounds):
        for name, call in calls.items():
            start = time.perf_counter_ns()
            call()
            turns[name].append(float(time.perf_counter_ns() - start))
    return {name: Timing(min(times), sorted(times)[len(times) // 2]) for name, times in turns.items()}


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
    exact = np.add.reduce(x, dtype=np.float64)
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
    """Two threads beside one; and additions beside what memory gives."""
    two = hg.Runtime(providers=["hologram-sigmatics"], threads=2)
    n = 10_000_000 if plan.seconds else 300_000
    for op in SPLIT:
        arrays = arguments(op, "f4", n)
        calls = {name: runner(ours(world.ops[op], op, arrays)) for name, world in (("two", two), ("one", one))}
        yield faster(f"{op}, f32, n = {n:,}, two threads", take_turns(plan, calls), 1.6, "one", ours="two")
    rate = memory_rate(plan)
    arrays = arguments("vector_add", "f4", 10 * n)
    timings = take_turns(plan, {"two": runner(ours(two.ops.vector_add, "vector_add", arrays))})
    reached = 3 * arrays["y"].nbytes / timings["two"].best  # bytes in a nanosecond: GB in a second
    yield Row(f"vector_add, f32, n = {10 * n:,}, of {rate:.0f} GB/s", reached, 0.8 * rate, True, "two", unit="GB/s")


def memory_rate(plan: Plan) -> float:
    """GB/s that one thread moves between memory and arrays beyond any cache: the best of simple passes."""
    a, b = np.ones((2, 100_000_000 if plan.seconds else 1_000_000), np.float32)
    total = np.zeros((), np.float32)
    calls = {
        "read": lambda: np.maximum.reduce(a, None, None, total),
        "write": lambda: b.fill(1),
        "copy": lambda: np.copyto(b, a),
    }
    times = take_turns(plan, calls)
    moved = {"read": a.nbytes, "write": b.nbytes, "copy": 2 * a.nbytes}
    return max(moved[name] / times[name].best for name in calls)
