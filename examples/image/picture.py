"""Draw what the demo did to the photo: all of it before and after, and a part of it before and after sharpening."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # no display needed
import matplotlib.pyplot as plt  # after the choice of the backend

PART = (slice(110, 250), slice(250, 400))


def draw(target: Path, photo: np.ndarray, developed: np.ndarray, sharpened: np.ndarray) -> None:
    """Write the picture to target; all three are planes of levels."""
    before, after, sharp = (planes.transpose(1, 2, 0) for planes in (photo, developed, sharpened))
    figure, axes = plt.subplots(2, 2, figsize=(10, 8.5), height_ratios=(3, 4), layout="constrained")
    shown = {"the photo": before, "developed": after, "developed, a part": after[PART], "sharpened": sharp[PART]}
    for axis, (title, image) in zip(axes.flat, shown.items(), strict=True):
        axis.imshow(image, interpolation="nearest")
        axis.set_title(title)
        axis.set_axis_off()
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=100)
    plt.close(figure)
