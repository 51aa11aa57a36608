"""How far from exact are the f64 functions of vmath64.h at worst, and what vmath.h has besides the kernels?

Millions of arguments go through each function on each instruction-set level of this CPU, compiled as kernels of the
language are: of every exponent, of random bits, and close to wherever something changes (sample.c). Prints a row for
each function and level; the exit status is 1 if a goal is missed. `--points 100000` takes seconds.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

import hologram_core as hg
from hologram_atlas.toolchain import FLAGS, LEVELS, find_compiler

Array = npt.NDArray[np.float64]
FOLDER = Path(__file__).parent
GOALS = {
    **dict.fromkeys(
        "exp_f64 exp2_f64 log_f64 log2_f64 log1p_f64 sin_f64 cos_f64 sin_bounded_f64 cos_bounded_f64".split(), 1.25
    ),
    **dict.fromkeys("expm1_f64 tanh_f64 sigmoid_f64 erf_f64 pow_f64 pow_bounded_f64".split(), 2.0),
    **dict.fromkeys("silu_f64 gelu_f64 gelu_tanh_f64 rsqrt_f64".split(), 4.0),
    **dict.fromkeys("exp2_f32 expm1_f32 log2_f32 log1p_f32 pow_f32 pow_bounded_f32".split(), 2.0),
}


class Worst(ctypes.Structure):
    """struct worst of sample.c."""

    _fields_ = (
        ("ulp", ctypes.c_double),
        ("x", ctypes.c_double),
        ("y", ctypes.c_double),
        ("wrong", ctypes.c_int64),
        ("wrong_x", ctypes.c_double),
        ("wrong_y", ctypes.c_double),
    )

    def passes(self, goal: float) -> bool:
        return self.ulp <= goal and self.wrong == 0


class Sample:
    """sample.c, and functions.c at some levels, compiled in a folder."""

    def __init__(self, folder: Path, levels: Sequence[str]) -> None:
        include = f"-I{hg.get_include()}"
        flags = {"sample": ["-std=gnu11", "-O2", "-pthread"]}
        flags |= {level: [*FLAGS, *LEVELS[level], include] for level in levels}
        with ThreadPoolExecutor() as pool:
            self._measure, *loops = pool.map(lambda name: _compiled(name, folder, flags[name]), flags)
        self._loops = dict(zip(levels, loops, strict=True))

    def call(self, function: str, level: str, x: Array, y: Array | None = None) -> Array:
        """What a function makes of arrays of f64."""
        out = np.empty(x.size)
        arrays = [np.ascontiguousarray(x), np.ascontiguousarray(x if y is None else y), out]
        addresses = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        getattr(self._loops[level], function)(*addresses, ctypes.c_int64(x.size))
        return out

    def worst(self, function: str, points: int, threads: int = 1, seed: int = 0) -> list[Worst]:
        """The worst errors of a function, one for each level."""
        loops = [ctypes.cast(getattr(library, function), ctypes.c_void_p) for library in self._loops.values()]
        found = (Worst * len(loops))()
        status = self._measure.sample_worst(
            function.encode(),
            (ctypes.c_void_p * len(loops))(*loops),
            len(loops),
            ctypes.c_int64(points),
            threads,
            ctypes.c_uint64(seed),
            found,
        )
        if status != 0:
            raise ValueError(f"sample_worst: no reference for {function!r}, or too many levels or threads")
        return list(found)


def _compiled(name: str, folder: Path, flags: Sequence[str]) -> ctypes.CDLL:
    source = FOLDER / ("sample.c" if name == "sample" else "functions.c")
    library = folder / f"{name}.so"
    command = [*find_compiler().command, *flags, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def describe(function: str, x: float, y: float) -> str:
    """The arguments as C writes them."""
    return f"{x.hex()}, {y.hex()}" if function.startswith("pow") else x.hex()


def main() -> int:
    """Measure, print, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--functions", nargs="+", default=list(GOALS), choices=list(GOALS), metavar="FUNCTION")
    parser.add_argument("--levels", nargs="+", default=list(hg.cpu_levels()), choices=list(hg.cpu_levels()))
    parser.add_argument("--points", type=int, default=20_000_000, help="arguments of each function")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    missed = 0
    print(f"{'function':<17}{'level':<10}{'max ULP':>9}  {'goal':>5}  {'':<6}at")
    with tempfile.TemporaryDirectory() as folder:
        sample = Sample(Path(folder), options.levels)
        for function in options.functions:
            found = sample.worst(function, options.points, options.threads, options.seed)
            for level, worst in zip(options.levels, found, strict=True):
                missed += not worst.passes(GOALS[function])
                print(row(function, level, worst), flush=True)
    return 1 if missed else 0


def row(function: str, level: str, worst: Worst) -> str:
    """A line of the table."""
    goal = GOALS[function]
    verdict = "ok" if worst.passes(goal) else "MISSED"
    wrong = f"; {worst.wrong} special values wrong, as {describe(function, worst.wrong_x, worst.wrong_y)}"
    at = describe(function, worst.x, worst.y) + (wrong if worst.wrong else "")
    return f"{function:<17}{level:<10}{worst.ulp:>9.3f}  {goal:>5}  {verdict:<6}{at}"


if __name__ == "__main__":
    sys.exit(main())
