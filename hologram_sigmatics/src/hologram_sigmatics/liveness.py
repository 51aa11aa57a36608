"""Liveness: how long values are needed, and so how few registers hold them all.

In go steps as what they read and write; out comes a register for each value that is written. In a
straight line of steps, giving each value the first register that is free needs as many as are alive at
once, and no assignment needs fewer. Nothing is refused.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .flow import Flow, Step

Value: TypeAlias = Hashable


@dataclass(frozen=True, slots=True)
class Use:
    """What a step reads and writes; `in_place`: it may write where it reads."""

    reads: tuple[Value, ...]
    writes: tuple[Value, ...]
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Registers:
    """A register for each value that some step writes, and how many there are."""

    of: dict[Value, int]
    count: int


def allocate(uses: Sequence[Use], keep: Collection[Value] = (), always: Iterable[Value] = ()) -> Registers:
    """Give every written value a register: those to `keep` until the end, those there `always` all the time."""
    last = {value: index for index, use in enumerate(uses) for value in (*use.reads, *use.writes)}
    last |= dict.fromkeys(keep, len(uses))
    of: dict[Value, int] = {value: index for index, value in enumerate(always)}
    last |= dict.fromkeys(of, len(uses))
    free: list[int] = []
    count = len(of)
    for index, use in enumerate(uses):
        dying = {of[value] for value in use.reads if value in of and last[value] == index}
        if use.in_place:
            for register in dying:
                heapq.heappush(free, register)
        for value in use.writes:
            if not free:
                heapq.heappush(free, count)
                count += 1
            of[value] = heapq.heappop(free)
        written = {of[value] for value in use.writes if last[value] == index}
        for register in written if use.in_place else written | dying:
            heapq.heappush(free, register)
    return Registers(of, count)


def shortest_lives(flow: Flow) -> Flow:
    """Return the flow with its steps in the order that needs fewest registers, of the orders tried.

    Those are the one it has, and from each output back to what it needs, the side that needs more
    registers first, which is best where no value is read twice.
    """
    orders = [flow.steps, _deepest_first(flow)]
    best = min(orders, key=lambda steps: _registers_needed(flow, steps))
    return Flow(flow.inputs, flow.constants, tuple(best), flow.outputs)


def _registers_needed(flow: Flow, steps: Sequence[Step]) -> int:
    uses = [Use(step.reads, step.writes, in_place=True) for step in steps]
    return allocate(uses, {output.value for output in flow.outputs}).count


def _deepest_first(flow: Flow) -> list[Step]:
    """The steps in the order in which a depth-first walk from the outputs leaves them."""
    maker = {value: step for step in flow.steps for value in step.writes}
    needs = _needs(flow)
    order: dict[int, Step] = {}
    for output in flow.outputs:
        waiting = [output.value]
        while waiting:
            step = maker.get(waiting[-1])
            missing = (
                [value for value in step.reads if value in maker and id(maker[value]) not in order] if step else []
            )
            if missing:
                waiting.append(max(missing, key=needs.__getitem__))
            else:
                waiting.pop()
                if step is not None:
                    order[id(step)] = step
    return list(order.values())


def _needs(flow: Flow) -> dict[int, int]:
    """Registers that a value needs, had it its own copy of all before it: the numbers of Sethi and Ullman."""
    needs = dict.fromkeys(range(len(flow.inputs) + len(flow.constants)), 0)
    for step in flow.steps:
        sides = sorted((needs[value] for value in dict.fromkeys(step.reads)), reverse=True)
        own = max((side + place for place, side in enumerate(sides) if side), default=0)
        needs |= dict.fromkeys(step.writes, max(own, 1))
    return needs
