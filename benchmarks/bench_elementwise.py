"""Is simple arithmetic on small arrays faster than NumPy?

Question   How much faster are vector_add, vector_sub and vector_mul than the ufuncs writing to an array that exists?
Method     f32, n = 100, 1000, 3072, out= everywhere. The goal is against NumPy; the other peers are for orientation.
           Where arrays lie in memory decides much at n = 3072, where three of them just exceed a first-level cache of
           32 KiB. So each race runs at several places drawn at random with a fixed seed, each a multiple of 16 bytes
           as malloc gives, the same for us and for NumPy; a time is the median over places of the best turn.
Take-away  7 to 9 times faster than NumPy at n = 100, 4 to 4.6 times at 1000, and 1.7 to 1.95 times at 3072 in most
           runs: a narrow miss. Single places at 3072 give from 1.3 to 2.8 times.
"""

import statistics
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import hologram_core as hg

from . import peers
from .measure import Contestant, Plan, Row, Timing, Timings, faster, race

UFUNCS = {"vector_add": np.add, "vector_sub": np.subtract, "vector_mul": np.multiply}
GOALS = {100: 6.0, 1000: 3.0, 3072: 2.0}
PLACES = 9
PAGE = 4096


def run(plan: Plan) -> Iterator[Row]:
    turns = replace(plan, rounds=(plan.rounds + 2) // 3)  # at each place
    for op in UFUNCS:
        for n, goal in GOALS.items():
            rng = np.random.default_rng(n)
            races = [race_at_random(turns, op, n, rng) for _ in range(min(plan.rounds, PLACES))]
            yield faster(f"{op}, n = {n}", typical(races), goal, "numpy")


def race_at_random(plan: Plan, op: str, n: int, rng: np.random.Generator) -> Timings:
    """Race with the arrays at random places, both results at the same place in a page."""
    x, y, z = (int(place) for place in rng.integers(0, PAGE // 16, 3) * 16)
    a, b, c, d = (array_at(place, n) for place in (x, y, z, z))
    a[:], b[:] = rng.standard_normal((2, n), np.float32)
    ufunc = UFUNCS[op]
    contestants = {
        "hologram": Contestant("f(a, b, out=c)", {"f": hg.ops[op], "a": a, "b": b, "c": c}, c),
        "numpy": Contestant("f(a, b, d)", {"f": ufunc, "a": a, "b": b, "d": d}, d),
        **peers.binary(op, a, b),
    }
    return race(plan, contestants, expected=ufunc(a, b))


def array_at(place: int, n: int) -> np.ndarray:
    """Return an array of n f32 that begins so many bytes into a page."""
    room = np.zeros(4 * n + PAGE, np.uint8)
    start = (place - room.ctypes.data) % PAGE
    return room[start : start + 4 * n].view(np.float32)


def typical(races: list[Timings]) -> Timings:
    """Return for each contestant the medians over the races."""
    return {
        name: Timing(
            statistics.median(timings[name].best for timings in races),
            statistics.median(timings[name].median for timings in races),
        )
        for name in races[0]
    }
