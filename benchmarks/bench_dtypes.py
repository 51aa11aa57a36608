"""Is the fallback as fast as NumPy for every op and dtype?

Question   What do Sigmatics' kernels cost beside NumPy's functions, each op for each dtype at n = 3073, 1e5 and 1e7, on
           one thread?
Method     Results go into arrays that exist; NumPy's forms are those of counterparts.py. Up to n = 1e5 races are those
           of measure.py, in seven short rounds; from there on contestants take turns of one call. A row is an op and a
           size, and its value the smallest ratio among the dtypes; the times of all others stand below it.
Take-away  Of 956 pairs 927 are at least as fast as NumPy's, at n = 3073 all of them; half are more than 3.9, 1.4 and
           1.3 times as fast at n = 3073, 1e5 and 1e7. The 29 others are 0.92 to 0.999. Most of them read and write and
           compute next to nothing, at sizes where the caches or the memory give the time and not the processor, and
           are others in each run. Three stay: vector_abs of 8 and 16 bits at 1e5 (0.93 to 0.99 here, 1.04 to 1.08
           with arrays that lie otherwise in memory); scalar_mul of 8 bits at 1e5 (0.95), which is computed in 16 bits;
           and vector_pow of f32 at 1e5 (0.96): it is within 0.91 ULP where NumPy's is within 1.01, and has to look
           whether its short form may be taken.
"""

from collections.abc import Iterator
from dataclasses import replace

import hologram_core as hg

from .counterparts import LINES
from .fallback import DTYPES, arguments, beside_numpy
from .measure import Plan, Row, Timings

SIZES = (3073, 100_000, 10_000_000)
QUICK_SIZES = (3073,)
LONGEST_PRODUCT = 1_000_000  # elements of integer matrices, whose products NumPy computes one by one


def run(plan: Plan) -> Iterator[Row]:
    runtime = hg.Runtime(providers=["hologram-sigmatics"], threads=1)
    shorter = replace(plan, rounds=min(plan.rounds, 7), seconds=plan.seconds / 2)
    for op in LINES:
        for n in SIZES if plan.seconds else QUICK_SIZES:
            yield against_numpy(shorter, runtime, op, n)


def against_numpy(plan: Plan, runtime: hg.Runtime, op: str, n: int) -> Row:
    """Race every dtype; the row is that of the smallest ratio."""
    served = {row.dtype for row in runtime.list_kernels(op=op)}
    timings: Timings = {}
    for name, dtype in DTYPES.items():
        if name in served and not (op == "gemm" and n > LONGEST_PRODUCT and dtype not in ("f4", "f8")):
            pair = beside_numpy(plan, runtime.ops[op], op, arguments(op, dtype, n))
            timings |= {name: pair["hologram"], f"numpy {name}": pair["numpy"]}
    ratios = {name: timings[f"numpy {name}"].best / timings[name].best for name in DTYPES if name in timings}
    worst = min(ratios, key=lambda name: ratios[name])
    return Row(f"{op}, n = {n:,}", ratios[worst], 1.0, True, worst, f"numpy {worst}", timings=timings)
