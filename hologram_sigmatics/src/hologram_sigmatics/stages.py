"""Stages: a flow is cut into parts that one kernel call each can run.

Steps go into the first stage that can take them: those that work on the same elements, sums of them and
what follows from the sums are one program of the executor; a matrix product, or any other op that is
neither element-wise nor for rows nor a fold, is a stage of its own. Refused with SigmaticsError is a stage
that needs more parameters than a kernel can have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hologram_core import Signature
from hologram_core.signature import MAX_PARAMS, Param

from .errors import SigmaticsError
from .flow import Flow, Input, Output, Shape, Step, array_positions, broadcast

#: element-wise; whole arrays of any shape; rows, with leading batch dimensions; an op as it is
Form: TypeAlias = Literal["each", "whole", "rows", "call"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A flow of its own, the values that go into it, and what its outputs are in the flow it was cut from."""

    form: Form
    flow: Flow
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    full: frozenset[int]  #: of the values of its flow, those as long as the arrays; others are one element

    @property
    def signature(self) -> Signature:
        """What a kernel for it takes: inputs in order, then outputs."""
        if self.form == "call":
            return self.flow.steps[0].spec.signature
        shapes = self.flow.shapes
        params = [
            Param("scalar", "in") if item.number else self._param("in", index, item.shape)
            for index, item in enumerate(self.flow.inputs)
        ]
        params += [self._param("out", output.value, shapes[output.value]) for output in self.flow.outputs]
        inputs, outputs = (
            ",".join(str(param) for param in params if (param.role == "out") == out) for out in (False, True)
        )
        return Signature.parse(f"{inputs}->{outputs}")

    def _param(self, role: Literal["in", "out"], value: int, shape: Shape) -> Param:
        if value in self.full:
            if self.form == "whole":
                return Param("whole", role, ("...",))
            return Param("core", role, () if self.form == "each" else ("n",))
        return Param("core", role, () if shape == () or role == "out" else (1,))


@dataclass
class _Part:
    """A stage that is being filled."""

    domain: Shape | None  #: the shape of what it works on; None for a call
    needs: set[Form] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)


def cut(flow: Flow) -> list[Stage]:
    """Return the stages of a flow, each of which reads what inputs and earlier ones give."""
    parts: list[_Part] = []
    place: dict[int, int] = {}
    shapes = flow.shapes
    for step in flow.steps:
        earliest = max((place[value] for value in step.reads if value in place), default=0)
        domain, needs = _domain(step, shapes), _needs(step, shapes)
        made = {value for value in step.reads if value in place}
        found = next(
            (
                index
                for index in range(earliest, len(parts))
                if _takes(parts[index], domain, needs, [shapes[value] for value in made if place[value] == index])
            ),
            len(parts),
        )
        if found == len(parts):
            parts.append(_Part(domain))
        parts[found].steps.append(step)
        parts[found].needs |= needs
        place |= dict.fromkeys(step.writes, found)
    return [_stage(flow, index, part, place) for index, part in enumerate(parts)]


def _domain(step: Step, shapes: dict[int, Shape]) -> Shape | None:
    """The shape of the elements a step works on."""
    arrays = [shapes[step.reads[index]] for index in array_positions(step.spec)]
    match step.kind:
        case "call":
            return None
        case "each":
            return step.shapes[0]
        case _:
            return broadcast(arrays)


def _needs(step: Step, shapes: dict[int, Shape]) -> set[Form]:
    """The form that a step asks of its stage, if any."""
    domain = _domain(step, shapes)
    if step.kind == "row":
        return {"rows"}
    if domain is None:
        return set()
    if step.kind == "fold":
        return {"rows" if _is_one_row(domain) else "whole"}  # the sum of the only row is that of all
    arrays = [shapes[step.reads[index]] for index in array_positions(step.spec)]
    others = [shape for shape in arrays if shape not in ((), domain)]
    if not others:
        return set()
    return {"rows" if all(_is_row(shape, domain) or _is_column(shape, domain) for shape in others) else "each"}


def _is_one_row(domain: Shape) -> bool:
    """Whether arrays have one dimension; "..." stands for any number of them."""
    return len(domain) == 1 and not (isinstance(domain[0], str) and domain[0].endswith("..."))


