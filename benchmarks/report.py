"""Show results: rows as a table on the terminal, as JSON, and as an SVG picture (where matplotlib is installed)."""

import datetime
import importlib.util
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import hologram_core as hg

from . import peers
from .measure import Row

Results = Mapping[str, list[Row]]  # by the name of the benchmark

WIDTHS = (46, 22, 26, 10, 10)


# ---- the terminal ----------------------------------------------------------------------------------------------------


def print_machine() -> None:
    about = machine()
    print(f"{about['cpu']}, {about['level']}; CPython {about['python']}")
    installed = [f"{name} {version}" for name, version in peers.versions().items() if version]
    print("peers: " + ", ".join(installed))
    if missing := [name for name, version in peers.versions().items() if not version]:
        print("not installed, so left out: " + ", ".join(missing))


def print_heading(docstring: str) -> None:
    print(f"\n{docstring.partition(chr(10))[0]}")
    print_cells(("", "ours, ns", "against, ns", "measured", "goal"), "")


def print_row(row: Row) -> None:
    cells = (row.what, figure(row, row.ours), figure(row, row.against), measured(row), goal(row))
    print_cells(cells, "PASS" if row.met else "MISS")
    others = [name for name in row.timings if name not in (row.ours, row.against)]
    if others:
        print("    " + ", ".join(figure(row, name) for name in others))


def print_cells(cells: Iterable[str], last: str) -> None:
    print(" ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)) + f" {last}".rstrip())


def print_summary(results: Results) -> None:
    rows = [row for rows in results.values() for row in rows]
    print(f"\n{sum(row.met for row in rows)} of {len(rows)} goals met")
    for row in rows:
        if not row.met:
            print(f"  missed: {row.what}: {measured(row)}, goal {goal(row)}")


def figure(row: Row, name: str) -> str:
    """Best nanoseconds of a contestant, with its name."""
    return f"{name} {row.timings[name].best:,.0f}" if name in row.timings else ""


def measured(row: Row) -> str:
    return f"{row.value:.2f}{row.unit}" if row.unit == "x" else f"{row.value:.1f} {row.unit}"


def goal(row: Row) -> str:
    return f"{'>=' if row.at_least else '<='} {row.goal:g}{row.unit if row.unit == 'x' else ' ' + row.unit}"


# ---- files -----------------------------------------------------------------------------------------------------------


def save(results: Results, folder: Path) -> None:
    """Write latest.json and latest.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"benchmark": name, **asdict(row), "margin": row.margin, "met": row.met}
        for name, rows in results.items()
        for row in rows
    ]
    data = {"machine": machine(), "peers": peers.versions(), "rows": rows}
    target = folder / "latest.json"
    target.write_text(json.dumps(data, indent=1) + "\n")
    print(f"\nsaved {target}")
    if importlib.util.find_spec("matplotlib") is None:
        print("no picture: matplotlib is not installed")
        return
    target = folder / "latest.svg"
    draw(results, target)
    print(f"saved {target}")


def machine() -> dict[str, str]:
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_name(),
        "level": hg.cpu_levels()[-1],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def draw(results: Results, target: Path) -> None:
    """Draw a bar for each row: how far it is beyond its goal, on a logarithmic scale."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "hologram"  # the same results give the same file
    import matplotlib.pyplot as plt

    rows = [(name, row) for name, rows in results.items() for row in rows]
    figure, axis = plt.subplots(figsize=(10, 1.2 + 0.24 * len(rows)), layout="constrained")
    colours = {True: "tab:green", False: "tab:red"}
    axis.barh(range(len(rows)), [row.margin - 1 for _, row in rows], left=1, color=[colours[row.met] for _, row in rows])
    for position, (_, row) in enumerate(rows):
        axis.annotate(
            f" {measured(row)} (goal {goal(row)}) ",
            (max(row.margin, 1), position),
            va="center",
            fontsize=8,
        )
    axis.set_yticks(range(len(rows)), [f"{name}: {row.what}" for name, row in rows], fontsize=8)
    axis.invert_yaxis()
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    low, high = (limit([row.margin for _, row in rows]) for limit in (min, max))
    axis.set_xlim(min(low, 1) / 1.2, max(high, 1) * 3)
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set_xlabel("times better than the goal")
    about = machine()
    axis.set_title(f"Goals and what was measured: {about['cpu']}, {about['level']}, CPython {about['python']}", fontsize=10)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
