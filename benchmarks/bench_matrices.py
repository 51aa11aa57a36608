"""Are small matrix products faster than NumPy's BLAS?

Question   How much faster are gemm and gemv on square matrices whose operands each fit in one page of 3072 elements?
Method     f32, against the faster of np.matmul and np.dot with out= (np.dot has the cheaper call), one BLAS thread.
Take-away  gemm at m = 4 and 8 is between 3.5 and 6 times faster, differently in each process and mostly below the
           goal; at 16 2.6 to 3.4 times, a miss; at 32 1.4 to 1.5 times in most runs, just below the goal; beyond, 1.1
           to 1.2 times. gemv is mostly 5 to 7 times faster up to 16 and about 2.9 times at 55: around its goals.
"""

from collections.abc import Iterator

import numpy as np

import hologram_core as hg

from .measure import Contestant, Plan, Row, faster, race

GOALS = {
    "gemm": {4: 5.0, 8: 5.0, 16: 5.0, 32: 1.5, 48: 1.0, 55: 1.0},
    "gemv": {4: 6.0, 8: 6.0, 16: 6.0, 55: 3.0},
}


def run(plan: Plan) -> Iterator[Row]:
    for op, goals in GOALS.items():
        for m, goal in goals.items():
            rng = np.random.default_rng(m)
            a = rng.standard_normal((m, m), np.float32)
            b = rng.standard_normal((m, m) if op == "gemm" else m, np.float32)
            contestants = {
                name: Contestant(line, {"f": f, "a": a, "b": b, "c": (c := np.empty_like(b))}, c)
                for name, f, line in (
                    ("hologram", hg.ops[op], "f(a, b, out=c)"),
                    ("numpy matmul", np.matmul, "f(a, b, c)"),
                    ("numpy dot", np.dot, "f(a, b, c)"),
                )
            }
            timings = race(plan, contestants, expected=a @ b)
            yield faster(f"{op}, m = {m}", timings, goal)
