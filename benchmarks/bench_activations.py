"""Are activations on small arrays faster than the fastest of the others?

Question   How much faster are sigmoid, gelu (exact), softmax and tanh than NumPy, SciPy, PyTorch, Numba and numexpr?
Method     f32 from a normal distribution, n = 100, 1000, 3072, out= wherever the peer has it, each peer in the fastest
           form that we know (peers.py). Results are compared before anything is timed. The goal is against the fastest
           peer installed.
Take-away  Beside the fastest peer at n = 100, 1000, 3072: sigmoid is 7, 2.9 and 1.7 times faster, gelu 5, 4.9 and 2.6
           times, softmax 4.6 to 5.8, 4 and at least 2.6 times, at the edge of its goal at 100. tanh is at least 3, 1.8
           and, beside others at work, 1.1 to 1.4 times faster.
"""

from collections.abc import Iterator

import numpy as np

import hologram_core as hg

from . import peers
from .measure import Contestant, Plan, Row, faster, race

GOALS = {
    "sigmoid": {100: 5.0, 1000: 2.5, 3072: 1.6},
    "gelu": {100: 5.0, 1000: 2.5, 3072: 1.6},
    "softmax": {100: 5.0, 1000: 2.5, 3072: 1.6},
    "tanh": {100: 3.0, 1000: 1.4, 3072: 1.1},
}


def run(plan: Plan) -> Iterator[Row]:
    for op, goals in GOALS.items():
        for n, goal in goals.items():
            x = np.random.default_rng(n).standard_normal(n, np.float32)
            y = np.empty_like(x)
            contestants = {
                "hologram": Contestant("f(x, out=y)", {"f": hg.ops[op], "x": x, "y": y}, y),
                **peers.activation(op, x),
            }
            timings = race(plan, contestants, expected=peers.REFERENCES[op](x.astype(float)))
            yield faster(f"{op}, n = {n}", timings, goal)
