"""Draw what the demo heard: the speech, and how loud it was."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # no display needed
import matplotlib.pyplot as plt  # after the choice of the backend


def draw(target: Path, speech: np.ndarray, rate: int, loudness: np.ndarray, block: int) -> None:
    """Write the picture to target; loudness is in LUFS, after each block of so many samples."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(10, 5), sharex=True, layout="constrained")
    above.plot(np.arange(len(speech)) / rate, speech, linewidth=0.4)
    above.set_ylabel("speech")
    below.step(np.arange(1, len(loudness) + 1) * block / rate, loudness, color="tab:orange")
    below.set_ylabel("loudness, LUFS")
    below.set_ylim(-60, -10)
    below.set_xlabel("seconds")
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=120)
    plt.close(figure)
