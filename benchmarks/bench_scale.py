"""Does it matter how many kernels are registered?

Question   With 10,000 kernels registered, what does a call cost, and what does the first request for a kernel?
Method     A provider with 9,900 ops of one kernel each and one op of 100 kernels that share the sizes, all of them the
           native code of vector_add. Calls race against a runtime without that provider; "the same" is read as
           within 5%. Calls of an op with many kernels come in two forms: for one size, and for two sizes in turn that
           different kernels serve. Finding is the median of 500 first requests, each for another kernel, after one
           that makes the runtime collect what is declared.
Take-away  10,000 kernels make no call slower; a first request takes 21 us, 36 us where 100 kernels share the op. An op
           that goes to two kernels in turn is slower, a miss: 50 ns a call in place of 22, since only the slot used
           last is on the express lane.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

import hologram_core as hg

from .measure import Contestant, Plan, Row, Timing, costs, race

KERNELS = 10_000
RANGES = 100
REQUESTS = 500
N = 8


class Many:
    """A provider of KERNELS kernels: many.0, many.1, ... and many.ranges, whose kernels serve 30 sizes each."""

    def __init__(self, model: hg.Kernel) -> None:
        names = [f"many.{index}" for index in range(KERNELS - RANGES)]
        self.single = {name: replace(model, op=name) for name in names}
        self.ranges = [
            replace(model, op="many.ranges", min_n=30 * index, max_n=30 * index + 29) for index in range(RANGES)
        ]

    @hg.hookimpl
    def declare_kernels(self) -> list[hg.Kernel]:
        return [*self.single.values(), *self.ranges]

    @hg.hookimpl
    def provide_kernel(self, name: str, dtype: str, n: int) -> hg.Kernel | hg.Refusal | None:
        if name == "many.ranges":
            return self.ranges[n // 30] if dtype == "f32" and n < 30 * RANGES else hg.Refusal("f32, n < 3000 only")
        kernel = self.single.get(name)
        return kernel if kernel is None or dtype == "f32" else hg.Refusal("f32 only")


def run(plan: Plan) -> Iterator[Row]:
    few, many = hg.Runtime(), hg.Runtime()
    provider = Many(few.get_kernel("vector_add", "f32", N).kernel)
    many.register(provider, name="many")
    a, b, c = np.ones((3, N), np.float32)
    for index in range(RANGES):  # every slot of this op is filled
        x = np.ones(30 * index + 1, np.float32)
        many.ops["many.ranges"](x, x)
    ranges = many.ops["many.ranges"]
    ops = {"few": few.ops.vector_add, "many": many.ops.vector_add}
    ops |= {"one of many": many.ops["many.5000"], "100 slots": ranges}
    contestants = {name: Contestant("f(a, b, out=c)", {"f": op, "a": a, "b": b, "c": c}, c) for name, op in ops.items()}
    timings = race(plan, contestants, expected=a + b)
    yield costs("a call, 10,000 kernels registered", timings, 1.05, "few", ours="many")
    yield costs("a call of one of them", timings, 1.05, "few", ours="one of many")
    yield costs("a call of an op with 100 slots, the same slot", timings, 1.05, "few", ours="100 slots")

    # An Op remembers the slot it used last, so only sizes that take turns make it search.
    x, y, z = np.ones((3, N + 30), np.float32)
    arrays = {"a": a, "b": b, "c": c, "x": x, "y": y, "z": z}
    contestants = {
        name: Contestant("f(a, b, out=c); f(x, y, out=z)", {"f": op, **arrays}, z)
        for name, op in (("few", few.ops.vector_add), ("100 slots", ranges))
    }
    timings = race(plan, contestants, expected=x + y)
    yield costs("two calls of it, two slots in turn", timings, 1.05, "few", ours="100 slots")

    names = list(provider.single)[:: len(provider.single) // REQUESTS][:REQUESTS]
    for what, request in (
        ("get_kernel, first time", lambda i: many.get_kernel(names[i], "f32", N)),
        ("get_kernel, first time, 100 kernels in line", lambda i: many.get_kernel("many.ranges", "f32", 3 * i)),
    ):
        timing = time_requests(request)
        yield Row(
            what,
            timing.median / 1000,
            100.0,
            False,
            "hologram",
            unit="us",
            timings={"hologram": timing},
            statistic="median",
        )


def time_requests(request: Callable[[int], object]) -> Timing:
    """Time request(0), request(1), ... once each, after a first that is not counted."""
    request(0)
    times = []
    for index in range(1, REQUESTS):
        start = time.perf_counter_ns()
        request(index)
        times.append(time.perf_counter_ns() - start)
    return Timing(min(times), statistics.median(times))
