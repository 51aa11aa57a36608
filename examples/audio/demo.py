"""Measure the loudness of speech block by block, as a sound card delivers it: one kernel, and beside it SciPy.

Prints whether the two agree, whether the size of a block matters, and microseconds per block; writes out/audio.png
where matplotlib is installed. Ends with exit status 1 if a result is wrong.
"""

import importlib.util
import math
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from timeit import timeit
from typing import NamedTuple

import numpy as np
from kernels import meter
from scipy.signal import lfilter, sosfilt
from weighting import k_weighting

HERE = Path(__file__).parent
ROUNDS = 9  # times the recording is heard by each in turn
BLOCKS = (64, 128, 256)
SECONDS = 0.4  # that the meter remembers


class Heard(NamedTuple):
    """The filtered samples, and the mean square after each block."""

    samples: np.ndarray
    powers: np.ndarray


Run = Callable[[], Heard]


def read_speech() -> tuple[np.ndarray, int]:
    """The samples, from -1 to 1, and how many there are in a second."""
    with wave.open(str(HERE / "speech.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768, file.getframerate()


def split(samples: np.ndarray, block: int) -> list[np.ndarray]:
    return [samples[i : i + block] for i in range(0, len(samples), block)]


def with_hologram(sos: np.ndarray, share: float, speech: np.ndarray, block: int) -> Run:
    state, power, filtered = np.empty((len(sos), 2)), np.empty(1), np.empty_like(speech)
    blocks = list(zip(split(speech, block), split(filtered, block), strict=True))
    powers = np.empty(len(blocks))

    def run() -> Heard:
        state[:], power[:] = 0, 0
        for i, (x, y) in enumerate(blocks):
            meter(x, sos, state, power, share, out=y)
            powers[i] = power[0]
        return Heard(filtered, powers)

    return run


def with_scipy(sos: np.ndarray, share: float, speech: np.ndarray, block: int) -> Run:
    filtered = np.empty_like(speech)
    blocks = list(zip(split(speech, block), split(filtered, block), strict=True))
    powers = np.empty(len(blocks))
    b, a = np.array([share]), np.array([1, share - 1])

    def run() -> Heard:
        state, rest = np.zeros((len(sos), 2)), np.zeros(1)
        for i, (x, y) in enumerate(blocks):
            sharp, state = sosfilt(sos, x, zi=state)  # in f64, as in the kernel
            means, rest = lfilter(b, a, sharp * sharp, zi=rest)
            powers[i] = means[-1]
            y[:] = sharp
        return Heard(filtered, powers)

    return run


def measure(runs: list[Run], blocks: int) -> np.ndarray:
    """Microseconds per block for each run, a row each, in rounds in which they take turns."""
    rounds = [[timeit(run, number=1) for run in runs] for _ in range(ROUNDS)]
    return np.array(rounds).T / blocks * 1e6


def loudness(power: np.ndarray) -> np.ndarray:
    """In LUFS, the decibels of loudness."""
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-10))


def main() -> int:
    speech, rate = read_speech()
    sos, share = k_weighting(rate), 1 - math.exp(-1 / (SECONDS * rate))
    at_once = with_hologram(sos, share, speech, len(speech))().samples.copy()
    print(f"{len(speech) / rate:.2f} s of speech at {rate} Hz, {len(sos)} biquads and a meter of {SECONDS:g} s")
    right = True
    print(f"\n{'us per block':<14}{'Hologram':>10}{'median':>8}{'SciPy':>8}{'median':>8}{'ratio':>8}   difference")
    for block in BLOCKS:
        runs = [form(sos, share, speech, block) for form in (with_hologram, with_scipy)]
        ours, theirs = (run() for run in runs)
        difference = float(np.abs(ours.samples - theirs.samples).max())
        right &= difference < 1e-7 and np.allclose(ours.powers, theirs.powers, rtol=1e-9, atol=0)
        right &= np.array_equal(ours.samples, at_once)  # every block goes on where the last one stopped
        times = measure(runs, len(ours.powers))
        (best, their_best), (median, their_median) = times.min(axis=1), np.median(times, axis=1)
        figures = f"{best:>10.2f}{median:>8.2f}{their_best:>8.2f}{their_median:>8.2f}{their_best / best:>7.1f}x"
        print(f"{block:>4} samples  {figures}{difference:>13.1e}")
    print(f"\nloudest moment {loudness(ours.powers).max():.1f} LUFS")
    print(f"agreement      {'SciPy, and blocks of any size bit by bit' if right else 'NONE'}")

    if importlib.util.find_spec("matplotlib") is None:
        print("\nno picture: matplotlib is not installed")
    else:
        from picture import draw

        target = HERE / "out" / "audio.png"
        draw(target, speech, rate, loudness(ours.powers), BLOCKS[-1])
        print(f"\npicture: {target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
