"""Random programs, interpreter against native code at every level: python tests/fuzz.py --count 20000.

Programs are compiled in batches, since the C compiler takes most of the time. A mismatch is printed with
its seed, source, inputs and both results; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from support.programs import HELPERS, Generator, Program

from hologram_atlas import interpret
from hologram_atlas.compiler import compile_kernels, interpreter, lower
from hologram_atlas.parse import parse_source
from hologram_core import KernelError, Runtime
from hologram_core.settings import Settings
from hologram_core.testing.memory import Arena, Side

BATCH = 40
INPUTS = 3
STEPS = 20_000
ULPS = 16  #: between the rounded result of f64 and ours, for functions that are not correctly rounded


@dataclass(frozen=True)
class Mismatch:
    """What differed."""

    seed: int
    program: Program
    inputs: dict[str, Any]
    level: str
    what: str

    def __str__(self) -> str:
        given = "\n".join(f"  {name} = {value!r}" for name, value in self.inputs.items())
        return f"seed {self.seed}, level {self.level}: {self.what}\n{self.program.source}\n{given}"


def run_batch(seed: int, count: int, levels: tuple[str, ...]) -> list[Mismatch]:
    """Compare so many programs at some levels, each on a few inputs."""
    generator = Generator(seed)
    programs = [generator.program(f"program_{i}") for i in range(count)]
    source = HELPERS + "\n\n".join(program.source for program in programs)
    kernels = [lower(kernel) for kernel in parse_source(source, "fuzz.py")]
    native = compile_kernels([kernel.source for kernel in kernels], "fuzz", levels=levels)
    rng = random.Random(seed)
    found = []
    for program, lowered, handle in zip(programs, kernels, native, strict=True):
        for _ in range(INPUTS):
            inputs = program.inputs(rng)
            expected = outcome(interpreter(lowered), inputs)
            if expected is None:
                continue
            for level in levels:
                wrong = compare(program, expected, outcome(at_level(handle, level), inputs))
                if wrong:
                    found.append(Mismatch(seed, program, inputs, level, wrong))
    return found


def at_level(handle: Any, level: str) -> Any:
    """The handle, at one level."""
    return type(handle)(handle.kernel, library=handle.library, settings=Runtime(isa=level, threads=1).settings)


def outcome(handle: Any, inputs: dict[str, Any]) -> dict[str, Any] | None:
    """What the arrays are after a call, and the error if there was one; None where it takes too long."""
    given = {name: value for name, value in inputs.items() if isinstance(value, np.ndarray)}
    memory = {name: Arena(value.nbytes) for name, value in given.items()}
    side: Side = "end" if len(inputs) % 2 == 0 else "start"
    arrays = {name: memory[name].place(value, side) for name, value in given.items()}
    arguments = {**inputs, **arrays}
    error = ""
    try:
        handle(**arguments)
    except KernelError as failed:
        error = str(failed).partition("(): ")[2] or str(failed)
    except (ValueError, OverflowError) as refused:
        error = f"refused: {type(refused).__name__}"
    except interpret.TooManySteps:
        return None
    if any(arena.find_stray() for arena in memory.values()):
        error += " and memory beside an array was written"
    return {**{name: array.copy() for name, array in arrays.items()}, "": error}


def compare(program: Program, expected: dict[str, Any], found: dict[str, Any] | None) -> str:
    """What differs between two outcomes, or ""."""
    if found is None:
        return "native code did not end"
    if expected[""] != found[""]:
        return f"error {expected['']!r} in the interpreter, {found['']!r} in native code"
    for name, kind in program.arrays:
        a, b = expected[name], found[name]
        if kind.startswith("f") and not program.exact:
            same = _close(a, b)
        else:
            same = bool(np.array_equal(a, b, equal_nan=kind.startswith("f"))) and _signs(a, b)
        if not same:
            return f"{name}:\n  {a.tolist()} in the interpreter\n  {b.tolist()} in native code"
    return ""


def _signs(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype.kind != "f" or bool(np.array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)])))


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    x, y = a[finite].astype(np.float64), b[finite].astype(np.float64)
    with np.errstate(over="ignore"):
        allowed = ULPS * np.spacing(np.abs(a[finite])).astype(np.float64)
    return bool(np.all(np.abs(x - y) <= allowed))


def batches(count: int, seed: int) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """(seed, programs, level) of each batch; the levels take turns, since compiling takes most of the time."""
    levels = Settings.from_environment().levels
    for number, first in enumerate(range(0, count, BATCH)):
        yield seed + number, min(BATCH, count - first), (levels[-1 - number % len(levels)],)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=400, help="how many programs")
    parser.add_argument("--seed", type=int, default=None, help="of the first batch; the others follow")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes at once")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if given.seed is None else given.seed
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="hologram-fuzz-") as folder:
        os.environ["HOLOGRAM_CACHE_DIR"] = folder
        return run(given.count, seed, given.jobs)


def run(count: int, seed: int, jobs: int) -> int:
    """Run batches until one has a mismatch; the exit status."""
    start, done = time.monotonic(), 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for found in pool.map(run_batch, *zip(*batches(count, seed), strict=True)):
            if found:
                print(f"\n{len(found)} mismatches; the first:\n{found[0]}")
                pool.shutdown(cancel_futures=True)
                return 1
            done += BATCH
            print(f"\r{min(done, count)} programs, {time.monotonic() - start:.0f} s", end="", flush=True)
    print("\nno mismatch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
