"""Develop and sharpen a photo that was taken at dusk: two kernels, and beside them NumPy and SciPy.

Prints how far the results are from float64 and milliseconds per photo; writes out/image.png where matplotlib is
installed. Ends with exit status 1 if a number is off by a millionth or a level of a pixel by more than one.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from timeit import timeit

import numpy as np
from kernels import develop, stencil
from PIL import Image
from scipy import ndimage

HERE = Path(__file__).parent
ROUNDS = 15  # times each is run, in turn
EXPOSURE, GAMMA, SATURATION = 2.0, 0.8, 1.3
CURVE = ((np.arange(256) / 255 * EXPOSURE) ** GAMMA).astype(np.float32)  # exposure and gamma, for each of 256 levels
SHARPEN = np.float32([[0, -0.25, 0], [-0.25, 2, -0.25], [0, -0.25, 0]])

Runs = dict[str, Callable[[], np.ndarray]]


def read_photo() -> np.ndarray:
    """The planes of the photo: red, green, blue."""
    with Image.open(HERE / "rocket.jpg") as image:
        return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def develop_in_numpy(photo: np.ndarray, out: np.ndarray) -> np.ndarray:
    red, green, blue = np.take(CURVE, photo, out=out, mode="clip")  # which is quicker, and no level is clipped
    grey = 0.2126 * red
    grey += 0.7152 * green
    grey += 0.0722 * blue
    out -= grey
    out *= SATURATION
    out += grey
    return out


def develop_exactly(photo: np.ndarray) -> np.ndarray:
    """In f64, from the formulas."""
    linear = (photo / 255 * EXPOSURE) ** GAMMA
    grey = np.tensordot([0.2126, 0.7152, 0.0722], linear, 1)
    return grey + SATURATION * (linear - grey)


def stencil_in_numpy(planes: np.ndarray) -> np.ndarray:
    """The sum of nine shifted photos."""
    _, h, w = planes.shape
    wide = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    return levels(sum(SHARPEN[i, j] * wide[:, i : i + h, j : j + w] for i in range(3) for j in range(3)))


def stencil_in_scipy(planes: np.ndarray) -> np.ndarray:
    return levels(ndimage.correlate(planes, SHARPEN[None], mode="nearest"))


def levels(planes: np.ndarray) -> np.ndarray:
    return (np.clip(planes, 0, 1) * 255 + 0.5).astype(np.uint8)


def contestants(photo: np.ndarray) -> tuple[Runs, Runs]:
    """What develops the photo, and what sharpens it then."""
    planes, theirs, result = np.empty(photo.shape, "f4"), np.empty(photo.shape, "f4"), np.empty_like(photo)
    flat_photo, flat_planes = photo.reshape(3, -1), planes.reshape(3, -1)

    def develop_in_hologram() -> np.ndarray:
        develop(flat_photo, CURVE, SATURATION, flat_planes)
        return planes

    def stencil_in_hologram() -> np.ndarray:
        stencil(planes, SHARPEN, result)
        return result

    return (
        {"Hologram": develop_in_hologram, "NumPy": lambda: develop_in_numpy(photo, theirs)},
        {
            "Hologram": stencil_in_hologram,
            "SciPy": lambda: stencil_in_scipy(planes),
            "NumPy": lambda: stencil_in_numpy(planes),
        },
    )


def measure(runs: Runs) -> dict[str, np.ndarray]:
    """Milliseconds in each round for each run, which take turns so that all see the same machine."""
    rounds = [[timeit(run, number=1) for run in runs.values()] for _ in range(ROUNDS)]
    return dict(zip(runs, np.array(rounds).T * 1e3, strict=True))


def print_times(what: str, times: dict[str, np.ndarray]) -> None:
    for name, record in times.items():
        ratio = record.min() / times["Hologram"].min()
        print(f"{what:<12}{name:<12}{record.min():>8.2f}{np.median(record):>8.2f}{ratio:>7.1f}x")


def main() -> int:
    photo = read_photo()
    developing, sharpening = contestants(photo)
    exact = develop_exactly(photo)
    difference = max(float(np.abs(run() - exact).max()) for run in developing.values())
    sharp = {name: run().astype(int) for name, run in sharpening.items()}
    steps = max(int(np.abs(result - stencil_in_scipy(exact)).max()) for result in sharp.values())
    differ = np.count_nonzero(sharp["Hologram"] != stencil_in_scipy(exact))
    print(f"{photo.shape[2]} x {photo.shape[1]} pixels")
    print(f"developed   float64 to {difference:.1e}")
    print(f"sharpened   {differ} of {photo.size} levels differ from float64, by {steps} at most")

    print(f"\n{'ms per photo':<24}{'best':>8}{'median':>8}{'ratio':>8}")
    print_times("develop", measure(developing))
    print_times("sharpen", measure(sharpening))

    if importlib.util.find_spec("matplotlib") is None:
        print("\nno picture: matplotlib is not installed")
    else:
        from picture import draw

        target = HERE / "out" / "image.png"
        draw(target, photo, levels(developing["Hologram"]()), sharpening["Hologram"]())
        print(f"\npicture: {target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target}")
    return 0 if difference < 1e-6 and steps <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
