"""Show results: rows as a table on the terminal, as JSON, and as an SVG picture (where matplotlib is installed)."""

import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hologram_core.machine import describe as machine

from . import peers
from .measure import Row

Results = Mapping[str, list[Row]]  # by the name of the benchmark

WIDTHS = (46, 28, 26, 10, 10)
LONGEST = 16  # bars of the picture end here


# ---- the terminal ----------------------------------------------------------------------------------------------------


def print_machine(about: Mapping[str, Any]) -> None:
    print(f"{about['cpu']}, {about['level']}; CPython {about['python']}")
    if about["load"] > 0.5:
        print(f"others are at work here (load {about['load']:.1f}): expect noise")
    installed = [f"{name} {version}" for name, version in peers.versions().items() if version]
    print("peers: " + ", ".join(installed))
    if missing := [name for name, version in peers.versions().items() if not version]:
        print("not installed, so left out: " + ", ".join(missing))


def print_heading(docstring: str) -> None:
    print(f"\n{docstring.partition(chr(10))[0]}")
    print_cells(("", "ours", "against", "measured", "goal"), "")


def print_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """Print each row when it comes, the rest of a race below its last row, and pass the rows on."""
    last: Row | None = None
    for row in rows:
        if last is not None and row.timings is not last.timings:
            print_others(last)
        print_row(row)
        yield row
        last = row
    if last is not None:
        print_others(last)


def print_others(row: Row) -> None:
    if others := [name for name in row.timings if name not in (row.ours, row.against)]:
        print("    " + ", ".join(figure(row, name) for name in others))


def print_row(row: Row) -> None:
    cells = (row.what, figure(row, row.ours), figure(row, row.against), measured(row), goal(row))
    print_cells(cells, "PASS" if row.met else "MISS")


def print_cells(cells: Iterable[str], last: str) -> None:
    print(" ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)) + f" {last}".rstrip())


def print_summary(results: Results) -> None:
    rows = [row for rows in results.values() for row in rows]
    print(f"\n{sum(row.met for row in rows)} of {len(rows)} goals met")
    for row in rows:
        if not row.met:
            print(f"  missed: {row.what}: {measured(row)}, goal {goal(row)}")


def figure(row: Row, name: str) -> str:
    """Return a contestant's name with its time."""
    if name not in row.timings:
        return ""
    time = getattr(row.timings[name], row.statistic)
    return f"{name} {time:,.0f} ns" if time < 1e6 else f"{name} {time / 1e6:.1f} ms"


def measured(row: Row) -> str:
    return f"{row.value:.2f}{row.unit}" if row.unit == "x" else f"{row.value:.1f} {row.unit}"


def goal(row: Row) -> str:
    return f"{'>=' if row.at_least else '<='} {row.goal:g}{row.unit if row.unit == 'x' else ' ' + row.unit}"


# ---- files -----------------------------------------------------------------------------------------------------------


def save(results: Results, about: Mapping[str, Any], folder: Path) -> None:
    """Write latest.json and latest.svg; `about` is the machine as it was before we loaded it."""
    folder.mkdir(parents=True, exist_ok=True)
    record(results, about, folder / "latest.json")
    if importlib.util.find_spec("matplotlib") is None:
        print("no picture: matplotlib is not installed")
        return
    target = folder / "latest.svg"
    draw(results, target)
    print(f"saved {target}")


def record(results: Results, about: Mapping[str, Any], target: Path) -> None:
    """Write the results as JSON."""
    rows = [
        {"benchmark": name, **asdict(row), "margin": row.margin, "met": row.met}
        for name, rows in results.items()
        for row in rows
    ]
    data = {"machine": dict(about), "peers": peers.versions(), "rows": rows}
    target.write_text(json.dumps(data, indent=1) + "\n")
    print(f"\nsaved {target}")


def draw(results: Results, target: Path) -> None:
    """Draw a bar for each row: how far it is beyond its goal, on a logarithmic scale."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "hologram"  # the same results give the same file
    import matplotlib.pyplot as plt

    rows = [(name, row) for name, rows in results.items() for row in rows]
    ends = [min(max(row.margin, 1 / LONGEST), LONGEST) for _, row in rows]
    figure, axis = plt.subplots(figsize=(10, 1.2 + 0.22 * len(rows)), layout="constrained")
    colours = ["tab:green" if row.met else "tab:red" for _, row in rows]
    axis.barh(range(len(rows)), [end - 1 for end in ends], left=1, color=colours)
    for position, (end, (_, row)) in enumerate(zip(ends, rows, strict=True)):
        text = f" {measured(row)} (goal {goal(row)})"
        axis.annotate(text, (max(end, 1), position), va="center", fontsize=8)
    labels = [f"{name}: {row.what}{' / ' + row.against if row.against else ''}" for name, row in rows]
    axis.set_yticks(range(len(rows)), labels, fontsize=8)
    axis.set_ylim(len(rows) - 0.3, -0.7)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlim(min([1.0, *ends]) / 1.2, max([1.0, *ends]) * 4)
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set_xlabel("times better than the goal")
    about = machine()
    axis.set_title(
        f"Goals and what was measured: {about['cpu']}, {about['level']}, CPython {about['python']}", fontsize=10
    )
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
