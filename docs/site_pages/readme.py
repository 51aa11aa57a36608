"""The figures of README.md from benchmarks/measured.json; `make pages` writes them, and a test compares.

In go the rows that were measured; out comes what stands between the two marks: a table with some of them.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from . import results

PATH = results.ROOT / "README.md"
BEGIN, END = "<!-- Written by make pages: -->\n", "<!-- Up to here. -->\n"
NAMES = {
    "numpy": "NumPy",
    "numpy tanh": "NumPy by tanh",
    "numpy series": "NumPy by a series",
    "numpy table": "NumPy by a table",
    "numpy dot": "`numpy.dot`",
    "a + b": "NumPy `a + b`",
    "numba": "Numba",
    "numexpr": "NumExpr",
    "scipy": "SciPy",
    "torch": "PyTorch",
    "inline": "inline kernel",
    "one": "one thread",
}
#: what a line says, the benchmark, and its rows with the peer that is meant, where there are several
LINES: Sequence[tuple[str, str, Sequence[tuple[str, str]]]] = (
    ("`vector_add(a, b, out=c)`, n = 1", "calls", [("op(a, b, out=c), n = 1", "numpy")]),
    ("`vector_add(a, b)`, n = 1", "calls", [("op(a, b), n = 1, allocating", "")]),
    *(
        (f"`{op}`, n = 100 / 1000 / 3072", benchmark, [(f"{op}, n = {n}", "") for n in (100, 1000, 3072)])
        for benchmark, op in (
            ("elementwise", "vector_add"),
            *(("activations", op) for op in ("sigmoid", "gelu", "softmax", "tanh")),
        )
    ),
    ("`gemm`, m = 4 / 16 / 32 / 55", "matrices", [(f"gemm, m = {m}", "") for m in (4, 16, 32, 55)]),
    ("`gemv`, m = 4 / 16 / 55", "matrices", [(f"gemv, m = {m}", "") for m in (4, 16, 55)]),
    (
        "the same `vector_add` written in Python, n = 1 / 1000",
        "user_calls",
        [(f"a user's vector_add, n = {n}", "") for n in (1, 1000)],
    ),
    ("`saxpy`, `leaky_relu`, n = 10,000, in Python", "kernels", [("saxpy", ""), ("leaky_relu", "")]),
    (
        "3x3 stencil 96 x 104, matrix product 96 x 104 x 96, in Python",
        "kernels",
        [("3x3 stencil, 96 x 104", ""), ("matrix product", "")],
    ),
    (
        "`vector_add`, `sigmoid`, `reduce_sum` of 10M f32",
        "sigmatics",
        [(f"{op}, f32, n = 1e7", "") for op in ("vector_add", "sigmoid", "reduce_sum")],
    ),
    *(
        (
            f"`fuse` of `sigmoid(a*b + c)`, 10M f32, {threads}",
            "fused",
            [(f"sigmoid(a * b + c), {threads}", peer) for peer in ("numba", "numexpr")],
        )
        for threads in ("1 thread", "2 threads")
    ),
)


def text() -> str:
    """Return what is between the marks."""
    about, peers = results.MEASURED["machine"], results.MEASURED["peers"]
    others = ", ".join(f"{NAMES[name]} {peers[name]}" for name in ("numpy", "numba", "numexpr") if peers[name])
    cold, cached = (row("compile", f"@kernel to its first result, {how}", "")["value"] for how in ("cold", "cached"))
    lines = [
        f"`make bench` on {about['date']}: {about['cpu']}, {about['level']}, CPython {about['python']}, {others}.",
        "Times in ns, best of eleven rounds in turn; ratios travel better than times.",
        "",
        "| call | Hologram | others | ratio |",
        "|---|---|---|---|",
        f"| an empty builtin of CPython | | {time(row('calls', *LINES[0][2][0])['timings']['empty']['best'])} | |",
        *(line(what, [row(benchmark, *key) for key in keys]) for what, benchmark, keys in LINES),
        "",
        "Kernels in Python are memory-safe in these rows, Numba's are not. From the definition of one to its result:",
        f"{cold:.0f} ms, from the cache {cached:.1f} ms.",
    ]
    return "\n".join(lines) + "\n"


def row(benchmark: str, what: str, peer: str) -> dict[str, Any]:
    """Return the row of a benchmark that is called `what`, held against a peer where that is said."""
    (found,) = (row for row in results.rows(benchmark) if row["what"] == what and peer in ("", row["against"]))
    return dict(found)


def line(what: str, rows: Sequence[dict[str, Any]]) -> str:
    ours = list(dict.fromkeys(time(row["timings"][row["ours"]]["best"]) for row in rows))
    ratios = " / ".join(f"{row['value']:.1f}x" if row["at_least"] else f"{row['value']:.2f}x its price" for row in rows)
    return f"| {what} | {' / '.join(ours)} | {', '.join(others(rows))} | {ratios} |"


def others(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Whoever is held against ours, each with all times in a row."""
    for name, group in itertools.groupby(rows, key=lambda row: row["against"]):
        yield f"{NAMES[name]} {' / '.join(time(row['timings'][name]['best']) for row in group)}"


def time(ns: float) -> str:
    return results.time(ns).removesuffix(" ns")


def page(before: str) -> str:
    """Return the README with new figures."""
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + text() + END + tail
