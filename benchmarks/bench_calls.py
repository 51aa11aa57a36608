"""What does a call cost?

Question   How long does it take from Python to one addition and back, beside a builtin that does nothing and NumPy?
Method     vector_add on arrays of one f32 element, so that there is next to nothing to compute. `empty` takes any
           arguments and returns None: no callable can cost less. Where the code of a process happens to lie in memory
           moves `empty` between 11 and 30 ns, so the same race runs in several fresh interpreters; a best time is the
           best of them all.
Take-away  A call with out= takes 22 ns where `empty` takes 11 and np.add 188: 8.7 times faster than NumPy, and 1.96 to
           2.00 times `empty`, right at the goal. A bound kernel takes 26 ns, 2.4 times `empty`, a miss. It costs more
           than the op, which CPython calls as a builtin function. Allocating, the op is 4 times faster than a + b.
"""

import multiprocessing
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import hologram_core as hg
from hologram_core._native import empty

from .measure import Contestant, Plan, Row, Timing, Timings, costs, faster, race

PROCESSES = 9


def run(plan: Plan) -> Iterator[Row]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, max_tasks_per_child=1) as pool:
        races = list(pool.map(race_calls, [plan] * min(plan.rounds, PROCESSES)))
    writing, allocating = (merge(timings) for timings in zip(*races, strict=True))
    yield costs("op(a, b, out=c), n = 1", writing, 2.0, "empty", ours="op")
    yield faster("op(a, b, out=c), n = 1", writing, 6.0, "numpy", ours="op")
    yield costs("bound kernel(a, b, out=c), n = 1", writing, 1.7, "empty", ours="bound")
    yield faster("op(a, b), n = 1, allocating", allocating, 3.0, "a + b", ours="op")


def race_calls(plan: Plan) -> tuple[Timings, Timings]:
    """Race calls that write into an array, and those that allocate one. Runs in an interpreter of its own."""
    a, b, c = np.ones((3, 1), np.float32)
    arrays = {"a": a, "b": b, "c": c}
    add, bound = hg.ops.vector_add, hg.get_kernel("vector_add", "f32", 1)
    writing = {
        "empty": Contestant("f(a, b, c)", {"f": empty, **arrays}),
        "empty, out=c": Contestant("f(a, b, out=c)", {"f": empty, **arrays}),
        "op": Contestant("f(a, b, out=c)", {"f": add, **arrays}),
        "bound": Contestant("f(a, b, out=c)", {"f": bound, **arrays}),
        "numpy": Contestant("f(a, b, c)", {"f": np.add, **arrays}),
    }
    allocating = {
        "op": Contestant("f(a, b)", {"f": add, **arrays}),
        "a + b": Contestant("a + b", arrays),
    }
    return race(plan, writing), race(plan, allocating)


def merge(races: tuple[Timings, ...]) -> Timings:
    """Return for each contestant the best of its best times and the median of its medians."""
    return {
        name: Timing(
            min(timings[name].best for timings in races),
            statistics.median(timings[name].median for timings in races),
        )
        for name in races[0]
    }
