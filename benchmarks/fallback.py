"""Sigmatics beside NumPy: one op, one dtype and any number of elements.

In go an op, a dtype and a size; out come the arrays, and the times of a race for them. Results go into arrays that
exist; NumPy's forms are those of counterparts.py.
"""

import time
from collections.abc import Callable

import numpy as np

import hologram_core as hg

from . import counterparts
from .measure import Contestant, Plan, Timing, Timings, race

DTYPES = {"f32": "f4", "f64": "f8", "f16": "f2", "i8": "i1", "i16": "i2", "i32": "i4", "i64": "i8"}
DTYPES |= {"u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8", "bool": "?"}
SMALL = 100_000  # elements: up to these a call is short enough to be repeated often
DRAWN = 100_000  # values that are random; larger arrays repeat them
POSITIVE = ("log", "sqrt", "rsqrt", "vector_pow", "cross_entropy", "binary_cross_entropy")


def beside_numpy(plan: Plan, call: Callable[..., object], op: str, arrays: dict[str, np.ndarray]) -> Timings:
    contestants = {"hologram": ours(call, op, arrays), "numpy": counterparts.line_of(op, arrays)}
    with np.errstate(all="ignore"):  # a product of many numbers may be infinite, in NumPy as in ours
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
        values = rng.random(DRAWN) < 0.5
    elif kind in "iu":
        values = rng.integers(0, 8 if op == "vector_pow" else 100, DRAWN).astype(dtype)
    else:
        values = (rng.uniform(0.05, 0.95, DRAWN) if op in POSITIVE else rng.standard_normal(DRAWN)).astype(dtype)
    return np.resize(values, shape)


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
