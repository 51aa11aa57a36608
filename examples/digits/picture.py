"""Draw what the demo did: some images with their answers, and how long one image took."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.ticker
import numpy as np

mpl.use("Agg")  # no display needed
import matplotlib.pyplot as plt  # after the choice of the backend

COLUMNS = 12
COLOURS = ("tab:blue", "tab:orange")


def draw(
    target: Path, images: np.ndarray, labels: np.ndarray, answers: np.ndarray, times: dict[str, np.ndarray]
) -> None:
    """Write the picture to target; times holds microseconds per image by name."""
    figure = plt.figure(figsize=(10, 6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(2, 3))
    draw_samples(top, images, labels, answers)
    draw_times(bottom.subplots(), times)
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=120)
    plt.close(figure)


def draw_samples(figure: mpl.figure.SubFigure, images: np.ndarray, labels: np.ndarray, answers: np.ndarray) -> None:
    """Show every mistake that fits in the second row, and right answers before them."""
    wrong = np.flatnonzero(answers != labels)[:COLUMNS]
    right = np.flatnonzero(answers == labels)[: 2 * COLUMNS - len(wrong)]
    figure.suptitle(
        f"held-out images and answers: {np.mean(answers == labels):.1%} right; mistakes in red, truth after /"
    )
    for axis, index in zip(figure.subplots(2, COLUMNS).flat, [*right, *wrong], strict=True):
        axis.imshow(images[index], cmap="gray_r")
        axis.set_axis_off()
        if answers[index] == labels[index]:
            axis.set_title(str(answers[index]))
        else:
            axis.set_title(f"{answers[index]} / {labels[index]}", color="tab:red")


def draw_times(axis: mpl.axes.Axes, times: dict[str, np.ndarray]) -> None:
    """Show the distribution of the time for one image, up to the 99.5th percentile."""
    everything = np.concatenate([t[t <= np.percentile(t, 99.5)] for t in times.values()])
    bins = np.geomspace(everything.min(), everything.max(), 150)
    for (name, t), colour in zip(times.items(), COLOURS, strict=True):
        median = np.median(t)
        axis.hist(t, bins, label=f"{name}: {median:.2f} us at p50", color=colour)
        axis.axvline(median, color="black", linewidth=0.8)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axis.set_xlabel("microseconds per image")
    axis.set_ylabel("images")
    axis.legend()
