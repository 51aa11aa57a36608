"""Flow: what a circuit computes, as steps over values, whether a phrase or a traced function said so.

Values are numbered: inputs first, then constants, then what the steps write, in order. Each value is
written once, so copies and exchanges of classes leave no trace here. Refused with ValueError: a step
that reads what is not there yet.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hologram_core import OpSpec

Number: TypeAlias = bool | int | float
Shape: TypeAlias = tuple[Hashable, ...]  #: sizes, or what stands for sizes that are not known yet

#: the generator of that name: an op of ours, since for bool it is none of the catalogue's
MARK = OpSpec.make("mark", "()->()", "x", "-x, or not x for bool.")
COPY = OpSpec.make("copy", "()->()", "x", "x")

#: ops over whole arrays that can be had page by page, and what then takes the pages together
FOLDS = {
    "reduce_sum": "reduce_sum",
    "reduce_min": "reduce_min",
    "reduce_max": "reduce_max",
    "reduce_prod": "reduce_prod",
    "vector_dot": "reduce_sum",
}

Kind: TypeAlias = Literal["each", "fold", "row", "call"]


@dataclass(frozen=True, slots=True)
class Input:
    """An argument of the circuit: an array, or a number."""

    name: str
    shape: Shape
    number: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One op at work: what it reads, in the order of its parameters, and what it writes."""

    spec: OpSpec
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    shapes: tuple[Shape, ...]  #: of what it writes

    @property
    def kind(self) -> Kind:
        """How it can be run: on each page, as a fold over pages, on rows, or only by a call of its own."""
        return kind_of(self.spec)

    def renumbered(self, new: Mapping[int, int]) -> Step:
        """Return the step with other numbers for values."""
        reads, writes = (tuple(new[value] for value in values) for values in (self.reads, self.writes))
        return Step(self.spec, reads, writes, self.shapes)


@dataclass(frozen=True, slots=True)
class Output:
    """A result of the circuit: the name of it, and its value."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Inputs, constants, steps, outputs."""

    inputs: tuple[Input, ...]
    constants: tuple[Number, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]

    def __post_init__(self) -> None:
        known = set(range(len(self.inputs) + len(self.constants)))
        for step in self.steps:
            if not known.issuperset(step.reads):
                raise ValueError(f"step {step.spec.name} reads a value that is not there yet")
            known.update(step.writes)

    @property
    def constant_values(self) -> dict[int, Number]:
        """The constants by value."""
        return dict(enumerate(self.constants, len(self.inputs)))

    @property
    def shapes(self) -> dict[int, Shape]:
        """The shape of every value."""
        shapes: dict[int, Shape] = {index: item.shape for index, item in enumerate(self.inputs)}
        shapes |= dict.fromkeys(self.constant_values, ())
        for step in self.steps:
            shapes |= zip(step.writes, step.shapes, strict=True)
        return shapes

    def live(self) -> Flow:
        """The flow without steps that no output needs."""
        kept = needed_steps(self.steps, (output.value for output in self.outputs))
        return replace(self, steps=tuple(kept))


def needed_steps(steps: Sequence[Step], wanted: Iterable[int]) -> list[Step]:
    """Return the steps, in order, on which the wanted values depend."""
    needed = set(wanted)
    kept = []
    for step in reversed(steps):
        if needed.intersection(step.writes):
            needed.update(step.reads)
            kept.append(step)
    return kept[::-1]


def kind_of(spec: OpSpec) -> Kind:
    """Return how a circuit can run an op, which its signature tells."""
    signature = spec.signature
    plain = all(param.dtype is None and param.role != "inout" for param in signature.params)
    if not plain or spec.dtype is not None:
        return "call"
    if spec.name in FOLDS:
        return "fold"
    if signature.elementwise:
        return "each"
    rows = all(param.kind == "scalar" or (param.kind == "core" and len(param.core) < 2) for param in signature.params)
    named = len(signature.dims) == 1 and not isinstance(signature.dims[0], int)
    return "row" if rows and named and _leads_with_rows(spec) else "call"


def _leads_with_rows(spec: OpSpec) -> bool:
    """Whether every array that goes in is a row, so that a page of rows is what such a kernel takes."""
    return all(param.kind == "scalar" or param.core for param in spec.signature.inputs)


def array_positions(spec: OpSpec) -> Iterator[int]:
    """Yield the positions of the inputs that are arrays."""
    return (index for index, param in enumerate(spec.signature.inputs) if param.kind != "scalar")


def broadcast(shapes: Iterable[Shape]) -> Shape | None:
    """Return the shape that shapes broadcast to, sizes being equal only to themselves, or None."""
    common: list[Hashable] = []
    for shape in shapes:
        longer, shorter = (list(shape), common) if len(shape) > len(common) else (common, list(shape))
        offset = len(longer) - len(shorter)
        for index, size in enumerate(shorter, offset):
            if longer[index] == 1:
                longer[index] = size
            elif size not in (1, longer[index]):
                return None
        common = longer
    return tuple(common)
