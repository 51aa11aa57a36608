"""Is simple arithmetic on small arrays faster than NumPy?

Question   How much faster are vector_add, vector_sub and vector_mul than the ufuncs writing to an array that exists?
Method     f32, n = 100, 1000, 3072, out= everywhere. The goal is against NumPy; the other peers are for orientation.
Take-away  6 to 10 times faster than NumPy at n = 100, 2.3 to 4.5 times at 1000, 1.8 to 2.7 times at 3072: the last two
           are met in most runs, not in all.
"""

from collections.abc import Iterator

import numpy as np

import hologram_core as hg

from . import peers
from .measure import Contestant, Plan, Row, faster, race

UFUNCS = {"vector_add": np.add, "vector_sub": np.subtract, "vector_mul": np.multiply}
GOALS = {100: 6.0, 1000: 3.0, 3072: 2.0}


def run(plan: Plan) -> Iterator[Row]:
    for op, ufunc in UFUNCS.items():
        for n, goal in GOALS.items():
            a, b = np.random.default_rng(n).standard_normal((2, n), np.float32)
            c = np.empty_like(a)
            contestants = {
                "hologram": Contestant("f(a, b, out=c)", {"f": hg.ops[op], "a": a, "b": b, "c": c}, c),
                "numpy": Contestant("f(a, b, d)", {"f": ufunc, "a": a, "b": b, "d": (d := np.empty_like(a))}, d),
                **peers.binary(op, a, b),
            }
            timings = race(plan, contestants, expected=ufunc(a, b))
            yield faster(f"{op}, n = {n}", timings, goal, "numpy")
