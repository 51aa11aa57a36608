"""What was measured, as pages and pictures: benchmarks.md from benchmarks/measured.json, and the errors of functions.

`make bench BENCH_ARGS=--record` writes the results. The errors are measured here, on a sample of every binary exponent.
"""

import ast
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

import hologram_core as hg
from hologram_core.catalogue import STANDARD

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "hologram"
mpl.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt

from . import results

ACTIVATIONS = ("exp", "tanh", "sigmoid", "erf", "gelu", "silu")
TABLE = "dtypes"  #: the benchmark that has a ratio for each op, dtype and size
SAMPLE = 3000  #: values of each binary exponent


def benchmarks_page() -> str:
    """A section for each benchmark: its question, its rows, what it taught."""
    about, peers = results.MEASURED["machine"], results.MEASURED["peers"]
    versions = ", ".join(f"{name} {version}" for name, version in peers.items() if version)
    lines = [
        "# Benchmarks",
        "",
        f"Measured on {about['date']}: {about['cpu']}, {about['level']}, {about['system']}, CPython {about['python']};",
        f"{versions}. Contestants take turns in one process; the best of eleven rounds counts, and ratios travel",
        "better than times. `make bench` measures your machine. A goal that was missed is shown as missed.",
        "",
        "![Goals, and how far beyond them each row is](goals.svg)",
        "",
    ]
    for name in dict.fromkeys(row["benchmark"] for row in results.MEASURED["rows"]):
        lines += section(name, results.rows(name))
    return "\n".join(lines)


def section(name: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    source = (results.ROOT / "benchmarks" / f"bench_{name}.py").read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(source)) or name
    question, _, rest = doc.partition("\n")
    _, _, lesson = rest.partition("Take-away")
    table = ratio_tables(rows) if name == TABLE else row_table(rows)
    return [f"## {question}", "", *table, "", " ".join(lesson.split()), ""]


def row_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each row: the times, and the goal."""
    yield from ("| what | ours | against | measured | goal | |", "|---|---|---|---|---|---|")
    for row in rows:
        unit = "x" if row["unit"] == "x" else f" {row['unit']}"
        goal = f"{'≥' if row['at_least'] else '≤'} {row['goal']:g}{unit}"
        what = row["what"].replace("|", "\\|")
        cells = (what, figure(row, row["ours"]), figure(row, row["against"]), f"{row['value']:.2f}{unit}", goal)
        yield "| " + " | ".join([*cells, "met" if row["met"] else "**missed**"]) + " |"


def figure(row: dict[str, Any], name: str) -> str:
    return f"{name} {results.time(row['timings'][name][row['statistic']])}" if name in row["timings"] else ""


def ratio_tables(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A table for each size: how many times as long NumPy takes, by op and dtype."""
    dtypes = list(dict.fromkeys(name for row in rows for name in row["timings"] if " " not in name))
    sizes = list(dict.fromkeys(row["what"].partition(", ")[2] for row in rows))
    for size in sizes:
        yield from ("", f"How many times as long NumPy takes, {size}; less than 1 in bold.", "")
        yield "| | " + " | ".join(dtypes) + " |"
        yield "|---|" + "---|" * len(dtypes)
        for row in rows:
            op, _, its_size = row["what"].partition(", ")
            if its_size == size:
                yield f"| {op} | " + " | ".join(ratio(row["timings"], dtype) for dtype in dtypes) + " |"


def ratio(timings: dict[str, Any], dtype: str) -> str:
    if dtype not in timings:
        return ""
    times = timings[f"numpy {dtype}"]["best"] / timings[dtype]["best"]
    hundredths = math.floor(times * 100) / 100  # 0.999 is less than 1
    text = f"{hundredths:.2f}" if times < 2 else f"{times:.1f}" if times < 10 else f"{times:.0f}"
    return f"**{text}**" if times < 1 else text


def draw_goals() -> plt.Figure:
    """A bar for each row: how far beyond its goal it is, on a logarithmic scale."""
    rows = [row for row in results.MEASURED["rows"] if row["benchmark"] != TABLE]
    ends = [min(max(row["margin"], 1 / 16), 16) for row in rows]
    drawing, axis = plt.subplots(figsize=(9, 1 + 0.2 * len(rows)), layout="constrained")
    colours = ["#2e7d32" if row["met"] else "#c62828" for row in rows]
    axis.barh(range(len(rows)), [end - 1 for end in ends], left=1, color=colours)
    axis.set_yticks(range(len(rows)), [row["what"] for row in rows], fontsize=7)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set_xlabel("times better than the goal")
    return drawing


def draw_errors() -> plt.Figure:
    """The largest error of each function, in ULP of the exact result, by binary exponent of its argument."""
    drawing, axes = plt.subplots(2, 3, figsize=(9, 5), layout="constrained", sharex=True)
    for axis, name in zip(axes.flat, ACTIVATIONS, strict=True):
        for sign, colour in ((1.0, "#1565c0"), (-1.0, "#e65100")):
            exponents, errors = largest_errors(name, sign)
            axis.plot(exponents, errors, color=colour, label="x > 0" if sign > 0 else "x < 0")
        axis.set_title(name, fontsize=10)
        axis.set_ylim(0, 4)
        axis.grid(alpha=0.3)
    axes[0, 0].legend(frameon=False, fontsize=8)
    drawing.supxlabel("binary exponent of |x|", fontsize=9)
    drawing.supylabel("largest error, ULP", fontsize=9)
    return drawing


def largest_errors(name: str, sign: float) -> tuple[list[int], list[float]]:
    generator = np.random.default_rng(0)
    exponents = list(range(-30, 8))
    reference = STANDARD[name].reference
    assert reference is not None
    errors = []
    for exponent in exponents:
        x = (sign * 2.0**exponent * generator.uniform(1, 2, SAMPLE)).astype(np.float32)
        with np.errstate(all="ignore"):
            exact = reference(x.astype(np.float64))
            spacing = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
            found = np.abs(hg.ops[name](x).astype(np.float64) - exact) / spacing
        errors.append(float(np.nanmax(np.where(np.isfinite(found), found, 0))))
    return exponents, errors


def save(drawing: plt.Figure, target: Path) -> None:
    drawing.savefig(target, metadata={"Date": None})
    plt.close(drawing)


def write(folder: Path) -> None:
    """Write the page and its pictures into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "benchmarks.md").write_text(benchmarks_page(), encoding="utf-8")
    save(draw_goals(), folder / "goals.svg")
    save(draw_errors(), folder / "ulp.svg")
