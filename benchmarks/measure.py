"""Time lines of Python beside each other, and hold the results against goals.

In go contestants (a line and the names it uses), out come nanoseconds for one run of each line. They take turns, so
that all see the same machine; arrays stay in the cache. A line is repeated 16 times in the body of the timed loop,
which leaves less than a nanosecond of loop in each figure.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np

UNROLL = 16


@dataclass(frozen=True)
class Plan:
    """How thorough to be: rounds in which each contestant has one turn, and seconds for a turn."""

    rounds: int
    seconds: float


FULL = Plan(rounds=11, seconds=0.01)
QUICK = Plan(rounds=1, seconds=0.0)


@dataclass(frozen=True)
class Contestant:
    """A line of Python and the values of its names; `result` is the array that it writes, where that is checked."""

    line: str
    names: Mapping[str, object]
    result: np.ndarray | None = None


@dataclass(frozen=True)
class Timing:
    """Nanoseconds for one run: of the best round, and of the median one."""

    best: float
    median: float


Timings = dict[str, Timing]


@dataclass(frozen=True)
class Row:
    """One goal and what was measured for it; a unit of "x" is a ratio of times."""

    what: str
    value: float
    goal: float
    at_least: bool
    ours: str
    against: str = ""
    unit: str = "x"
    timings: Timings = field(default_factory=dict)
    statistic: str = "best"  # which figure of the timings the value is made from

    @property
    def margin(self) -> float:
        """How far beyond the goal: 1 is just met, 2 twice as good."""
        return self.value / self.goal if self.at_least else self.goal / max(self.value, 1e-9)

    @property
    def met(self) -> bool:
        return self.margin >= 1


# ---- timing ----------------------------------------------------------------------------------------------------------


def race(
    plan: Plan, contestants: Mapping[str, Contestant], expected: np.ndarray | None = None, unroll: int = UNROLL
) -> Timings:
    """Time all contestants; with `expected`, first check that each computes it. Long lines need not be unrolled."""
    loops = {name: compile_loop(contestant, unroll) for name, contestant in contestants.items()}
    for loop in loops.values():
        loop(1)
    if expected is not None:
        for name, contestant in contestants.items():
            check(name, contestant, expected)
    counts = {name: calibrate(loop, plan.seconds) for name, loop in loops.items()}
    turns: dict[str, list[float]] = {name: [] for name in loops}
    gc.collect()
    gc.disable()
    try:
        for _ in range(plan.rounds):
            for name, loop in loops.items():
                turns[name].append(loop(counts[name]) / (counts[name] * unroll))
    finally:
        gc.enable()
    return {name: Timing(min(times), statistics.median(times)) for name, times in turns.items()}


def compile_loop(contestant: Contestant, unroll: int = UNROLL) -> Callable[[int], int]:
    """Return f(count) -> nanoseconds for count * unroll runs of the line, its names being local variables."""
    body = f"\n        {contestant.line}" * unroll
    parameters = ", ".join(("rounds", *contestant.names))
    source = f"def timed({parameters}):\n    start = clock()\n    for _ in rounds:{body}\n    return clock() - start"
    namespace: dict[str, Callable[..., int]] = {"clock": time.perf_counter_ns}
    exec(source, namespace)
    timed, values = namespace["timed"], tuple(contestant.names.values())
    return lambda count: timed(repeat(None, count), *values)


def calibrate(loop: Callable[[int], int], seconds: float) -> int:
    """Return the count that keeps the loop busy for so long."""
    count = 1
    while (taken := loop(count)) < seconds * 1e9:
        count = max(2 * count, min(100 * count, int(count * seconds * 1e9 / max(taken, 1))))
    return count


def check(name: str, contestant: Contestant, expected: np.ndarray) -> None:
    """Raise AssertionError if a contestant computes something else: to be fast and wrong is no merit."""
    if contestant.result is not None:
        np.testing.assert_allclose(contestant.result, expected, rtol=1e-4, atol=1e-6, err_msg=f"{name} is wrong")


# ---- goals -----------------------------------------------------------------------------------------------------------


def faster(what: str, timings: Timings, goal: float, against: str = "", ours: str = "hologram") -> Row:
    """Ours must be `goal` times as fast as `against`, by default the fastest of the others."""
    against = against or min((name for name in timings if name != ours), key=lambda name: timings[name].best)
    ratio = timings[against].best / timings[ours].best
    return Row(what, ratio, goal, True, ours, against, timings=timings)


def costs(what: str, timings: Timings, goal: float, against: str, ours: str = "hologram") -> Row:
    """Ours may take at most `goal` times as long as `against`."""
    ratio = timings[ours].best / timings[against].best
    return Row(what, ratio, goal, False, ours, against, timings=timings)
