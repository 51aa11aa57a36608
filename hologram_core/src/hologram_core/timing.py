"""Time lines of Python beside each other.

In go contestants (a line and the names it uses); out come nanoseconds for one run of each line. They take turns, so
that all see the same machine, and arrays stay in the cache. A turn is a loop, whose body is 16 calls, which leaves
less than a nanosecond of loop in each figure; and single runs between two looks at the clock, which show how late a run
can be. Refused with AssertionError: a contestant that computes something else.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

UNROLL = 16  #: statements in the body of a loop; more of them leave the first-level cache


@dataclass(frozen=True)
class Contestant:
    """A line of Python and the values of its names; `result` is the array that it writes, where that is checked."""

    line: str
    names: Mapping[str, object]
    result: np.ndarray[Any, Any] | None = None

    @property
    def unroll(self) -> int:
        """How often the line is in the body of a loop."""
        return max(1, UNROLL // (1 + self.line.count(";")))


@dataclass(frozen=True)
class Turns:
    """Nanoseconds for one run: the mean of each loop, and single runs less what the clock costs."""

    loops: list[float] = field(default_factory=list)
    singles: list[float] = field(default_factory=list)


def take_turns(
    contestants: Mapping[str, Contestant],
    *,
    rounds: int,
    seconds: float,
    singles: int = 0,
    expected: np.ndarray[Any, Any] | None = None,
) -> dict[str, Turns]:
    """Give each contestant a turn in each round: a loop that lasts so long, then at most so many single runs.

    With `expected`, first check that each computes it.
    """
    loops = {name: compile_loop(contestant) for name, contestant in contestants.items()}
    for loop in loops.values():
        loop(1)
    if expected is not None:
        for name, contestant in contestants.items():
            check(name, contestant, expected)
    counts = {name: calibrate(loop, seconds) for name, loop in loops.items()}
    sampled = {name: compile_singles(contestant) for name, contestant in contestants.items()} if singles else {}
    clock = _cost_of_clock() if singles else 0.0
    turns = {name: Turns() for name in loops}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, loop in loops.items():
                mean = loop(counts[name]) / (counts[name] * contestants[name].unroll)
                turns[name].loops.append(mean)
                if singles:
                    number = min(singles, max(10, int(seconds * 1e9 / mean)))
                    turns[name].singles.extend(max(0.0, taken - clock) for taken in sampled[name](number))
    finally:
        gc.enable()
    return turns


def compile_loop(contestant: Contestant) -> Callable[[int], int]:
    """Return f(count) -> nanoseconds for count * unroll runs of the line, its names being local variables."""
    body = f"\n        {contestant.line}" * contestant.unroll
    lines = f"start = clock()\n    for _ in repeat(None, count):{body}\n    return clock() - start"
    return _compile(contestant, lines)


def compile_singles(contestant: Contestant) -> Callable[[int], list[int]]:
    """Return f(count) -> nanoseconds of each of count runs, with what one look at the clock costs."""
    body = f"start = clock()\n        {contestant.line}\n        taken(clock() - start)"
    lines = f"times = []\n    taken = times.append\n    for _ in repeat(None, count):\n        {body}\n    return times"
    return _compile(contestant, lines)


def _compile(contestant: Contestant, lines: str) -> Callable[[int], Any]:
    parameters = ", ".join(("count", "clock", "repeat", *contestant.names))
    namespace: dict[str, Callable[..., Any]] = {}
    exec(f"def timed({parameters}):\n    {lines}", namespace)
    timed, values = namespace["timed"], tuple(contestant.names.values())
    return lambda count: timed(count, time.perf_counter_ns, repeat, *values)


def _cost_of_clock() -> float:
    return statistics.median(compile_singles(Contestant("pass", {}))(1000))


def calibrate(loop: Callable[[int], int], seconds: float) -> int:
    """Return the count that keeps the loop busy for so long."""
    count = 1
    while (taken := loop(count)) < seconds * 1e9:
        count = max(2 * count, min(100 * count, int(count * seconds * 1e9 / max(taken, 1))))
    return count


def check(name: str, contestant: Contestant, expected: np.ndarray[Any, Any]) -> None:
    """Raise AssertionError if a contestant computes something else: to be fast and wrong is no merit."""
    if contestant.result is not None:
        np.testing.assert_allclose(contestant.result, expected, rtol=1e-4, atol=1e-6, err_msg=f"{name} is wrong")
