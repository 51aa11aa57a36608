"""How long is it from a typed function to its first result?

Question   What do defining a kernel and its first call take, cold and from the cache on disk, beside Numba?
Method     saxpy, with a constant that is new each time, so that nothing has been compiled before. Cold: an empty
           cache folder. Cached: the same text again, from the folder. Numba compiles the same loops for one
           explicit signature. Imports are not counted.
Take-away  Most of a cold start is the C compiler; from the cache the library is opened and its manifest read.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import peers
from .measure import Plan, Row, Timing

SOURCE = """
from atlas_kernel import DeviceArray, f32, get_global_id, kernel, u32

@kernel
def saxpy(alpha: f32, x: DeviceArray[f32], y: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = alpha * x[i] + y[i] + {constant}
"""
LOOPS = """
def saxpy(alpha, x, y, out):
    for i in range(x.size):
        out[i] = alpha * x[i] + y[i] + np.float32({constant})
"""
X = np.ones(100, np.float32)


def ours(constant: float) -> float:
    """Milliseconds from the text to the first result."""
    text = SOURCE.format(constant=constant)
    start = time.perf_counter()
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    result = namespace["saxpy"](2.0, X, X)
    taken = time.perf_counter() - start
    assert result[0] == np.float32(3 + constant)
    return taken * 1e3


def numbas(numba: Any, constant: float) -> float:
    start = time.perf_counter()
    namespace: dict[str, Any] = {"np": np}
    exec(LOOPS.format(constant=constant), namespace)
    array = numba.float32[::1]
    jitted = numba.njit(numba.void(numba.float32, array, array, array))(namespace["saxpy"])
    jitted(np.float32(2), X, X, np.empty_like(X))
    return (time.perf_counter() - start) * 1e3


def run(plan: Plan) -> Iterator[Row]:
    rounds = max(plan.rounds, 1)
    constants = [float(round_) for round_ in range(1, rounds + 2)]
    with tempfile.TemporaryDirectory() as folder, Environment("HOLOGRAM_CACHE_DIR", folder):
        timings = {"hologram, cold": measure(ours, constants), "hologram, cached": measure(ours, constants)}
        if numba := peers.load("numba"):
            timings["numba"] = measure(lambda constant: numbas(numba, constant), constants)
    for name, goal in (("cold", 100.0), ("cached", 5.0)):
        median = timings[f"hologram, {name}"].median / 1e6
        what = f"@kernel to its first result, {name}"
        yield Row(what, median, goal, False, f"hologram, {name}", unit="ms", timings=timings, statistic="median")


def measure(once: Callable[[float], float], constants: list[float]) -> Timing:
    """The times for each constant; the first one, which also imports what is imported late, is left out."""
    times = [once(constant) * 1e6 for constant in constants][1:]
    return Timing(min(times), statistics.median(times))


class Environment:
    """A variable of the environment for a while."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value
        self.before = os.environ.get(name)

    def __enter__(self) -> None:
        os.environ[self.name] = self.value

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            del os.environ[self.name]
        else:
            os.environ[self.name] = self.before
