"""Run the benchmarks, print every goal with what was measured, save the results.

A missed goal is a result, not a failure: the exit status is 0 unless something crashes.
"""

import argparse
from pathlib import Path

from . import (
    bench_activations,
    bench_calls,
    bench_compile,
    bench_dtypes,
    bench_elementwise,
    bench_fused,
    bench_kernels,
    bench_matrices,
    bench_scale,
    bench_sigmatics,
    bench_startup,
    bench_user_calls,
    measure,
    report,
)

BENCHMARKS = {
    "calls": bench_calls,
    "elementwise": bench_elementwise,
    "activations": bench_activations,
    "matrices": bench_matrices,
    "startup": bench_startup,
    "scale": bench_scale,
    "user_calls": bench_user_calls,
    "compile": bench_compile,
    "kernels": bench_kernels,
    "fused": bench_fused,
    "sigmatics": bench_sigmatics,
    "dtypes": bench_dtypes,
}
RESULTS = Path("benchmarks/results")
RECORD = Path("benchmarks/measured.json")  # in version control: the figures of README and documentation are these


def names(text: str) -> list[str]:
    """Return the benchmarks that --only lists."""
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in BENCHMARKS]:
        raise argparse.ArgumentTypeError(
            f"no benchmark {', '.join(map(repr, unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=names, metavar="A,B,...", help=f"run some of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="run everything once, to see that it works")
    parser.add_argument("--output", type=Path, help=f"where to save; {RESULTS} for a full run, else nowhere")
    parser.add_argument("--record", action="store_true", help=f"keep the results as {RECORD}")
    arguments = parser.parse_args()
    if arguments.record and arguments.quick:
        parser.error("figures of a quick run mean nothing: --record is not for those")
    plan = measure.QUICK if arguments.quick else measure.FULL
    whole = not arguments.quick and not arguments.only

    about = report.machine()
    report.print_machine(about)
    results: dict[str, list[measure.Row]] = {}
    for name in arguments.only or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        report.print_heading(benchmark.__doc__ or name)
        results[name] = list(report.print_rows(benchmark.run(plan)))
    if arguments.quick:
        print("\nevery benchmark ran; figures of a quick run mean nothing")
    else:
        report.print_summary(results)
    if output := arguments.output or (RESULTS if whole else None):
        report.save(results, about, output)
    if arguments.record:
        report.record(results, about, RECORD)


if __name__ == "__main__":
    main()
