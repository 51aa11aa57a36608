"""Schedule: a stage becomes passes over pages, in which every value has a place.

In go a stage and what its kernels allow; out come the pass for arrays of one page, in which every step
runs once, and the passes for longer ones. There a sum is known when its pass has ended, a kernel for
rows runs between passes on whole buffers, and what several passes need is computed in each of them
anew: no array is kept that was not asked for. Nothing is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from .flow import Flow, Step, array_positions, needed_steps
from .liveness import Registers, Use, allocate
from .stages import Stage

PlaceKind: TypeAlias = Literal["param", "constant", "cell", "buffer", "partial", "register"]


class Place(NamedTuple):
    """Where a value is: the kinds are those of native/pages.h, in their order."""

    kind: PlaceKind
    number: int


class Spread(NamedTuple):
    """The value of one element, as a page."""

    value: int


Key: TypeAlias = int | Spread
Places: TypeAlias = Mapping[Key, Place]


@dataclass(frozen=True, slots=True)
class Run:
    """A step with its places, inputs first; without a step, one element becomes a page."""

    step: Step | None
    places: tuple[Place, ...]
    one: bool = False  #: it works on single elements


@dataclass(frozen=True, slots=True)
class Store:
    """An output gets the value of a place, which may be the output itself."""

    output: int
    place: Place
    home: bool


@dataclass
class Pass:
    """The structure of that name in native/pages.h."""

    registers: int = 0
    once: list[Run] = field(default_factory=list)
    each: list[Run] = field(default_factory=list)
    after: list[Run] = field(default_factory=list)
    folds: list[tuple[Step, Place, Place]] = field(default_factory=list)  #: the step, its partials, its cell
    stores: list[Store] = field(default_factory=list)


@dataclass
class Schedule:
    """All passes of a stage, and how many places of each kind there are."""

    flat: Pass
    passes: list[Pass]
    singles: list[tuple[int, Place]]  #: outputs of one element
    cells: int
    buffers: tuple[int, ...]  #: the output that each can be, or -1
    partials: int


def schedule(stage: Stage, may_alias: Callable[[Step], bool], may_alias_long: Callable[[Step], bool]) -> Schedule:
    """Return the passes of a stage; may_alias says whether a step may write where it reads, in one page or many."""
    scheduler = _Scheduler(stage)
    streaming = _Streaming(scheduler, may_alias_long)
    return Schedule(
        scheduler.flat_pass(may_alias),
        streaming.passes,
        scheduler.singles(),
        len(scheduler.cells),
        streaming.buffer_homes,
        len(streaming.folds),
    )


class _Scheduler:
    """What is known of the values of one stage."""

    def __init__(self, stage: Stage) -> None:
        self.flow: Flow = stage.flow
        self.full = stage.full
        self.outputs = {output.value: index for index, output in enumerate(stage.flow.outputs)}
        self.place: dict[Key, Place] = {index: Place("param", index) for index in range(len(self.flow.inputs))}
        self.place |= {value: Place("constant", index) for index, value in enumerate(self.flow.constant_values)}
        made = [value for step in self.flow.steps for value in step.writes]
        self.cells = [value for value in made if value not in self.full]
        self.place |= {value: Place("cell", index) for index, value in enumerate(self.cells)}

    def is_one(self, step: Step) -> bool:
        """Whether a step works on single elements."""
        return not self.full.intersection((*step.reads, *step.writes))

    def spreads(self, step: Step) -> dict[int, Spread]:
        """The single elements that a step reads as arrays, by position."""
        if step.kind != "each" or self.is_one(step):
            return {}
        positions = array_positions(step.spec)
        return {at: Spread(step.reads[at]) for at in positions if step.reads[at] not in self.full}

    def reads(self, step: Step) -> list[Key]:
        spreads = self.spreads(step)
        return [spreads.get(at, value) for at, value in enumerate(step.reads)]

    # ---- one page --------------------------------------------------------------------------------

    def flat_pass(self, may_alias: Callable[[Step], bool]) -> Pass:
        """Every step once, in order; a page is all there is."""
        uses: list[Use] = []
        runs: list[Step | Spread] = []
        spread: set[Spread] = set()
        for step in self.flow.steps:
            for value in dict.fromkeys(self.spreads(step).values()):
                if value not in spread:
                    spread.add(value)
                    runs.append(value)
                    uses.append(Use((), (value,)))
            runs.append(step)
            writes = tuple(value for value in step.writes if value in self.full)
            uses.append(Use(tuple(self.reads(step)), writes, may_alias(step)))
        registers = allocate(uses, [value for value in self.outputs if value in self.full])
        place = {**self.place, **_in_registers(registers)}
        return Pass(
            registers.count,
            each=[self.run(item, place) for item in runs],
            stores=self.stores(place),
        )

    def singles(self) -> list[tuple[int, Place]]:
        """The outputs of one element, and where they are."""
        return [(index, self.place[value]) for value, index in self.outputs.items() if value not in self.full]

    def run(self, item: Step | Spread, place: Places) -> Run:
        if isinstance(item, Spread):
            return Run(None, (place[item.value], place[item]))
        places = [place[value] for value in (*self.reads(item), *item.writes)]
        return Run(item, tuple(places), self.is_one(item))

    def stores(self, place: Places) -> list[Store]:
        return [
            Store(index, place[value], place[value].kind in ("register", "buffer"))
            for value, index in self.outputs.items()
            if value in self.full
        ]


def _in_registers(registers: Registers) -> dict[Key, Place]:
    return {value: Place("register", index) for value, index in registers.of.items()}  # type: ignore[misc]


class _Streaming:
    """The passes of a stage over many pages.

    Every value has a pass from which on it can be had. Pass 0 has no pages: what comes after it are the
    steps that only need numbers.
    """

    def __init__(self, scheduler: _Scheduler, may_alias: Callable[[Step], bool]) -> None:
        self.of = scheduler
        self.may_alias = may_alias
        self.steps = scheduler.flow.steps
        self.ready = dict.fromkeys(range(len(scheduler.flow.inputs)), 0)
        self.ready |= dict.fromkeys(scheduler.flow.constant_values, 0)
        self.at: dict[int, int] = {}  # the pass of each step, by its first result
        for step in self.steps:
            self._place_step(step)
        full_outputs = [value for value in scheduler.outputs if value in scheduler.full]
        self.last = max([self.ready[value] for value in full_outputs] + [self._ends(step) for step in self.steps])
        self.folds = [step for step in self.steps if self._is_fold(step)]
        self.rows = [step for step in self.steps if self._is_row(step)]
        self.place_buffers()
        self.passes = [self.make_pass(number) for number in range(self.last + 1)]

    def _is_fold(self, step: Step) -> bool:
        return step.kind == "fold" and not self.of.is_one(step)

    def _is_row(self, step: Step) -> bool:
        return step.kind == "row" and not self.of.is_one(step)

    def _place_step(self, step: Step) -> None:
        from_pass = max((self.ready[value] for value in step.reads), default=0)
        if self.of.is_one(step):
            at = ready = from_pass
        else:
            at = max(from_pass, 1)
            ready = at if step.kind == "each" else at + 1
        self.at[step.writes[0]] = at
        self.ready |= dict.fromkeys(step.writes, ready)

    def _ends(self, step: Step) -> int:
        """The last pass that must be there for a step: after a kernel for rows another one, which writes."""
        at = self.at[step.writes[0]]
        return at + 1 if self._is_row(step) else at - 1 if self.of.is_one(step) else at

    # ---- buffers ---------------------------------------------------------------------------------

    def place_buffers(self) -> None:
        """What a kernel for rows reads and writes is in buffers; they are shared by values in turn."""
        full, params = self.of.full, len(self.of.flow.inputs)
        read = {value for step in self.rows for value in step.reads if value in full and value >= params}
        made = {value for step in self.rows for value in step.writes if value in full}
        self.kept = read | made
        uses: list[Use] = []
        for number in range(self.last + 1):
            needed = self.needed(number)
            reads = tuple(
                value for step in (*needed, *self.folds_of(number)) for value in step.reads if value in self.kept
            )
            stored = tuple(value for value in self.of.outputs if value in self.kept and number == self.last)
            written = {value for step in needed for value in step.writes}
            writes = tuple(value for value in self.kept if value in written)
            uses.append(Use((*reads, *stored), tuple(sorted(writes))))
            for step in self.rows:
                if self.at[step.writes[0]] == number:
                    writes = tuple(value for value in step.writes if value in full)
                    uses.append(Use(step.reads, writes, self.may_alias(step)))
        buffers = allocate(uses, [value for value in self.of.outputs if value in self.kept])
        self.buffer: dict[Key, Place] = {
            value: Place("buffer", index) for value, index in buffers.of.items() if isinstance(value, int)
        }
        homes = {self.buffer[value].number: index for value, index in self.of.outputs.items() if value in self.kept}
        inputs = len(self.of.flow.inputs)
        self.buffer_homes = tuple(inputs + homes[index] if index in homes else -1 for index in range(buffers.count))

    # ---- passes ----------------------------------------------------------------------------------

    def folds_of(self, number: int) -> list[Step]:
        return [step for step in self.folds if self.at[step.writes[0]] == number]

    def needed(self, number: int) -> list[Step]:
        """The steps that run on each page of a pass."""
        full = self.of.full
        wanted = {value for step in self.folds_of(number) for value in step.reads}
        wanted |= {value for value in self.kept if self.ready[value] == number}
        if number == self.last:
            wanted |= {value for value in self.of.outputs if value in full}
        in_memory = {value for value in self.kept if self.ready[value] < number}
        steps = [step for step in self.steps if step.kind == "each" and not self.of.is_one(step)]
        fresh = [step for step in steps if not in_memory.issuperset(step.writes)]
        return needed_steps(fresh, wanted - in_memory)

    def make_pass(self, number: int) -> Pass:
        place: dict[Key, Place] = {**self.of.place, **self.buffer}
        each, folds = self.needed(number), self.folds_of(number)
        spreads = list(dict.fromkeys(spread for step in each for spread in self.of.spreads(step).values()))
        uses = [
            Use(
                tuple(self.of.reads(step)),
                tuple(value for value in step.writes if value not in self.buffer),
                self.may_alias(step),
            )
            for step in each
        ]
        uses += [Use(step.reads, ()) for step in folds]
        outputs = [value for value in self.of.outputs if value in self.of.full] if number == self.last else []
        keep = [value for value in outputs if value not in self.buffer]
        registers = allocate(uses, keep, spreads)
        place |= _in_registers(registers)
        partial: dict[Key, Place] = {step.writes[0]: Place("partial", self.folds.index(step)) for step in folds}
        return Pass(
            registers.count,
            [self.of.run(spread, place) for spread in spreads],
            [self.of.run(step, place) for step in each] + [self.of.run(step, {**place, **partial}) for step in folds],
            self.after(number, place),
            [(step, partial[step.writes[0]], place[step.writes[0]]) for step in folds],
            self.of.stores(place) if outputs else [],
        )

    def after(self, number: int, place: Places) -> list[Run]:
        """Kernels for rows whose arrays are there now, and what can be computed from single elements now."""
        return [
            self.of.run(step, place)
            for step in self.steps
            if (self._is_row(step) and self.at[step.writes[0]] == number)
            or (self.of.is_one(step) and self.at[step.writes[0]] == number + (number > 0))
        ]


def registers_in_flight(passes: Iterable[Pass]) -> int:
    """Return the most registers that any of the passes holds."""
    return max((item.registers for item in passes), default=0)
