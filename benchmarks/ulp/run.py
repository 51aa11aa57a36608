"""How far from exact are the element-wise kernels at worst?

Every one of the 2^32 floats goes through each unary kernel on each instruction-set level of this CPU, as shipped, and
is compared with the C library's double precision. Prints a row for each op and level; the exit status is 1 if a goal
is missed. `--stride 1009` looks at a sample, in seconds.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import struct
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import hologram_core as hg

GOALS = {
    **dict.fromkeys("vector_neg vector_abs relu sqrt".split(), 0.5),
    **dict.fromkeys("exp log tanh sigmoid erf sin cos".split(), 2.0),
    **dict.fromkeys("gelu gelu_tanh silu rsqrt".split(), 4.0),
}


class Worst(ctypes.Structure):
    """struct worst of ulp.c."""

    _fields_ = (
        ("ulp", ctypes.c_double),
        ("input", ctypes.c_uint32),
        ("wrong", ctypes.c_uint64),
        ("wrong_input", ctypes.c_uint32),
    )


def build(folder: Path) -> ctypes.CDLL:
    """Compile ulp.c and load it."""
    library = folder / "ulp.so"
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    flags = ["-std=gnu11", "-O2", "-shared", "-fPIC", f"-I{hg.get_include()}", "-pthread"]
    source = Path(__file__).with_name("ulp.c")
    subprocess.run([*compiler.split(), *flags, str(source), "-o", str(library), "-lm"], check=True)
    return ctypes.CDLL(str(library))


def measure(library: ctypes.CDLL, op: str, levels: list[str], stride: int, threads: int) -> list[Worst]:
    """The worst error of an op's kernels, one for each level."""
    kernels = [hg.Runtime(isa=level).get_kernel(op, "f32", 3072) for level in levels]
    addresses = (ctypes.c_uint64 * len(kernels))(*(kernel.entry for kernel in kernels))
    found = (Worst * len(kernels))()
    status = library.ulp_worst(op.encode(), addresses, len(kernels), ctypes.c_uint64(stride), threads, found)
    if status != 0:
        raise SystemExit(f"ulp_worst: no reference for {op!r}, or too many levels or threads")
    return list(found)


def describe(bits: int) -> str:
    """A float as C writes it, and its bits."""
    (value,) = struct.unpack("<f", struct.pack("<I", bits))
    return f"{value.hex()} (0x{bits:08x})"


def main() -> int:
    """Measure, print, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ops", nargs="+", default=list(GOALS), choices=list(GOALS), metavar="OP")
    parser.add_argument("--levels", nargs="+", default=list(hg.cpu_levels()), choices=list(hg.cpu_levels()))
    parser.add_argument("--stride", type=int, default=1, help="look at each K-th float only")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    missed = 0
    print(f"{'op':<12}{'level':<10}{'max ULP':>9}  {'goal':>5}  {'':<6}at")
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder))
        for op in options.ops:
            for level, worst in zip(
                options.levels, measure(library, op, options.levels, options.stride, options.threads), strict=True
            ):
                passed = worst.ulp <= GOALS[op] and not worst.wrong
                missed += not passed
                note = f"; {worst.wrong} special values wrong, as {describe(worst.wrong_input)}" if worst.wrong else ""
                print(
                    f"{op:<12}{level:<10}{worst.ulp:>9.3f}  {GOALS[op]:>5}  {'ok' if passed else 'MISSED':<6}"
                    f"{describe(worst.input)}{note}",
                    flush=True,
                )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
