"""What was measured, as pages and pictures: benchmarks.md from benchmarks/measured.json, and the errors of functions.

`make bench BENCH_ARGS=--record` writes the results. The errors are measured here, on a sample of every binary exponent.
"""

import importlib
import json
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

ROOT = Path(__file__).resolve().parents[2]
MEASURED = json.loads((ROOT / "benchmarks" / "measured.json").read_text(encoding="utf-8"))
ACTIVATIONS = ("exp", "tanh", "sigmoid", "erf", "gelu", "silu")
SAMPLE = 3000  #: values of each binary exponent


def benchmarks_page() -> str:
    """A section for each benchmark: its question, its rows, what it taught."""
    about, peers = MEASURED["machine"], MEASURED["peers"]
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
    for name in dict.fromkeys(row["benchmark"] for row in MEASURED["rows"]):
        lines += section(name, [row for row in MEASURED["rows"] if row["benchmark"] == name])
    return "\n".join(lines)


def section(name: str, rows: list[dict[str, Any]]) -> list[str]:
    doc = importlib.import_module(f"benchmarks.bench_{name}").__doc__ or name
    question, _, rest = doc.partition("\n")
    _, _, lesson = rest.partition("Take-away")
    lines = [f"## {question}", "", "| what | ours | against | measured | goal | |", "|---|---|---|---|---|---|"]
    lines += [row_line(row) for row in rows]
    return [*lines, "", " ".join(lesson.split()), ""]


def row_line(row: dict[str, Any]) -> str:
    unit = "x" if row["unit"] == "x" else f" {row['unit']}"
    goal = f"{'≥' if row['at_least'] else '≤'} {row['goal']:g}{unit}"
    cells = (row["what"], figure(row, row["ours"]), figure(row, row["against"]), f"{row['value']:.2f}{unit}", goal)
    return "| " + " | ".join([*cells, "met" if row["met"] else "**missed**"]) + " |"


def figure(row: dict[str, Any], name: str) -> str:
    if name not in row["timings"]:
        return ""
    time = row["timings"][name][row["statistic"]]
    return f"{name} {time:,.0f} ns" if time < 1e6 else f"{name} {time / 1e6:.1f} ms"


def draw_goals() -> plt.Figure:
    """A bar for each row: how far beyond its goal it is, on a logarithmic scale."""
    rows = MEASURED["rows"]
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