def _is_row(shape: Shape, domain: Shape) -> bool:
    """Whether a shape is one row of a domain, which all of its rows share."""
    return shape == domain[-1:]


def _is_column(shape: Shape, domain: Shape) -> bool:
    """Whether a shape has one element for each row of a domain."""
    return shape != () and domain != () and shape[-1] == 1 != domain[-1]


def _takes(part: _Part, domain: Shape | None, needs: set[Form], made_there: Sequence[Shape]) -> bool:
    """Whether a step can join a part, some of whose values it reads."""
    both = part.needs | needs
    if domain is None or part.domain is None or ("whole" in both and len(both) > 1):
        return False
    if domain == part.domain:
        return all(shape in ((), domain) for shape in made_there)
    return domain == () and bool(made_there) and all(shape == () for shape in made_there)


def _stage(flow: Flow, index: int, part: _Part, place: dict[int, int]) -> Stage:
    """The stage of a part."""
    constants = flow.constant_values
    own = {value for step in part.steps for value in step.writes}
    read = dict.fromkeys(value for step in part.steps for value in step.reads if value not in own)
    inputs = sorted(value for value in read if value not in constants)
    if len(part.steps) == len(flow.steps):  # all there is takes all arguments, also those that nothing reads
        inputs = list(range(len(flow.inputs)))
    wanted = {value for step in flow.steps if place[step.writes[0]] != index for value in step.reads}
    writes = [output.value for output in flow.outputs if output.value in own]
    writes += [value for value in sorted(own & wanted) if value not in writes]
    if len(inputs) + len(writes) > MAX_PARAMS:
        raise SigmaticsError(
            f"a circuit that reads {len(inputs)} arrays and writes {len(writes)} at once: "
            f"a kernel has at most {MAX_PARAMS} parameters; make it in parts"
        )
    inner = _part_of(flow, part.steps, inputs, [value for value in read if value in constants], writes)
    return Stage(_form(part, inner), inner, tuple(inputs), tuple(writes), _full(part, inner))


def _part_of(
    flow: Flow, steps: Sequence[Step], inputs: Sequence[int], numbers: Sequence[int], writes: Sequence[int]
) -> Flow:
    """Some steps of a flow as a flow of their own, with its own numbers for values."""
    shapes, constants = flow.shapes, flow.constant_values
    values = [*inputs, *numbers, *(value for step in steps for value in step.writes)]
    new = {value: number for number, value in enumerate(values)}
    names = {output.value: output.name for output in flow.outputs}
    return Flow(
        tuple(
            flow.inputs[value] if value < len(flow.inputs) else Input(f"_v{value}", shapes[value]) for value in inputs
        ),
        tuple(constants[value] for value in numbers),
        tuple(step.renumbered(new) for step in steps),
        tuple(Output(names.get(value, f"_v{value}"), new[value]) for value in writes),
    )


def _form(part: _Part, flow: Flow) -> Form:
    if part.domain is None:
        return "call"
    for form in ("rows", "whole", "each"):
        if form in part.needs:
            return form
    has_cells = any(item.shape == () and not item.number for item in flow.inputs) and part.domain != ()
    return "whole" if has_cells else "each"


def _full(part: _Part, flow: Flow) -> frozenset[int]:
    """The values with an element for each of an item of the part, which is all of an array or a row of it."""
    domain = part.domain
    if domain is None:
        return frozenset()
    shapes = flow.shapes
    arrays = shapes.keys() - flow.constant_values - {index for index, item in enumerate(flow.inputs) if item.number}
    if _form(part, flow) == "each":
        return frozenset(arrays)
    of_rows = {value for step in flow.steps if not _has_row_results(step) for value in step.writes}
    singles = {value for value in arrays if shapes[value] != domain and _is_single(shapes[value], domain)}
    return frozenset(arrays - singles - of_rows)


def _has_row_results(step: Step) -> bool:
    return step.kind != "row" or all(param.core for param in step.spec.signature.outputs)


def _is_single(shape: Shape, domain: Shape) -> bool:
    return shape == () or _is_column(shape, domain)
