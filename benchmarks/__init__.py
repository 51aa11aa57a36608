"""The benchmarks, one file a question: `make bench`, or `python -m benchmarks --help` where our packages are installed.

measure.py times, peers.py holds what others do, report.py prints and draws; benchmarks/ulp measures accuracy.
Everything runs on one thread, which has to be said before NumPy is imported: here. BENCH_THREADS is for the child
processes of benchmarks that compare others.
"""

import os

for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "NUMBA", "HOLOGRAM"):
    os.environ[f"{name}_NUM_THREADS"] = os.environ.get("BENCH_THREADS", "1")
