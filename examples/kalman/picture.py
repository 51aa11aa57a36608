"""Draw what the demo did: the flight, the radar and the filter from above, and how long a step took."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # no display needed
import matplotlib.pyplot as plt  # after the choice of the backend


def draw(
    target: Path, flight: np.ndarray, seen: np.ndarray, estimates: np.ndarray, times: dict[str, np.ndarray]
) -> None:
    """Write the picture to target; times holds microseconds per step by name."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(10, 6), height_ratios=(2, 1), layout="constrained")
    draw_flight(above, flight, seen, estimates)
    draw_times(below, times)
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=120)
    plt.close(figure)


def draw_flight(axis: mpl.axes.Axes, flight: np.ndarray, seen: np.ndarray, estimates: np.ndarray) -> None:
    axis.plot(*seen[:, :2].T, ".", markersize=3, color="silver", label="radar")
    axis.plot(*flight[:, :2].T, linewidth=1, color="black", label="flight")
    axis.plot(*estimates[:, :2].T, linewidth=1, color="tab:red", label="filter")
    axis.set_aspect("equal")
    axis.set_xlabel("metres east")
    axis.set_ylabel("metres north")
    axis.legend()


def draw_times(axis: mpl.axes.Axes, times: dict[str, np.ndarray]) -> None:
    best = {name: record.min() for name, record in sorted(times.items(), key=lambda item: -item[1].min())}
    colours = ["tab:orange" if name in ("NumPy", "filterpy") else "tab:blue" for name in best]
    bars = axis.barh(list(best), list(best.values()), color=colours)
    axis.bar_label(bars, fmt=" %.2f us")
    axis.set_xlim(right=1.15 * max(best.values()))
    axis.set_xlabel("microseconds per step, best round")
