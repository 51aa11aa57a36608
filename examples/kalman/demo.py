"""Follow a real flight of a drone through the scatter of a coarse radar: Kalman filters in Hologram and in NumPy.

Prints what the filter is worth, how far every form is from float64, and microseconds per step; writes out/kalman.png
where matplotlib is installed. Ends with exit status 1 if a form is off by a centimetre or the filter is of no use.
"""

import importlib.util
import sys
from pathlib import Path
from timeit import timeit

import numpy as np
from filters import HOLOGRAM, NUMPY, Model, Run, filterpy, one_kernel, reference, textbook

HERE = Path(__file__).parent
ROUNDS = 15  # times the flight is followed by each in turn
SCATTER = 10.0  # of the radar: the standard deviation along each axis, in m
AGILITY = 2.0  # of the drone: the power of its accelerations, in m^2/s^3
METRES_PER_DEGREE = 111_320.0


def read_flight() -> np.ndarray:
    """Where the drone was each second, in metres east, north and up of where it started."""
    latitude, longitude, altitude = np.load(HERE / "flight.npz")["fixes"].T
    east = (longitude - longitude[0]) * METRES_PER_DEGREE * np.cos(np.radians(latitude[0]))
    north = (latitude - latitude[0]) * METRES_PER_DEGREE
    return np.stack([east, north, altitude - altitude[0]], axis=1)


def radar(flight: np.ndarray) -> np.ndarray:
    """What a coarse radar reports of it: the same numbers each time."""
    noise = np.random.default_rng(1).normal(0, SCATTER, flight.shape)
    return (flight + noise).astype(np.float32)


def steady_flight(first: np.ndarray) -> Model:
    """Three positions and three velocities, a second between steps; accelerations are white noise."""
    one, zero = np.eye(3), np.zeros((3, 3))
    F = np.block([[one, one], [zero, one]])
    Q = AGILITY * np.block([[one / 3, one / 2], [one / 2, one]])
    P = np.block([[one * SCATTER**2, zero], [zero, one * 100]])
    parts = F, Q, np.eye(3, 6), one * SCATTER**2, np.append(first, np.zeros(3)), P
    return Model(*(np.ascontiguousarray(part, np.float32) for part in parts))


def measure(runs: dict[str, Run], steps: int) -> dict[str, np.ndarray]:
    """Microseconds per step in each round for each run, which take turns so that all see the same machine."""
    rounds = [[timeit(run, number=1) for run in runs.values()] for _ in range(ROUNDS)]
    return dict(zip(runs, np.array(rounds).T / steps * 1e6, strict=True))


def errors(places: np.ndarray, velocities: np.ndarray, flight: np.ndarray) -> list[float]:
    """How far places and velocities are from the flight, as root mean squares, in m and m/s."""
    differences = places - flight, velocities - np.gradient(flight, axis=0)
    return [float(np.sqrt((difference**2).sum(axis=1).mean())) for difference in differences]


def main() -> int:
    flight = read_flight()
    seen = radar(flight)
    model, measurements = steady_flight(seen[0]), seen[1:]
    runs = {
        "NumPy": textbook(model, measurements, NUMPY),
        "hg.ops": textbook(model, measurements, HOLOGRAM),
        "@kernel, a call a step": one_kernel(model, measurements, at_once=1),
        "@kernel, one call": one_kernel(model, measurements, at_once=len(measurements)),
    }
    if importlib.util.find_spec("filterpy") is not None:
        runs["filterpy"] = filterpy(model, measurements)

    exact = reference(model, measurements)
    before, after = errors(seen, np.gradient(seen, axis=0), flight), errors(exact[:, :3], exact[:, 3:], flight[1:])
    print(f"{len(flight)} seconds of flight")
    print("the radar is off by {:.1f} m, its differences by {:.1f} m/s".format(*before))
    print("the filter is off by {:.1f} m and {:.1f} m/s".format(*after))
    differences = {name: float(np.abs(run() - exact).max()) for name, run in runs.items()}
    times = measure(runs, len(measurements))
    print(f"\n{'us per step':<24}{'best':>8}{'median':>8}{'ratio':>8}   from float64, at most")
    for name, record in times.items():
        ratio = times["NumPy"].min() / record.min()
        off = differences[name] * 1000
        print(f"{name:<24}{record.min():>8.2f}{np.median(record):>8.2f}{ratio:>7.1f}x{off:>10.3f} mm")

    if importlib.util.find_spec("matplotlib") is None:
        print("\nno picture: matplotlib is not installed")
    else:
        from picture import draw

        target = HERE / "out" / "kalman.png"
        draw(target, flight, seen, runs["@kernel, one call"](), times)
        print(f"\npicture: {target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target}")
    return 0 if max(differences.values()) < 0.01 and after < before else 1


if __name__ == "__main__":
    sys.exit(main())
