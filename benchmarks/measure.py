"""Race contestants, and hold the results against goals.

In go contestants (see hologram_core.timing, which times them), out come the best and the median time of each, and rows
that say whether a goal is met.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hologram_core.timing import Contestant as Contestant
from hologram_core.timing import take_turns


@dataclass(frozen=True)
class Plan:
    """How thorough to be: rounds in which each contestant has one turn, and seconds for a turn."""

    rounds: int
    seconds: float


FULL = Plan(rounds=11, seconds=0.01)
QUICK = Plan(rounds=1, seconds=0.0)


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


def race(plan: Plan, contestants: Mapping[str, Contestant], expected: np.ndarray | None = None) -> Timings:
    """Time all contestants; with `expected`, first check that each computes it."""
    turns = take_turns(contestants, rounds=plan.rounds, seconds=plan.seconds, expected=expected)
    return {name: Timing(min(turn.loops), statistics.median(turn.loops)) for name, turn in turns.items()}


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
