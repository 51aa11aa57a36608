"""What does a call cost?

Question   How long does it take from Python to one addition and back, beside a builtin that does nothing and NumPy?
Method     vector_add on arrays of one f32 element, so that there is next to nothing to compute. `empty` takes any
           arguments and returns None: no callable can cost less.
Take-away  TODO
"""

from collections.abc import Iterator

import numpy as np

import hologram_core as hg
from hologram_core._native import empty

from .measure import Contestant, Plan, Row, costs, faster, race


def run(plan: Plan) -> Iterator[Row]:
    a, b, c = np.ones((3, 1), np.float32)
    arrays = {"a": a, "b": b, "c": c}
    add, bound = hg.ops.vector_add, hg.get_kernel("vector_add", "f32", 1)
    timings = race(
        plan,
        {
            "empty": Contestant("f(a, b, c)", {"f": empty, **arrays}),
            "empty, out=c": Contestant("f(a, b, out=c)", {"f": empty, **arrays}),
            "op": Contestant("f(a, b, out=c)", {"f": add, **arrays}),
            "bound": Contestant("f(a, b, out=c)", {"f": bound, **arrays}),
            "numpy": Contestant("f(a, b, c)", {"f": np.add, **arrays}),
        },
    )
    yield costs("op(a, b, out=c), n = 1", timings, 2.0, "empty", ours="op")
    yield faster("op(a, b, out=c), n = 1", timings, 6.0, "numpy", ours="op")
    yield costs("bound kernel(a, b, out=c), n = 1", timings, 1.7, "empty", ours="bound")

    timings = race(
        plan,
        {
            "op": Contestant("f(a, b)", {"f": add, **arrays}),
            "a + b": Contestant("a + b", arrays),
        },
    )
    yield faster("op(a, b), n = 1, allocating", timings, 3.0, "a + b", ours="op")
