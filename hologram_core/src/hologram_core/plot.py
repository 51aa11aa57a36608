"""The picture of a bench: ns of a call against n, a panel for each op, NumPy as the line to beat.

In go a Report and the name of an SVG or PNG file; out comes that file. Lines are labelled where they end. Refused: a
suffix that is neither, and PlotError where matplotlib is not installed.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bench import Measured, Report
from .errors import HologramError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".svg", ".png")
OURS = ("#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#0e7490")  #: colours of providers, in order
PEERS = {"numpy": "#222222", "numba": "#808080", "torch": "#808080"}
DASHES = {"numba": (0, (5, 2)), "torch": (0, (1, 1.5))}
NAMES = {"numpy": "NumPy", "numba": "Numba", "torch": "PyTorch"}
PANEL = (4.0, 3.3)  #: inches; two side by side are 800 pixels
GAP = 0.07  #: least distance of two labels, in parts of the height of a panel


class PlotError(HologramError):
    """A picture cannot be drawn."""


def check_target(target: Path) -> None:
    """Raise PlotError unless a picture of that name can be drawn."""
    if target.suffix.lower() not in FORMATS:
        raise PlotError(f"{target}: expected a name that ends with {' or '.join(FORMATS)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotError("no plot: matplotlib is not installed; pip install 'hologram-core[plot]'")


def draw(report: Report, target: Path) -> None:
    """Draw a report into a file. Raises PlotError."""
    check_target(target)
    if not report.rows:
        raise PlotError("no plot: nothing was measured")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ops = list(dict.fromkeys(row.op for row in report.rows))
    columns = min(2, len(ops))
    lines = math.ceil(len(ops) / columns)
    with rc_context({"svg.hashsalt": "hologram", "font.size": 9}):  # the same figures give the same file
        figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * lines + 0.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axis in axes[len(ops) :]:
            axis.set_visible(False)
        for axis, op in zip(axes, ops, strict=False):
            _draw_op(axis, op, [row for row in report.rows if row.op == op])
        figure.suptitle(_title(report), fontsize=10, x=0.01, ha="left")
        figure.supxlabel(_caption(report.machine), fontsize=7, color="#666666", x=0.01, ha="left")
        about = {"Date": None} if target.suffix.lower() == ".svg" else None
        figure.savefig(target, dpi=100, facecolor="white", metadata=about)


def _title(report: Report) -> str:
    dtypes = ", ".join(dict.fromkeys(row.dtype for row in report.rows))
    title = f"Time of one call against n, the elements of its largest array ({dtypes}); lower is better."
    has_numpy = any(row.who == "numpy" for row in report.rows)
    return f"{title}\n7x: NumPy takes 7 times as long." if has_numpy else title


def _caption(machine: Mapping[str, Any]) -> str:
    threads = f"up to {machine['threads']} threads" if machine["threads"] > 1 else "one thread"
    return (
        f"{machine['cpu']}, {machine['level']}; CPython {machine['python']}, NumPy {machine['numpy']}; {threads}, "
        f"results written to arrays that exist; {machine['date']}"
    )


def _draw_op(axis: Axes, op: str, rows: Sequence[Measured]) -> None:
    """One panel: a line for each contestant with its name at the end, and how far the best provider is ahead."""
    who = list(dict.fromkeys(row.who for row in rows))
    ours = [name for name in who if any(row.is_ours for row in rows if row.who == name)]
    colours = {**PEERS, **dict(zip(ours, OURS * len(ours), strict=False))}
    last = {}
    for name in reversed(who):  # whoever comes first in the ranking is on top
        mine = sorted((row for row in rows if row.who == name), key=lambda row: row.n)
        width = 2.2 if name in ours else 1.8 if name == "numpy" else 1.1
        x, y = [max(row.n, 1) for row in mine], [row.best for row in mine]
        axis.plot(x, y, color=colours[name], lw=width, ls=DASHES.get(name, "-"), marker="o", markersize=3)
        last[name] = mine[-1]
    _scale(axis)
    axis.set_title(op, fontsize=10, fontweight="bold", loc="left")
    _label_ends(axis, last, colours)
    _label_ratios(axis, rows, colours)


def _scale(axis: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set(xscale="log", yscale="log")
    low, high = axis.get_ylim()
    axis.set_ylim(low / 1.7, high)  # room for the ratios
    axis.xaxis.set_major_formatter(lambda n, _: _brief(n))
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(lambda ns, _: _time(ns))
    axis.set_xlabel("n", loc="right", labelpad=-2)
    axis.grid(which="major", color="#e5e5e5", lw=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def _brief(number: float) -> str:
    return f"{number / 1e6:g}M" if number >= 1e6 else f"{number / 1e3:g}k" if number >= 1e3 else f"{number:g}"


def _time(ns: float) -> str:
    return f"{ns / 1e6:g} ms" if ns >= 1e6 else f"{ns / 1e3:g} µs" if ns >= 1e3 else f"{ns:g} ns"


def _label_ends(axis: Axes, last: Mapping[str, Measured], colours: Mapping[str, str]) -> None:
    """Write each name beside the end of its line, names apart from each other."""
    bottom, top = (math.log(limit) for limit in axis.get_ylim())
    floor = -math.inf
    for name, row in sorted(last.items(), key=lambda item: item[1].best):
        text = _label(row)
        half = GAP * (1 + text.count("\n")) / 2
        height = max((math.log(row.best) - bottom) / (top - bottom), floor + half)
        weight = "bold" if row.is_ours else "normal"
        axis.text(
            1.02, height, text, transform=axis.transAxes, color=colours[name], va="center", fontweight=weight
        )  # fmt: skip
        floor = height + half


def _label(row: Measured) -> str:
    if not row.is_ours:
        return NAMES.get(row.who, row.who)
    name = row.who.replace("hologram-", "Hologram\n", 1)
    return name if row.ratio is None else f"{name} {_ratio(row.ratio)}"


def _label_ratios(axis: Axes, rows: Sequence[Measured], colours: Mapping[str, str]) -> None:
    """Write below the quickest provider, at the first and at the middle size, how much longer NumPy takes."""
    sizes = sorted({row.n for row in rows if row.is_ours})
    for n in (sizes[0], sizes[len(sizes) // 2]):
        row = min((row for row in rows if row.n == n and row.is_ours), key=lambda row: row.best)
        if row.ratio is not None and n < sizes[-1]:
            place: dict[str, Any] = {"xytext": (2, -6), "textcoords": "offset points", "ha": "left", "va": "top"}
            axis.annotate(_ratio(row.ratio), (max(n, 1), row.best), color=colours[row.who], **place)


def _ratio(ratio: float) -> str:
    return f"{ratio:.1f}x" if ratio < 10 else f"{ratio:.0f}x"
